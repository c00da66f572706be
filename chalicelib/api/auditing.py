"""What enters the audit log of a request: all that write or operate, and those that were not allowed what they asked.

It is entered after the view has answered, by its answer. Query strings and bodies stay out: they may hold cells.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib.access.gateway import principal_of
from chalicelib.access.principal import ANONYMOUS, Principal
from chalicelib.api.request import resource_of
from chalicelib.audit.recording import lost, record
from chalicelib.errors import DecantError
from chalicelib.ports import AuditEvent
from chalicelib.telemetry.context import about, subject
from chalicelib.wiring import services

_FORBIDDEN = 403
_LOOKS = {"GET", "HEAD", "OPTIONS"}


def audited(request: Request, get_response: Callable[[Request], Response]) -> Response:
    """Chalice's middleware for requests; see above."""
    principal = _principal(request)
    about(principal_id=principal.id)
    response = get_response(request)
    if request.method not in _LOOKS or response.status_code == _FORBIDDEN:
        event = _event(request, principal, response)
        try:
            log = services().audit
        except Exception:  # noqa: BLE001 - it is told with the entry
            lost(event)  # the view could not be wired either, and has answered so
        else:
            record(log, event)
    return response


def _principal(request: Any) -> Principal:
    try:
        kind = services().settings.authorizer
    except DecantError:  # nothing can be wired, as the view will answer
        return ANONYMOUS
    return principal_of(kind, request.context)


def _event(request: Any, principal: Principal, response: Response) -> AuditEvent:
    return AuditEvent(
        principal=principal.id,
        name=principal.name,
        action=f"{request.method} {request.path}",
        resource=resource_of(request),
        outcome=str(response.status_code),
        moment=dt.datetime.now(dt.UTC),
        run=getattr(response, "run", None),
        request=subject().get("request_id"),
        address=(request.context.get("identity") or {}).get("sourceIp"),
    )
