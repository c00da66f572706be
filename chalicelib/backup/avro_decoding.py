"""Arrow columns from rows in Avro's binary encoding (see ``avro_encoding``), without a loop over values.

Where a field begins depends on all that stands before it. So for *every* byte of a block it is computed where a field
that began there would end. One walk along these tables finds the rows, and then each column is decoded for all rows at
once.
"""

from __future__ import annotations

from functools import cached_property, reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chalicelib.backup.avro_encoding import DECIMAL_BYTES, NULL, VALUE, offsets
from chalicelib.backup.avro_long_rows import decode_long_rows

_VARINT_BYTES = 10
_WORD_BYTES = 8
# Up to so many bytes a row, joining the tables of all fields to one costs less than going from field to field.
_SHORT_ROW = 64
# Rows longer than this are few in a block, and cost less a value at a time.
_LONG_ROW = 4_096
_TOO_LONG = "a number has more than 64 bits"

_Positions = npt.NDArray[np.int32]
_Flags = npt.NDArray[np.bool_]


def decode_rows(content: bytes, count: int, schema: pa.Schema) -> pa.Table:
    """The ``count`` rows that fill ``content``. Raises ValueError when they do not, or a value is none of its type."""
    if not 0 <= count <= len(content):
        raise ValueError(f"{count} rows can't be in {len(content)} bytes")
    decode = decode_long_rows if len(content) > _LONG_ROW * count else _decode_short_rows
    table = decode(content, count, schema)
    table.validate(full=True)
    return table


def _decode_short_rows(content: bytes, count: int, schema: pa.Schema) -> pa.Table:
    block = _Block(content)
    at = block.rows(schema, count)
    columns = []
    for field in schema:
        columns.append(block.column(field, at))
        at = block.ends(field).take(at)
    return pa.table(columns, schema=schema)


