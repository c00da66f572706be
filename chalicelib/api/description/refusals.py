"""The answers that many operations share: problems, by their status."""

from __future__ import annotations

from typing import Any

from chalicelib.api.blueprint import Operation
from chalicelib.api.description.catalogue import by_status, problems
from chalicelib.api.description.example import RUN
from chalicelib.api.problems import MEDIA_TYPE, problem_urn

_EVERY = (400, 401, 403, 429, 500, 503, 504)
_OF_A_BODY = (413, 415, 422)
_HEADERS = {
    401: ("WWW-Authenticate", "What is lacking (RFC 6750)."),
    403: ("WWW-Authenticate", "What is lacking (RFC 6750)."),
    405: ("Allow", "The methods that the path takes."),
    429: ("Retry-After", "Seconds."),
    503: ("Retry-After", "Seconds."),
}


def refusals() -> dict[str, Any]:
    """The shared answers by name, one for each status that a problem has."""
    return {f"Problem{status}": _described(status) for status in sorted({each.status or 0 for each in problems()})}


def always(operation: Operation, method: str) -> list[int]:
    """The statuses by which an operation can be refused, whatever else it says of its answers."""
    problem = {status for status, schema in operation.answers.items() if schema == "Problem"}
    formats = {406} if operation.csv or operation.svg else set()
    return sorted({*_EVERY, *problem, *formats, *(_OF_A_BODY if method == "POST" else ())})


def refusal(status: int, besides: dict[str, Any] | None) -> dict[str, Any]:
    """The answer of a refusal; where the operation has an answer of that status ``besides``, it may be either."""
    if besides is None:
        return {"$ref": f"#/components/responses/Problem{status}"}
    return {**besides, "content": {**besides.get("content", {}), **_content()}}


def _described(status: int) -> dict[str, Any]:
    entry = by_status(status)
    document = {"type": problem_urn(entry.code), "title": entry.title, "status": status, "detail": entry.example,
                "instance": f"/runs/{RUN}"}  # fmt: skip
    described: dict[str, Any] = {"description": f"{entry.title}.", "content": _content()}
    described["content"][MEDIA_TYPE]["examples"] = {entry.code: {"summary": entry.title, "value": document}}
    if status in _HEADERS:
        name, text = _HEADERS[status]
        described["headers"] = {name: {"description": text, "schema": {"type": "string"}}}
    return described


def _content() -> dict[str, Any]:
    return {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
