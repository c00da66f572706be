"""Requests to the deployed API of the local stack, with its token."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from infra.local.record import Record

ENDED = ("succeeded", "failed", "refused", "duplicate")
POLL_SECONDS = 0.3
Run = dict[str, Any]


class ApiError(Exception):
    """The deployed API did not answer as it should; the message says what was asked and what came."""


def request(record: Record, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Give status and body of the API's answer, whatever they are; an order is waited for, up to 20 seconds.

    Raises ApiError when nobody answers.
    """
    headers = {"Prefer": "wait=20", "Content-Type": "application/json", **record.authorization()}
    asked = urllib.request.Request(record.api_url + path, data=body, headers=headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - the record's own URL
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError as error:
        raise ApiError(f"{method} {record.api_url}{path} failed: {error}. See `make status`.") from error


def ask(record: Record, path: str, method: str = "GET") -> dict[str, Any]:
    """Give the document that the API answers with. Raises ApiError for an answer that is none, or a problem."""
    status, content = request(record, method, path)
    if status >= 400:
        told = content.decode(errors="replace")[:500]
        raise ApiError(f"{method} {record.api_url}{path} answered {status}: {told}")
    try:
        document: dict[str, Any] = json.loads(content)
    except ValueError as error:
        raise ApiError(f"{method} {record.api_url}{path} answered no JSON: {content[:500]!r}") from error
    return document


def order(record: Record, path: str) -> Run:
    """POST an order and wait for the end of its run, however it ends."""
    run = ask(record, path, "POST")
    while run["state"] not in ENDED:
        time.sleep(POLL_SECONDS)
        run = ask(record, f"/runs/{run['id']}")
    return run
