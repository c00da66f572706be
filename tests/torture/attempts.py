"""What is tried in a process that may be killed, how it is to be killed, and what is known of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

KILLED = -9


@dataclass(frozen=True)
class Plan:
    """When to kill a process: at the ``occurrence``-th time that it passes a point, or ``after`` so many seconds.

    Before, it may ``linger`` at a point for some seconds, so that others overtake it. Without any of them it lives.
    """

    point: str | None = None
    occurrence: int = 1
    after: float | None = None
    linger_at: str | None = None
    linger: float = 0.0


@dataclass(frozen=True)
class Attempt:
    """One call of an entry point of ``app.py`` (``worker``, ``app``, ``retention``) with its event."""

    entry: str
    event: Mapping[str, Any]
    plan: Plan = field(default_factory=Plan)
    # How far the clock of the process is ahead.
    days_ahead: int = 0
    # What Lambda's context tells it has.
    seconds: float = 900.0

    def render(self) -> str:
        """The attempt as a line."""
        return json.dumps(asdict(self))

    @staticmethod
    def parse(line: str) -> Attempt:
        """The attempt of a line."""
        told = json.loads(line)
        return Attempt(**{**told, "plan": Plan(**told["plan"])})


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: the process's exit code, what it answered, and the points that it passed before."""

    code: int
    points: Sequence[str]
    answer: Any
    seconds: float
    log: str

    @property
    def killed(self) -> bool:
        """Whether the process was killed, as planned."""
        return self.code == KILLED


def request(method: str, route: str, *, path: Mapping[str, str] | None = None, body: Any = None,
            query: Mapping[str, str] | None = None, key: str | None = None) -> dict[str, Any]:  # fmt: skip
    """A request as API Gateway gives it to the function."""
    headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
    actual = route.format(**(path or {}))
    return {
        "httpMethod": method,
        "path": actual,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": {name: [value] for name, value in (query or {}).items()} or None,
        "pathParameters": dict(path or {}) or None,
        "stageVariables": None,
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": route,
            "path": f"/api{actual}",
            "requestId": "torture",
            "identity": {"sourceIp": "127.0.0.1"},
        },
    }


def delivery(body: str, count: int) -> dict[str, Any]:
    """A message as SQS gives it to the function, for the ``count``-th time."""
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(count)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
    return {"Records": [record]}
