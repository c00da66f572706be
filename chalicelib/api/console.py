"""The web console's files, which anybody may read: they hold no data, and what they ask the API for takes a token."""

from __future__ import annotations

from urllib.parse import quote

from chalice.app import Response

from chalicelib.api.blueprint import Blueprint
from chalicelib.api.request import ApiRequest
from chalicelib.console.site import content_security_policy, site
from chalicelib.errors import NotFound
from chalicelib.wiring import services

console = Blueprint(__name__)

_KEPT = "public, max-age=31536000, immutable"
_ASKED_EACH_TIME = "no-cache"


@console.page("/")
def get_root(request: ApiRequest) -> Response:
    """Lead whoever opens the API itself to the console."""
    stage = "" if request.path.endswith("/") else quote(request.path.rpartition("/")[2]) + "/"
    return Response("", {"Location": f"{stage}console"}, 307)


@console.page("/console")
def get_console(request: ApiRequest) -> Response:
    """Give the page of the console."""
    # The path's own form says how a browser resolves what is relative to it; a gateway may take both for one route.
    prefix = "" if request.path.endswith("/") else "console/"
    headers: dict[str, str | list[str]] = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": _ASKED_EACH_TIME,
        # Uploads go to the bucket itself, which on AWS has an origin of its own.
        "Content-Security-Policy": content_security_policy([services().intake.origin]),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Vary": "Accept-Language, Origin",
    }
    return Response(site().page(prefix, request.languages), headers)


@console.page("/console/{version}/{name}")
def get_asset(_request: ApiRequest, version: str, name: str) -> Response:
    """Give a file of the console. Raises NotFound."""
    asset = site().asset(version, name)
    if asset is None:
        raise NotFound("The console has no such file.", hint="Open the console anew: it may have been replaced.")
    return Response(asset.content, {"Content-Type": asset.media_type, "Cache-Control": _KEPT})
