"""Rows in Avro's binary encoding, made a column at a time and never a value at a time.

In https://avro.apache.org/docs/1.12.0/specification/#binary-encoding fields follow each other without any mark: a whole
number is a zig-zag varint, a text or a decimal has its length before it, what may be blank the number of its branch.
So each column becomes one or two columns of bytes, and Arrow joins those row by row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# A branch of the union with null, as it is written and as it is read.
NULL, VALUE = 0, 2
DECIMAL_BYTES = 16

_Flags = npt.NDArray[np.bool_]


def encode_rows(rows: pa.Table) -> pa.Array:
    """Each row as one binary value."""
    pieces: list[pa.Array] = []
    for field, column in zip(rows.schema, rows.columns, strict=True):
        array = column.combine_chunks()
        present = array.is_valid().to_numpy(zero_copy_only=False)
        if field.nullable:
            pieces.append(_column(np.where(present, VALUE, NULL).astype(np.uint8), np.ones(len(array))))
        pieces += _values(array, present)
    return pc.binary_join_element_wise(*pieces, b"", null_handling="replace", null_replacement=b"")


def offsets(lengths: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Where in a column's bytes each value begins, and where the last one ends."""
    bounds = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=bounds[1:])
    return bounds


def _values(array: pa.Array, present: _Flags) -> list[pa.Array]:
    if pa.types.is_boolean(array.type):
        return [_column(array.drop_null().to_numpy(zero_copy_only=False).astype(np.uint8), present)]
    if pa.types.is_string(array.type) or pa.types.is_decimal128(array.type):
        content = array.cast(pa.binary()) if pa.types.is_string(array.type) else _big_endian(array, present)
        return [_varints(pc.binary_length(content), present), content]
    return [_varints(array.cast(pa.int32()) if pa.types.is_date32(array.type) else array, present)]


def _varints(array: pa.Array, present: _Flags) -> pa.Array:
    values: npt.NDArray[np.int64] = array.cast(pa.int64()).fill_null(0).to_numpy()
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    width = max(1, -(-int(zigzag.max(initial=0)).bit_length() // 7))
    rest = zigzag[:, None] >> np.arange(0, 7 * width, 7, dtype=np.uint64)
    more = rest >= 0x80
    octets = (rest & 0x7F).astype(np.uint8) | more.astype(np.uint8) << np.uint8(7)
    used = np.column_stack([present, more[:, :-1]])
    return _column(octets[used], used.sum(axis=1))


def _big_endian(array: pa.Array, present: _Flags) -> pa.Array:
    """The fewest bytes that hold the sign too, as Java's BigInteger writes them; Arrow has 16, little-endian."""
    content = np.frombuffer(array.buffers()[1], np.uint8).reshape(-1, DECIMAL_BYTES)
    octets = content[array.offset : array.offset + len(array), ::-1]
    sign = octets[:, :1] >> 7
    redundant = (octets[:, :-1] == sign * 0xFF) & (octets[:, 1:] >> 7 == sign)
    used = np.column_stack([~np.logical_and.accumulate(redundant, axis=1), present]) & present[:, None]
    return _column(octets[used], used.sum(axis=1))


def _column(content: npt.NDArray[np.uint8], lengths: npt.NDArray[Any]) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets(lengths)), pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.binary(), len(lengths), buffers)