class _Block:
    """The bytes of a block. ``size`` is the position behind the last, ``beyond`` where what does not fit in ends."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self.beyond = self.size + 1
        self._octets = np.frombuffer(content + bytes(2 * _VARINT_BYTES), np.uint8)
        # The eight bytes from each position on.
        self._words: npt.NDArray[np.uint64] = np.ndarray(self.beyond + 1, "<u8", self._octets, strides=(1,))
        self._blank_or: dict[str, _Positions] = {}

    def rows(self, schema: pa.Schema, count: int) -> _Positions:
        """Where each row begins."""
        hops = [self.ends(field) for field in schema]
        if self.size < _SHORT_ROW * count:
            hops = [reduce(lambda ends, following: following.take(ends), hops)]
        starts = np.empty(count, np.int32)
        into, follow, at = memoryview(starts.data), [memoryview(hop.data) for hop in hops], 0
        for number in range(count):
            into[number] = at
            for ends in follow:
                at = ends[at]
        if at != self.size:
            raise ValueError("the rows of a block do not fill it")
        return starts

    def ends(self, field: pa.Field) -> _Positions:
        """For each position, where the field would end if it began there."""
        kind = _kind(field.type)
        if not field.nullable:
            return self._value_ends(kind)
        if kind not in self._blank_or:
            branch, behind = self._octets[: self.beyond + 1], self._byte_ends
            value = self._value_ends(kind).take(behind)
            ends = np.where(branch == VALUE, value, np.where(branch == NULL, behind, self.beyond))
            self._blank_or[kind] = ends.astype(np.int32, copy=False)
        return self._blank_or[kind]

    def column(self, field: pa.Field, at: _Positions) -> pa.Array:
        """The values of the fields that begin at those positions."""
        blank: _Flags | None = None
        if field.nullable:
            blank = self._octets.take(at) == NULL
            at = np.where(blank, self.size, at + 1)  # behind the end there are zeros: a value of every type
        if _kind(field.type) == "bytes":
            begin, end = self._varint_ends.take(at), self._bytes_ends.take(at)
            if blank is not None:
                begin, end = np.where(blank, 0, begin), np.where(blank, 0, end)
            content = self._decimals if pa.types.is_decimal128(field.type) else self._texts
            valid = None if blank is None else pa.array(~blank).buffers()[1]
            return pa.Array.from_buffers(field.type, len(at), [valid, *content(begin, end - begin)])
        if _kind(field.type) == "byte":
            octets = self._octets.take(at)
            if octets.max(initial=0) > 1:
                raise ValueError("a boolean is neither true nor false")
            return pa.array(octets.astype(np.bool_), mask=blank)
        numbers = pa.array(self._integers(at), mask=blank)
        return (numbers.cast(pa.int32()) if pa.types.is_date32(field.type) else numbers).cast(field.type)

    def _value_ends(self, kind: str) -> _Positions:
        if kind == "bytes":
            return self._bytes_ends
        return self._byte_ends if kind == "byte" else self._varint_ends

    @cached_property
    def _byte_ends(self) -> _Positions:
        return np.minimum(np.arange(1, self.beyond + 2, dtype=np.int32), self.beyond)

    @cached_property
    def _varint_ends(self) -> _Positions:
        last = np.flatnonzero(self._octets[: self.beyond + 1] < 0x80).astype(np.int32)
        return np.repeat(np.minimum(last + 1, self.beyond), np.diff(last, prepend=-1))

    @cached_property
    def _bytes_ends(self) -> _Positions:
        """The length of what fits into the block takes few bytes; no more are looked at."""
        begin = self._varint_ends
        width = begin - np.arange(len(begin), dtype=np.int32)
        most = -(-(2 * self.size).bit_length() // 7)
        integer: type[np.signedinteger[Any]] = np.int32 if 7 * most < 31 else np.int64
        zigzag = (self._octets[: len(begin)] & 0x7F).astype(integer)
        for each in range(2, most + 1):
            at = np.flatnonzero(width == each)
            for place in range(1, each):
                zigzag[at] |= (self._octets.take(at + place) & 0x7F).astype(integer) << integer(7 * place)
        wrong = (width > most) | (zigzag & 1 == 1)
        return np.where(wrong, self.beyond, np.minimum(begin + (zigzag >> 1), self.beyond)).astype(np.int32)

    def _integers(self, at: _Positions) -> npt.NDArray[np.int64]:
        width = self._varint_ends.take(at) - at
        longest = int(width.max(initial=1))
        if longest > _VARINT_BYTES:
            raise ValueError(_TOO_LONG)
        used = np.minimum(width, _WORD_BYTES).astype(np.uint64) * 8
        word = self._words[at] & (~np.uint64(0) >> (64 - used))
        # Seven bits of each byte move together: into pairs, fours, and one number.
        word = (word & 0x007F007F007F007F) | (word & 0x7F007F007F007F00) >> 1
        word = (word & 0x00003FFF00003FFF) | (word & 0x3FFF00003FFF0000) >> 2
        word = (word & 0x000000000FFFFFFF) | (word & 0x0FFFFFFF00000000) >> 4
        for place in range(_WORD_BYTES, longest):
            octets = np.where(width > place, self._octets.take(at + place), 0).astype(np.uint64)
            if place == _VARINT_BYTES - 1 and octets.max() > 1:
                raise ValueError(_TOO_LONG)
            word |= (octets & 0x7F) << np.uint64(7 * place)
        numbers: npt.NDArray[np.int64] = (word >> 1).view(np.int64) ^ -(word & 1).view(np.int64)
        return numbers

    def _texts(self, begin: _Positions, lengths: _Positions) -> tuple[pa.Buffer, ...]:
        bounds = offsets(lengths)
        at = np.repeat(begin - bounds[:-1], lengths) + np.arange(bounds[-1], dtype=np.int32)
        return pa.py_buffer(bounds), pa.py_buffer(self._octets.take(at))

    def _decimals(self, begin: _Positions, lengths: _Positions) -> tuple[pa.Buffer, ...]:
        if lengths.max(initial=0) > DECIMAL_BYTES:
            raise ValueError("a number has more than 128 bits")
        places = np.arange(DECIMAL_BYTES, dtype=np.int32)
        from_behind = np.maximum((begin + lengths - 1)[:, None] - places, 0)
        sign = np.where((lengths > 0) & (self._octets.take(begin) >= 0x80), 0xFF, 0)
        octets = np.where(places < lengths[:, None], self._octets.take(from_behind), sign[:, None])
        return (pa.py_buffer(octets.astype(np.uint8)),)


def _kind(type_: pa.DataType) -> str:
    """How values of a type are written: ``bytes`` behind their length, one ``byte``, or a ``varint``."""
    if pa.types.is_string(type_) or pa.types.is_decimal128(type_):
        return "bytes"
    return "byte" if pa.types.is_boolean(type_) else "varint"
