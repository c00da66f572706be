"""The ends of the logs: Postgres, the emulator, and each function's, as CloudWatch Logs has them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from infra.local.record import Record, StackError
from infra.local.stack import Stack

LINES = 40
_FRAMES = ("START RequestId", "END RequestId")


def show(stack: Stack, folder: Path) -> int:
    """Print the last lines of every log."""
    for name, file in (("Postgres", stack.postgres.log), ("AWS emulator", stack.emulator.log)):
        _print(f"{name}: {file}", file.read_text(errors="replace").splitlines() if file.exists() else [])
    if stack.emulator.pid is None:
        return 0
    try:
        record = Record.read(folder)
    except StackError:
        return 0
    functions = (record.api_function, record.authorizer_function, record.worker_function, record.retention_function)
    for function in functions:
        _print(f"Function {function}", list(_function_log(record, function)))
    return 0


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


def _print(title: str, lines: list[str]) -> None:
    print(f"== {title}")
    print("\n".join(lines[-LINES:]) or "(empty)")
    print()
