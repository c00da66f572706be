"""The API's documents for whoever opens them in a browser: a page, and the files beside it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from chalice.app import Response

from chalicelib.api.blueprint import Blueprint
from chalicelib.api.request import ApiRequest
from chalicelib.api.responses import json_response
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import NotFound
from chalicelib.wiring import services

docs = Blueprint(__name__)

_KEPT_A_WHILE = "public, max-age=300"


@docs.page("/docs")
def get_docs(request: ApiRequest) -> Response:
    """Give the page that describes the API."""
    # Few functions describe the API, and all import this module.
    from chalicelib.api.description.page import content_security_policy, page

    headers: dict[str, str | list[str]] = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": _KEPT_A_WHILE,
        "Content-Security-Policy": content_security_policy(),
    }
    # A browser resolves what is relative by the path's own form, which a gateway may take with a slash or without.
    prefix = "" if request.path.endswith("/") else "docs/"
    return Response(page(_document(), prefix), headers)


@docs.page("/docs/openapi.json")
def get_docs_openapi(_request: ApiRequest) -> Response:
    """Give the OpenAPI document, with the API's root seen from here."""
    return json_response({**_document(), "servers": [{"url": ".."}]}, headers={"Cache-Control": _KEPT_A_WHILE})


@docs.page("/docs/collection.json")
def get_docs_collection(_request: ApiRequest) -> Response:
    """Give the collection of requests."""
    from chalicelib.api.description.collection import collection

    headers = {"Cache-Control": _KEPT_A_WHILE, "Content-Disposition": 'attachment; filename="decant.json"'}
    return json_response(collection(_document()), headers=headers)


def _document() -> dict[str, Any]:
    """The OpenAPI document. Raises NotFound where a stage keeps the names of its tables to itself."""
    if not services().settings.docs_open:
        raise NotFound("The documents of this stage are not open.", hint="GET /openapi.json with a token has them.")
    return _made(services().dictionary)


@lru_cache(maxsize=1)
def _made(dictionary: Dictionary) -> dict[str, Any]:
    from chalicelib.api.description.document import openapi_document

    return openapi_document(docs.current_app.routes, dictionary)
