"""What is answered where there is no route: to a caller who is known. Others get the same 401 as everywhere.

API Gateway falls back to a greedy route where a path has no resource, or its resource has not the method.
"""

from __future__ import annotations

import re

from chalice.app import Response

from chalicelib.api.blueprint import Blueprint, Operation
from chalicelib.api.request import ApiRequest
from chalicelib.errors import MethodNotAllowed, NotFound

fallback = Blueprint(__name__)

EVERYTHING = ("/", "/{proxy+}")
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def answer_fallback(request: ApiRequest, **rest: str) -> Response:
    """Say that there is nothing here, or that it takes another method. ``rest`` is the path below the root."""
    path = "/" + "".join(rest.values()).strip("/")
    for route, methods in fallback.current_app.routes.items():
        pattern = "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in route.split("/"))
        if route not in EVERYTHING and re.fullmatch(pattern, path):
            raise MethodNotAllowed(f"{request.method} is not a method of this path.", allowed=sorted(methods))
    raise NotFound("There is nothing at this path.", hint="GET /openapi.json describes the API.")


def answer_preflight(_request: ApiRequest, **_: str) -> Response:
    """Answer a browser that asks before it sends; the headers, which every answer has, tell it."""
    return Response("", status_code=204)


for _path in EVERYTHING:
    # GET of the root is the console's.
    _methods = _METHODS if _path != "/" else [each for each in _METHODS if each != "GET"]
    fallback.route(_path, methods=_methods, operation=Operation(query=None, described=False))(answer_fallback)
    fallback.route(_path, methods=["OPTIONS"], operation=Operation(query=None, described=False, preflight=True))(
        answer_preflight
    )
