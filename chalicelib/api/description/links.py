"""What an answer leads to: OpenAPI links, by which a program goes on from one operation to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Answers that name a run, and where its id is.
_RUNS = {"Run": "/id", "BatchAnswer": "/run", "TablesAnswer": "/run", "ReplayAnswer": "/run", "Upload": "/run"}
# Answers whose run may have rejected rows.
_REJECTING = ("BatchAnswer", "TablesAnswer", "ReplayAnswer")
_OF_A_RUN = {"rejections": "list_rejections", "reasons": "list_reasons"}
_OF_A_BACKUP = {
    "backup": "get_backup", "file": "get_backup_file", "verification": "post_verification", "pin": "post_pin",
    "unpin": "post_unpin",
}  # fmt: skip
# Orders to make backups, whose runs tell those they made once they have ended.
_BACKING_UP = ("post_backup", "post_table_backup")


def links(operation: str, status: int, schema: str) -> dict[str, Any]:
    """The links of an operation's answer, by their names."""
    return dict(_links(operation, status, schema))


def _links(operation: str, status: int, schema: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if schema in _RUNS and operation != "get_run":
        yield "run", _link("get_run", run=_RUNS[schema])
    if schema in _REJECTING:
        yield from ((name, _link(target, run=_RUNS[schema])) for name, target in _OF_A_RUN.items())
    if schema in _REJECTING and status != 201:
        row = [{"row": _body("/rejections/0/row")}] if schema == "BatchAnswer" else None
        told = "Put the corrected cells beside row." if row else None
        yield "correction", _link("post_replay", told, row, run=_RUNS[schema])
    if schema == "Runs":
        yield "run", _link("get_run", run="/runs/0/id")
        yield from ((name, _link(target, run="/runs/0/id")) for name, target in _OF_A_RUN.items())
    if schema == "Backups":
        yield from ((name, _link(target, backup="/backups/0/id")) for name, target in _OF_A_BACKUP.items())
        body = {"backup": _body("/backups/0/id"), "dry_run": True}
        yield "restore", _link("post_table_restore", None, body, table="/backups/0/table")
    if operation in _BACKING_UP and status == 200:
        yield from ((name, _link(target, backup="/result/backups/0")) for name, target in _OF_A_BACKUP.items())


def _link(target: str, told: str | None = None, body: Any = None, **parameters: str) -> dict[str, Any]:
    """A link with the parameters that are told by JSON pointers into the answer's body."""
    found = {"operationId": target, "parameters": {name: _body(pointer) for name, pointer in parameters.items()}}
    given = {"requestBody": body, "description": told}
    return found | {name: value for name, value in given.items() if value is not None}


def _body(pointer: str) -> str:
    return f"$response.body#{pointer}"
