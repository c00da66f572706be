"""The ends of the logs: Postgres, the emulator, and each function's, as CloudWatch Logs has them."""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from infra.local.record import Record, StackError
from infra.local.stack import Stack

LINES = 40
_FRAMES = ("START RequestId", "END RequestId")


def logs_of(stack: Stack, folder: Path) -> dict[str, list[str]]:
    """Give the last lines of every log, by what it is the log of."""
    found = {}
    for name, file in (("Postgres", stack.postgres.log), ("AWS emulator", stack.emulator.log)):
        lines = file.read_text(errors="replace").splitlines() if file.exists() else []
        found[f"{name}: {file}"] = lines[-LINES:]
    if stack.emulator.pid is None:
        return found
    try:
        record = Record.read(folder)
    except StackError:
        return found
    functions = (record.api_function, record.authorizer_function, record.worker_function, record.retention_function)
    for function in functions:
        found[f"Function {function}"] = list(deque(_function_log(record, function), LINES))
    return found


def _function_log(record: Record, function: str) -> Iterator[str]:
    client = record.client("logs")
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
    try:
        for page in pages:
            for event in page["events"]:
                if event["message"].startswith(_FRAMES):
                    continue
                moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                yield f"{moment:%H:%M:%S} {event['message'].rstrip()}"
    except client.exceptions.ResourceNotFoundException:
        return  # the function has not run yet
