"""Rows on their way: as a source gives them, and as the log keeps those that were rejected."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import pyarrow as pa

_SHOWN = 200
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class ReasonCode(StrEnum):
    """Why a row is rejected; the words are those of frictionless."""

    MISSING_CELL = "missing-cell"
    EXTRA_CELL = "extra-cell"
    TYPE_ERROR = "type-error"
    CONSTRAINT_ERROR = "constraint-error"
    FOREIGN_KEY = "foreign-key"
    PRIMARY_KEY = "primary-key"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing wrong with a row. ``column`` is None where no column is at fault, and may be one the table has not."""

    column: str | None
    code: ReasonCode
    message: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not inserted: its number, its cells as they came (None: blank), and every reason.

    ``row`` counts the rows of data from 1; ``line`` is the line of the file or the row of the sheet, None for JSON.
    """

    row: int
    line: int | None
    cells: Mapping[str, str | None]
    reasons: Sequence[Reason]


@dataclass(frozen=True, slots=True)
class Origins:
    """Which rejected rows of a run these rows are: their numbers there, null for a row that is none of them."""

    run: str
    numbers: pa.Array


@dataclass(frozen=True, slots=True)
class SourceChunk:
    """Some rows of a source, columnar.

    ``cells`` has a column of trimmed text for each column of the table, null where a cell is blank. ``faults`` are
    reasons that the source itself found, by index into the chunk. Rows need not be in the order of their numbers.
    ``origins`` is told where these are rejected rows that came again; ``unread`` are sheets of other tables beside
    them.
    """

    rows: pa.Array
    lines: pa.Array
    cells: pa.Table
    faults: Mapping[int, Sequence[Reason]] = field(default_factory=dict)
    origins: Origins | None = None
    unread: Sequence[str] = ()

    def __len__(self) -> int:
        return int(self.cells.num_rows)


class Source(Protocol):
    """Where rows come from: a CSV, a workbook, a JSON batch."""

    def chunks(self) -> Iterator[SourceChunk]:
        """The rows, once. Raises FileError when the whole of it can't be read."""


REJECTIONS_SCHEMA = pa.schema(
    [
        pa.field("run", pa.string()),
        pa.field("table_name", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("line", pa.int64()),
        pa.field("cells", pa.string()),
        pa.field("reasons", pa.string()),
    ]
)


def rejections_table(run: str, table: str, rejected: Sequence[RejectedRow]) -> pa.Table:
    """Rejected rows as the ledger's table ``decant.rejections`` takes them."""
    rows = [logged_row(table, row) for row in rejected]
    columns = [
        [run] * len(rows),
        [table] * len(rows),
        [row["row"] for row in rows],
        [row["line"] for row in rows],
        [_json(row["cells"]) for row in rows],
        [_json(row["reasons"]) for row in rows],
    ]
    return pa.table(columns, schema=REJECTIONS_SCHEMA)


def logged_row(table: str, rejected: RejectedRow) -> dict[str, Any]:
    """A rejected row as the ledger keeps it, but for its run."""
    return {
        "table_name": table,
        "row": rejected.row,
        "line": rejected.line,
        "cells": {name: storable(cell) for name, cell in rejected.cells.items()},
        "reasons": [reason_object(reason) for reason in rejected.reasons],
    }


def reason_object(reason: Reason) -> dict[str, str | None]:
    """A reason as JSON shows it; a long value is cut, for the row's cells have it whole."""
    value = storable(reason.value)
    if value is not None and len(value) > _SHOWN:
        value = value[:_SHOWN] + "…"
    return {"column": reason.column, "code": reason.code.value, "message": reason.message, "value": value}


def rejected_row(
    row: int, line: int | None, cells: Mapping[str, Any], reasons: Sequence[Mapping[str, Any]]
) -> RejectedRow:
    """Read a row of the ledger's ``decant.rejections`` back."""
    return RejectedRow(
        row,
        line,
        cells,
        [Reason(each["column"], ReasonCode(each["code"]), each["message"], each.get("value")) for each in reasons],
    )


def storable(text: str | None) -> str | None:
    """Write out what Postgres can't hold in text, U+0000 and lone surrogates, as ``\\uXXXX``."""
    if text is None or text.isprintable():  # as nearly all cells are, and neither of the two is
        return text
    return _UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


_json = json.JSONEncoder(ensure_ascii=False).encode
