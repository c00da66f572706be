"""The API's handler as Lambda calls it, in this process: `call(app, "GET", "/metrics/{metric}", metric="…")`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

_CONTEXT = SimpleNamespace(aws_request_id="bench", function_name="bench", get_remaining_time_in_millis=lambda: 60_000)


def call(app: Any, method: str, resource: str, body: str | None = None, **variables: str) -> dict[str, Any]:
    """Answer a request whose caller may do everything. Raises RuntimeError for an answer of another kind."""
    path = resource.format(**variables)
    event = {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": variables or None,
        "stageVariables": None,
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": path,
            "requestId": "bench",
            "identity": {"sourceIp": "127.0.0.1"},
            "authorizer": {"principalId": "bench", "name": "bench", "scopes": "read write operate"},
        },
    }
    answer: dict[str, Any] = app(event, _CONTEXT)
    if answer["statusCode"] >= 300:
        raise RuntimeError(f"{method} {path} answered {answer['statusCode']}: {answer['body'][:500]}")
    return answer
