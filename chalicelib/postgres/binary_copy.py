"""Arrow rows in COPY's binary format.

A row (https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4) is its number of fields, then the length
and the bytes of each, as the ``…_recv`` function of the type reads them. What has a fixed width becomes one numpy
record for each row, from one text to the next; Arrow joins records and texts row by row. Nothing loops over cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.errors import DecantError
from chalicelib.postgres.binary_numeric import encode_numeric

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

# Postgres counts from 2000-01-01, Arrow from 1970-01-01.
_EPOCH_DAYS = 10_957
_EPOCH_MICROSECONDS = _EPOCH_DAYS * 86_400_000_000

# Arrow's usual offsets have 31 bits; all the rows of a block are one array of theirs at the end.
_NARROW = 2**30

Values = np.ndarray[Any, Any]


def encode(rows: pa.RecordBatch, types: Mapping[str, str]) -> memoryview:
    """The rows as they stand between HEADER and TRAILER. ``types`` has the Postgres type of each column.

    Raises DecantError for a value that does not fit its column's type, and for a type that is not known here.
    """
    if not len(rows):
        return memoryview(b"")
    growing = _Rows(len(rows))
    growing.add(np.array(rows.num_columns, ">i2"))
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        try:
            _add_field(growing, column, types[name])
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DecantError(f"A value of the column {name} does not fit its type {types[name]}: {error}") from error
    return growing.joined()


def _add_field(rows: _Rows, column: pa.Array, type_name: str) -> None:
    present = column.is_valid().to_numpy(zero_copy_only=False) if column.null_count else None
    if type_name in _VERSIONS:
        text, version = column.cast(pa.string()), _VERSIONS[type_name]
        lengths = pc.fill_null(pc.binary_length(text), 0).to_numpy() + len(version)
        rows.add((lengths if present is None else np.where(present, lengths, -1)).astype(">i4"))
        for byte in version:
            rows.add(np.array(byte, "u1"), present)
        rows.add_text(text)
    elif type_name in _ENCODERS:
        values = _ENCODERS[type_name](column)
        width = values[0].nbytes
        rows.add(np.array(width, ">i4") if present is None else np.where(present, width, -1).astype(">i4"))
        rows.add(values, present)
    else:
        raise DecantError(f"COPY is not taught to send values of the type {type_name}.")


class _Rows:
    """Rows that grow by a field at a time."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pieces: list[pa.Array] = []
        self._fixed: list[tuple[Values, Values | None]] = []

    def add(self, values: Values, present: Values | None = None) -> None:
        """Add what has a fixed width: one for each row, or the same for all; only where it is present."""
        self._fixed.append((values, present))

    def add_text(self, text: pa.Array) -> None:
        """Add the bytes of texts; nothing for a null."""
        self._close()
        self._pieces.append(text)

    def joined(self) -> memoryview:
        """The bytes of all rows, one behind the other."""
        self._close()
        wide = sum(piece.nbytes for piece in self._pieces) >= _NARROW
        pieces = [_as_bytes(piece, wide) for piece in self._pieces]
        end = pa.scalar(b"", pieces[0].type)
        whole = pc.binary_join_element_wise(*pieces, end, null_handling="replace", null_replacement=b"")
        return memoryview(whole.buffers()[2])

    def _close(self) -> None:
        fixed, self._fixed = self._fixed, []
        if not fixed:
            return
        layout = np.dtype([(str(index), values.dtype, values.shape[1:]) for index, (values, _) in enumerate(fixed)])
        records = np.empty(self._count, layout)
        widths = np.full(self._count, layout.itemsize, np.int32)
        kept = None
        end = 0
        for index, (values, present) in enumerate(fixed):
            name = str(index)
            records[name] = values
            begin, end = end, end + layout[name].itemsize
            if present is not None:
                kept = np.ones((self._count, layout.itemsize), np.bool_) if kept is None else kept
                kept[~present, begin:end] = False
                widths[~present] -= end - begin
        content = records.view("u1")
        offsets = np.zeros(self._count + 1, np.int32)
        np.cumsum(widths, out=offsets[1:])
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(content if kept is None else content[kept.ravel()])]
        self._pieces.append(pa.Array.from_buffers(pa.binary(), self._count, buffers))


def _as_bytes(piece: pa.Array, wide: bool) -> pa.Array:
    """Text or bytes as bytes, which costs nothing where it is not ``wide`` and was not."""
    if wide or pa.types.is_large_string(piece.type):
        piece = piece.cast(pa.large_binary() if pa.types.is_binary(piece.type) else pa.large_string())
    return piece.cast(pa.large_binary() if wide else pa.binary())


def _number(arrow: pa.DataType, width: str, before: int = 0) -> Callable[[pa.Array], Values]:
    """Encode as big-endian numbers of that width, counted from ``before``; ``arrow`` is what the values must fit."""

    def encoder(column: pa.Array) -> Values:
        numbers = column.cast(arrow).cast(_PLAIN.get(arrow, arrow))
        counted: Values = pc.fill_null(numbers, before).to_numpy(zero_copy_only=False) - before
        return counted.astype(width)

    return encoder


_PLAIN = {pa.bool_(): pa.uint8(), pa.date32(): pa.int32(), pa.timestamp("us", "UTC"): pa.int64()}
_ENCODERS: Mapping[str, Callable[[pa.Array], Values]] = {
    "smallint": _number(pa.int16(), ">i2"),
    "integer": _number(pa.int32(), ">i4"),
    "bigint": _number(pa.int64(), ">i8"),
    "boolean": _number(pa.bool_(), "u1"),
    "date": _number(pa.date32(), ">i4", _EPOCH_DAYS),
    "timestamp with time zone": _number(pa.timestamp("us", "UTC"), ">i8", _EPOCH_MICROSECONDS),
    "numeric": encode_numeric,
}
# What stands before the text of a type that is sent as text.
_VERSIONS: Mapping[str, bytes] = {"text": b"", "jsonb": b"\x01"}
