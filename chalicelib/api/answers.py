"""Runs, backups and batches in the words of the API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chalicelib.api.responses import fitting
from chalicelib.dictionary.model import Column, Table
from chalicelib.load.batch import BatchOutcome
from chalicelib.load.rows import RejectedRow, reason_object
from chalicelib.metrics.compute import DEFAULT_YEAR
from chalicelib.metrics.registry import Metric
from chalicelib.ports import Backup, Run, RunState


def run_object(run: Run) -> dict[str, Any]:
    """A run."""
    over = run.started is not None and run.ended is not None
    return {
        "id": run.id,
        "kind": run.kind.value,
        "table": run.table,
        "state": run.state.value,
        "phase": run.phase,
        "progress": run.progress,
        "expected": run.expected,
        "source": None if run.source is None else asdict(run.source),
        **asdict(run.counts),
        "created": moment(run.created),
        "started": moment(run.started),
        "ended": moment(run.ended),
        "seconds": (run.ended - run.started).total_seconds() if over and run.ended and run.started else None,
        "dictionary": run.dictionary,
        "note": run.note,
        "error": run.error,
        "result": run.result,
    }


def backup_object(backup: Backup) -> dict[str, Any]:
    """A backup."""
    return asdict(backup) | {"created": moment(backup.created), "verified": moment(backup.verified)}


def batch_object(run_id: str, outcome: BatchOutcome, *, by_table: bool) -> dict[str, Any]:
    """The outcome of a batch. With ``by_table`` the tables are named, as they must be where there are several."""
    listed = [
        {**({"table": table} if by_table else {}), "row": row.row, **reason_object(reason)}
        for table, rows in outcome.rejected.items()
        for row in rows
        for reason in row.reasons
    ]
    fit = fitting(listed)
    tables = {"tables": {name: asdict(counts) for name, counts in outcome.counts.items()}} if by_table else {}
    return {
        "run": run_id,
        **asdict(outcome.total),
        **tables,
        "rejections": fit,
        **({"truncated": True} if len(fit) < len(listed) else {}),
    }


def batch_status(outcome: BatchOutcome) -> int:
    """201 when every row went in, 207 when some did, 422 when none did."""
    total = outcome.total
    if outcome.state is RunState.REFUSED or total.rejected == total.read:
        return 422
    return 207 if total.rejected else 201


def rejection_object(table: str, row: RejectedRow, corrected_by: str | None) -> dict[str, Any]:
    """A rejected row with its cells as they came, and every reason."""
    return {
        "table": table,
        "row": row.row,
        "line": row.line,
        "cells": row.cells,
        "reasons": [reason_object(reason) for reason in row.reasons],
        "corrected_by": corrected_by,
    }


def described_table(table: Table, rows: int) -> dict[str, Any]:
    """A table as the dictionary has it, with so many rows."""
    return {
        "name": table.name,
        "title": table.title,
        "description": table.description,
        "rows": rows,
        "primary_key": table.primary_key,
        "foreign_keys": [
            {"columns": key.columns, "table": key.parent, "references": key.references} for key in table.foreign_keys
        ],
        "columns": [
            {
                "name": column.name,
                "type": column.type.name,
                "required": column.required,
                "description": column.description,
                "constraints": constraints_object(column),
            }
            for column in table.columns
        ],
    }


def constraints_object(column: Column) -> dict[str, Any]:
    """What the values of a column are held to besides their type; what there is not is left out."""
    values = {"minimum": column.minimum, "maximum": column.maximum}
    given = {
        **{name: column.type.render(value) for name, value in values.items() if value is not None},
        "enum": [column.type.render(each) for each in column.enum] or None,
        "pattern": column.pattern,
        "min_length": column.min_length,
        "max_length": column.max_length,
    }
    return {name: value for name, value in given.items() if value is not None}


def described_metric(metric: Metric) -> dict[str, Any]:
    """A metric, what it takes and tells."""
    return {
        "name": metric.name,
        "title": metric.title,
        "description": metric.description,
        "columns": [asdict(column) for column in metric.columns],
        "figures": [asdict(figure) for figure in metric.figures],
        "parameters": [{"name": "year", "type": "integer", "default": DEFAULT_YEAR}],
    }


def page_object(name: str, items: Sequence[Mapping[str, Any]], following: str | None) -> dict[str, Any]:
    """A stretch of a collection, and what to ask the next one ``after``; None: there is none."""
    return {name: items, "next": following}


def moment(value: dt.datetime | None) -> str | None:
    """A moment in UTC, ISO 8601."""
    return None if value is None else value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
