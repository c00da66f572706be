"""Arrow columns from a few long rows in Avro's binary encoding, a value at a time.

Made a column at a time, as in ``avro_decoding``, a block costs more than thirty times its size in memory. That is
nothing for 64 KiB; a block of one row with a text of 100 MB would take more than a Lambda function has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from chalicelib.backup.avro_encoding import DECIMAL_BYTES, NULL, VALUE, offsets

_LAST_OCTET = 9


def decode_long_rows(content: bytes, count: int, schema: pa.Schema) -> pa.Table:
    """The ``count`` rows that fill ``content``. Raises ValueError when they do not, or a value is none of its type."""
    reader = _Reader(content)
    readers = [(field, _reading(reader, field.type), []) for field in schema]  # type: ignore[var-annotated]
    try:
        for _ in range(count):
            for field, read, values in readers:
                values.append(read() if not field.nullable or reader.present() else None)
    except IndexError as error:
        raise ValueError("the rows of a block do not fill it") from error
    if reader.at != len(content):
        raise ValueError("the rows of a block do not fill it")
    return pa.table([_column(field.type, values) for field, _, values in readers], schema=schema)


class _Reader:
    """Values from bytes, one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)
        self.at = 0

    def octet(self) -> int:
        """One byte."""
        self.at += 1
        return self._content[self.at - 1]

    def present(self) -> bool:
        """Whether what may be blank is not."""
        branch = self.octet()
        if branch not in (NULL, VALUE):
            raise ValueError("a union has no such branch")
        return branch == VALUE

    def boolean(self) -> bool:
        """True or false."""
        octet = self.octet()
        if octet > 1:
            raise ValueError("a boolean is neither true nor false")
        return octet == 1

    def long(self) -> int:
        """A whole number of 64 bits."""
        number = 0
        for place in range(_LAST_OCTET + 1):
            octet = self.octet()
            number |= (octet & 0x7F) << 7 * place
            if octet < 0x80 and (place < _LAST_OCTET or octet <= 1):
                return (number >> 1) ^ -(number & 1)
        raise ValueError("a number has more than 64 bits")

    def octets(self) -> memoryview:
        """Bytes behind their length; no copy of them."""
        size = self.long()
        begin, self.at = self.at, self.at + size
        if size < 0 or self.at > len(self._content):
            raise ValueError("the rows of a block do not fill it")
        return self._content[begin : self.at]

    def decimal(self) -> bytes:
        """A decimal's digits as Arrow has them."""
        octets = self.octets()
        if len(octets) > DECIMAL_BYTES:
            raise ValueError("a number has more than 128 bits")
        return int.from_bytes(octets, "big", signed=True).to_bytes(DECIMAL_BYTES, "little", signed=True)


def _reading(reader: _Reader, type_: pa.DataType) -> Callable[[], Any]:
    if pa.types.is_string(type_):
        return reader.octets
    if pa.types.is_decimal128(type_):
        return reader.decimal
    return reader.boolean if pa.types.is_boolean(type_) else reader.long


def _column(type_: pa.DataType, values: list[Any]) -> pa.Array:
    if not (pa.types.is_string(type_) or pa.types.is_decimal128(type_)):
        plain = pa.array(values, pa.bool_() if pa.types.is_boolean(type_) else pa.int64())
        return (plain.cast(pa.int32()) if pa.types.is_date32(type_) else plain).cast(type_)
    valid = pa.array([value is not None for value in values], pa.bool_()).buffers()[1]
    if pa.types.is_decimal128(type_):
        content = b"".join(bytes(DECIMAL_BYTES) if value is None else value for value in values)
        return pa.Array.from_buffers(type_, len(values), [valid, pa.py_buffer(content)])
    bounds = offsets(np.array([0 if value is None else len(value) for value in values], np.int64))
    content = b"".join(value for value in values if value is not None)
    return pa.Array.from_buffers(type_, len(values), [valid, pa.py_buffer(bounds), pa.py_buffer(content)])
