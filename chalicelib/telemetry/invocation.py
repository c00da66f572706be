"""One invocation of a function, of whatever kind: its lines are JSON and name it, and no exception leaves it whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chalicelib.telemetry.context import anew
from chalicelib.telemetry.lines import configure

logger = logging.getLogger(__name__)


class FunctionFailed(Exception):
    """What leaves a function that failed. The runtime logs it with its message, and this one's holds no rows."""


def observed(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Chalice's middleware for all functions. ``event`` is its request, or its event with Lambda's context."""
    with invocation(_request_id(event)):
        return get_response(event)


@contextmanager
def invocation(request_id: str | None = None) -> Iterator[None]:
    """See above; for a function that Chalice calls without its middleware, as it does an authorizer."""
    configure()
    with anew(request_id=request_id):
        try:
            yield
        except Exception:
            logger.exception("the function failed")
            raise FunctionFailed(f"The function failed; its log tells where, at the request {request_id}.") from None


def _request_id(event: Any) -> str:
    """The id that API Gateway, else Lambda, gives the request."""
    if not isinstance(event.context, Mapping):
        return str(getattr(event.context, "aws_request_id", "unknown"))
    return str(event.context.get("requestId") or getattr(event.lambda_context, "aws_request_id", "unknown"))
