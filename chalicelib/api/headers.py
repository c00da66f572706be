"""The headers that every answer has: what a browser must not do with it, and whose pages may read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from chalice.app import Response

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Prefer",
    "Access-Control-Max-Age": "7200",
}
_EXPOSED = "Content-Disposition, Link, Location, Retry-After, WWW-Authenticate"


def finished(response: Response, origin: str | None, allowed: Collection[str], *, preflight: bool) -> Response:
    """The answer with the headers; those that it has already stay. ``allowed`` are the origins that may read it."""
    response.headers = {**SECURITY_HEADERS, **_cors(origin, allowed, preflight), **response.headers}
    return response


def _cors(origin: str | None, allowed: Collection[str], preflight: bool) -> Mapping[str, str]:
    """https://fetch.spec.whatwg.org/#http-cors-protocol; a token is no credential there, for no browser sends it."""
    if not allowed:
        return {}
    vary = {"Vary": "Origin"}
    if origin not in allowed:
        return vary
    more = _PREFLIGHT if preflight else {"Access-Control-Expose-Headers": _EXPOSED}
    return {**vary, "Access-Control-Allow-Origin": str(origin), **more}
