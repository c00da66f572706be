"""Answers as the API gives them, for examples: made of its own objects, so that they can't fall behind."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from chalicelib.api.answers import backup_object, batch_object, moment, page_object, rejection_object, run_object
from chalicelib.api.description.example import BACKUP, RUN, SNAPSHOT
from chalicelib.api.description.sample_rows import Row
from chalicelib.dictionary.model import Column, Dictionary, Table
from chalicelib.errors import Unavailable
from chalicelib.load.batch import BatchOutcome
from chalicelib.load.rows import Reason, ReasonCode, RejectedRow
from chalicelib.metrics.registry import Metric
from chalicelib.ports import Backup, Counts, Run, RunKind, RunState, Source

_THEN = dt.datetime(2026, 1, 2, 3, 15, tzinfo=dt.UTC)
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def required_column(table: Table) -> Column:
    """The last column that a row can't do without; every table has one, for it has a key."""
    return [column for column in table.columns if column.required][-1]


def spoiled(table: Table, row: Row) -> Row:
    """The row without a cell that it needs."""
    return {name: value for name, value in row.items() if name != required_column(table).name}


def batch_answer(
    tables: Sequence[Table], good: int, bad: Sequence[RejectedRow] = (), *, by_table: bool, atomic: bool = False
) -> dict[str, Any]:
    """The answer to a batch of good rows for each table, and bad ones for the first."""
    counts = {table.name: Counts(read=good, inserted=good) for table in tables}
    counts[tables[0].name] = Counts(read=good + len(bad), inserted=good, rejected=len(bad))
    if atomic:
        counts = {name: Counts(read=each.read, rejected=each.read) for name, each in counts.items()}
    outcome = BatchOutcome(RunState.SUCCEEDED, counts, {tables[0].name: bad})
    return batch_object(RUN, outcome, by_table=by_table)


def rejected(table: Table, row: int, *, blank: bool = False) -> RejectedRow:
    """The row of that number, rejected for what ``spoiled`` took from it, or for a blank in its place."""
    name = required_column(table).name
    absent = Reason(name, ReasonCode.MISSING_CELL, f"{name} is required, and absent")
    return RejectedRow(
        row, None, {}, [Reason(name, ReasonCode.CONSTRAINT_ERROR, f"{name} is required, and blank here")] if blank
        else [absent],
    )  # fmt: skip


def rejections_answer(table: Table, row: Row) -> dict[str, Any]:
    """A page of rejected rows, with one row on it."""
    return page_object("rejections", [rejection_object(table.name, rejected_row(table, row), None)], None)


def rejected_row(table: Table, row: Row) -> RejectedRow:
    """A spoiled row as it was rejected, with its cells."""
    cells = {name: None if value is None else str(value) for name, value in spoiled(table, row).items()}
    return replace(rejected(table, 2), cells={**cells, required_column(table).name: None})


def upload_answer(table: Table) -> dict[str, Any]:
    """A form to upload a file with."""
    key = f"incoming/{table.name}/{RUN}/{table.name}.csv"
    fields = {"key": key, "x-amz-meta-run": RUN, "policy": "eyJleHBpcmF0aW9uIjogIi4uLiJ9", "x-amz-signature": "2f8c…"}
    told = {"run": RUN, "key": key, "expires_in": 300, "max_bytes": 5_000_000_000}
    return {"url": "https://decant-intake.s3.eu-central-1.amazonaws.com/", "fields": fields, **told}


def run_answer(
    dictionary: Dictionary, kind: RunKind, table: Table | None, *, ended: bool = True, load: bool = False
) -> dict[str, Any]:
    """A run, which has just been queued unless it has ended."""
    name = None if table is None else table.name
    run = Run(
        id=RUN,
        kind=kind,
        table=name,
        state=RunState.SUCCEEDED if ended else RunState.QUEUED,
        dictionary=dictionary.digest,
        phase="done" if ended else "",
        progress=2 if ended and load else 0,
        source=Source("decant-intake", f"incoming/{name}/{name}.csv", "3HL4kqtJlcpXroDTDmJ") if load else None,
        counts=Counts(read=2, inserted=1, rejected=1) if ended and load else Counts(),
        created=_THEN,
        started=_THEN if ended else None,
        ended=_THEN + dt.timedelta(seconds=2.5) if ended else None,
    )
    return run_object(run)


def dead_letters_answer(dictionary: Dictionary, table: Table) -> dict[str, Any]:
    """The dead-letter queue with a load in it that found the database down."""
    down = Unavailable("The database can't be reached.", hint="Try again in a moment.")
    run = run_answer(dictionary, RunKind.LOAD, table, load=True)
    failed = {"state": RunState.FAILED.value, "progress": 0, "error": down.told(), **asdict(Counts())}
    body = json.dumps({"work": "load", "run": RUN, "source": run["source"], "tries": 6})
    letter = {"id": "5fea7756-0ea4-451a-a703-a558b933e274", "sent": moment(_THEN), "deliveries": 5, "problem": None}
    return {"messages": [{**letter, "runs": [run | failed], "body": body}], "more": False}


def backup_answer(dictionary: Dictionary, table: Table, *, pinned: bool = False) -> dict[str, Any]:
    """A backup of a table."""
    return backup_object(Backup(BACKUP, table.name, SNAPSHOT, 2, 412, _HASH, _THEN, dictionary.digest, pinned=pinned))


def manifest_answer(dictionary: Dictionary, table: Table) -> dict[str, Any]:
    """A backup with the telling part of its manifest."""
    told = backup_answer(dictionary, table)
    file = f"backups/{table.name}/{BACKUP}/data.avro"
    shared = {name: told[name] for name in ("id", "table", "created", "bytes", "sha256", "rows")}
    return told | {"manifest": {"format": 1, "file": file, "tables": [table.name], **shared}}


def metric_answer(metric: Metric, year: int) -> dict[str, Any]:
    """A metric with one row."""
    values = {"string": "Example", "integer": 3, "number": 1.5}
    row = {column.name: values[column.type] for column in metric.columns}
    figures = {figure.name: values[figure.type] for figure in metric.figures}
    return {"metric": metric.name, "year": year, "columns": list(row), "rows": [row], **figures}
