"""A batch of JSON rows as a source: each row an object with a value for each column."""

from __future__ import annotations

import json
import re
from collections import defaultdict
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
        names = self._table.column_names
        columns = set(names)
        faults: dict[int, list[Reason]] = defaultdict(list)
        for index, row in enumerate(self._rows):
            if not isinstance(row, Mapping) or row.keys() != columns:
                faults[index].extend(self._row_faults(row))
        objects = [row if isinstance(row, Mapping) else {} for row in self._rows]
        cells = {}
        for name in names:
            cells[name], found = _texts(name, [row.get(name) for row in objects])
            for index, fault in found.items():
                faults[index].append(fault)
        yield SourceChunk(
            rows=pa.array(self._numbers, pa.int64()),
            lines=pa.nulls(len(self._rows), pa.int64()),
            cells=blank_to_null(pa.table(cells)),
            faults={index: found for index, found in sorted(faults.items()) if found},
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


def _texts(name: str, values: Sequence[Any]) -> tuple[pa.Array, dict[int, Reason]]:
    """The texts of a column, and the reasons why some values have none, by their index."""
    try:
        return pa.array(values, pa.string()), {}
    except (pa.ArrowTypeError, UnicodeEncodeError):  # not all of them are text, or some is none that UTF-8 can hold
        told = [_text(name, value) for value in values]
        faults = {index: fault for index, (_, fault) in enumerate(told) if fault is not None}
        return pa.array([text for text, _ in told], pa.string()), faults


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
