"""Errors as HTTP tells them: problem documents (https://www.rfc-editor.org/rfc/rfc9457)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from chalice.app import Response

from chalicelib.api.responses import json_text
from chalicelib.errors import DecantError, Forbidden, MethodNotAllowed, Unauthorized

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="decant"'
_RETRY_AFTER_SECONDS = "1"
# What a path may hold as it is (RFC 3986, 3.3). The gateway gives it as the client wrote it, or decoded.
_PATH = "/%:@!$&'()*+,;=~"


def problem_response(error: DecantError, instance: str) -> Response:
    """The answer that tells an error to the person who made the request."""
    body = json_text(problem_document(error, instance))
    return Response(body, {"Content-Type": MEDIA_TYPE, **_headers(error)}, error.status)


def problem_document(error: DecantError, instance: str) -> dict[str, Any]:
    """``detail`` says what happened and what to do; ``errors`` lists the parts at fault, where there are some."""
    document = {
        "type": problem_urn(error.code),
        "title": error.title,
        "status": error.status,
        "detail": str(error),
        "instance": quote(instance, safe=_PATH, errors="replace"),
    }
    return document | ({"errors": error.errors} if error.errors else {})


def problem_urn(code: str) -> str:
    """The type of a problem, stable and published, by its code."""
    return f"urn:decant:problem:{code}"


def _headers(error: DecantError) -> dict[str, str]:
    """What the header says of an error. Those for tokens are RFC 6750's."""
    match error:
        case Unauthorized():
            return {"WWW-Authenticate": CHALLENGE}
        case Forbidden():
            return {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="{error.scope}"'}
        case MethodNotAllowed():
            return {"Allow": ", ".join(error.allowed)}
    return {"Retry-After": _RETRY_AFTER_SECONDS} if error.retryable else {}


def defect(request_id: str) -> DecantError:
    """What is told of an error inside the service: nothing but where its operator finds it."""
    return DecantError(
        "The service failed at this request; that is not the request's fault.",
        hint=f"Its log tells the reason, at the request {request_id}.",
    )
