"""A batch of JSON rows as a source: each row an object with a value for each column."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from chalicelib.dictionary.model import Table
from chalicelib.load.cells import blank_to_null
from chalicelib.load.rows import Reason, ReasonCode, SourceChunk, storable

_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonSource:
    """Rows that have been read from JSON. Numbers and truth values count as the text that a CSV would hold."""

    def __init__(self, table: Table, rows: Sequence[object], numbers: Sequence[int] | None = None) -> None:
        self._table = table
        self._rows = rows
        self._numbers = numbers or range(1, len(rows) + 1)

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``: all rows in one chunk."""
        faults: dict[int, list[Reason]] = {}
        cells: dict[str, list[str | None]] = {name: [] for name in self._table.column_names}
        for index, row in enumerate(self._rows):
            found = list(self._row_faults(row))
            for name in self._table.column_names:
                value = row.get(name) if isinstance(row, Mapping) else None
                text, fault = _text(name, value)
                cells[name].append(text)
                found += [fault] if fault else []
            if found:
                faults[index] = found
        yield SourceChunk(
            rows=pa.array(self._numbers, pa.int64()),
            lines=pa.nulls(len(self._rows), pa.int64()),
            cells=blank_to_null(pa.table({name: pa.array(column, pa.string()) for name, column in cells.items()})),
            faults=faults,
        )

    def _row_faults(self, row: object) -> Iterator[Reason]:
        if not isinstance(row, Mapping):
            shown = storable(json.dumps(row))
            yield Reason(None, ReasonCode.TYPE_ERROR, "a row must be a JSON object with a value for each column", shown)
            return
        for name, value in row.items():
            if name not in self._table.column_names:
                shown = storable(str(name))
                message = f"{self._table.name} has no column {shown!r}"
                yield Reason(shown, ReasonCode.EXTRA_CELL, message, storable(json.dumps(value, default=str)))
        for column in self._table.columns:
            if column.required and column.name not in row:
                yield Reason(column.name, ReasonCode.MISSING_CELL, f"{column.name} is required, and absent")


def _text(name: str, value: Any) -> tuple[str | None, Reason | None]:
    """The text that a CSV would hold for a JSON value, and the reason why there is none."""
    match value:
        case None:
            return None, None
        case str():
            if _SURROGATE.search(value):
                return storable(value), Reason(
                    name, ReasonCode.TYPE_ERROR, f"{name} holds half of a surrogate pair", value
                )
            return value, None
        case bool():
            return ("true" if value else "false"), None
        case int():
            return _digits(name, value)
        case float() | Decimal():
            return format(Decimal(repr(value)) if isinstance(value, float) else value, "f"), None
        case _:
            text = storable(json.dumps(value, default=str))
            return text, Reason(name, ReasonCode.TYPE_ERROR, f"{name} takes a single value, not a list or object", text)


def _digits(name: str, value: int) -> tuple[str | None, Reason | None]:
    # Python refuses to print a number of thousands of digits; no column could hold it anyway.
    if value.bit_length() > 256:
        return f"{value:#x}"[:100], Reason(name, ReasonCode.TYPE_ERROR, f"{name} is far too big a number")
    return str(value), None
