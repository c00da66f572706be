"""Many rows out of Postgres: columns in binary ─▶ Arrow.

A message for each row costs the driver more time than all the rest. So the server puts the values of a column together,
and the whole answer is one row: of each column which cells are present where some may not be, how long each text is,
and the values that are there.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chalicelib.dictionary.names import quote, quote_all
from chalicelib.errors import DecantError, TooLarge
from chalicelib.postgres.translation import execute_copy

_Time = TypeVar("_Time", np.int32, np.int64)

# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": a signature of 11 bytes, flags, an extension.
_HEADER = struct.Struct("!11sii")
# Postgres counts days and microseconds from 2000-01-01.
_DAYS = 10_957
_MICROSECONDS = _DAYS * 86_400_000_000


def read(connection: Any, query: str, schema: pa.Schema, longest: int | None = None) -> pa.Table:
    """See ``ports.Transaction.read``."""
    answer = io.BytesIO()
    columns = ", ".join(each for field in schema for each in _aggregates(field, longest))
    page = f"({query}) AS page ({quote_all(schema.names)})"
    execute_copy(connection, f"COPY (SELECT {columns} FROM {page}) TO STDOUT (FORMAT binary)", answer)
    values = _values(answer.getvalue())
    return pa.table([_column(field, values, longest) for field in schema], schema=schema)


def _aggregates(field: pa.Field, longest: int | None) -> Iterator[str]:
    name = quote(field.name)
    if field.nullable:
        yield f"string_agg(boolsend({name} IS NOT NULL), '')"
    if pa.types.is_string(field.type) or pa.types.is_decimal(field.type):
        bounded = pa.types.is_string(field.type) and longest is not None
        sent = f" FILTER (WHERE octet_length({name}::text) <= {longest})" if bounded else ""
        yield f"string_agg(int4send(octet_length({name}::text)), '')"
        yield f"string_agg({name}::text, ''){sent}"
    elif pa.types.is_boolean(field.type):
        yield f"string_agg(boolsend({name}), '')"
    elif pa.types.is_date32(field.type):
        yield f"string_agg(date_send({name}), '')"
    elif pa.types.is_timestamp(field.type):
        yield f"string_agg(timestamptz_send({name}), '')"
    else:
        yield f"string_agg(int8send({name}), '')"


def _values(answer: bytes) -> Iterator[memoryview]:
    """The fields of the only row of a binary COPY, those that are NULL empty."""
    _, _, extension = _HEADER.unpack_from(answer)
    at = _HEADER.size + extension
    (count,) = struct.unpack_from("!h", answer, at)
    at += 2
    for _ in range(count):
        (size,) = struct.unpack_from("!i", answer, at)
        at += 4
        yield memoryview(answer)[at : at + max(size, 0)]
        at += max(size, 0)


def _column(field: pa.Field, values: Iterator[memoryview], longest: int | None) -> pa.Array:
    present = np.frombuffer(next(values), np.bool_) if field.nullable else None
    if pa.types.is_string(field.type) or pa.types.is_decimal(field.type):
        lengths = _spread(np.frombuffer(next(values), ">i4"), present)
        if pa.types.is_string(field.type) and longest is not None and lengths.max(initial=0) > longest:
            raise TooLarge(f"A text of the column {field.name} has {lengths.max()} bytes, more than {longest}.")
        bounds = np.zeros(len(lengths) + 1, np.int32)
        np.cumsum(lengths, out=bounds[1:])
        valid = None if present is None else pa.array(present).buffers()[1]
        buffers = [valid, pa.py_buffer(bounds), pa.py_buffer(next(values))]
        try:
            return pa.Array.from_buffers(pa.string(), len(lengths), buffers).cast(field.type)
        except pa.ArrowInvalid as error:  # Postgres has numbers that are none: NaN
            raise DecantError(
                f"The column {field.name} holds what is no {field.type}, though the table lets it in: {error}.",
                hint="Correct that row by hand.",
            ) from error
    mask = None if present is None else ~present
    if pa.types.is_boolean(field.type):
        return pa.array(_spread(np.frombuffer(next(values), np.bool_), present), mask=mask)
    if pa.types.is_date32(field.type):
        days = _since_1970(field, np.frombuffer(next(values), ">i4").astype(np.int32), _DAYS)
        return pa.array(_spread(days, present), mask=mask).cast(field.type)
    numbers = np.frombuffer(next(values), ">i8").astype(np.int64)
    if pa.types.is_timestamp(field.type):
        numbers = _since_1970(field, numbers, _MICROSECONDS)
    return pa.array(_spread(numbers, present), mask=mask).cast(field.type)


def _spread(values: npt.NDArray[Any], present: npt.NDArray[np.bool_] | None) -> npt.NDArray[Any]:
    """A value for each row, where only those that are present are given."""
    if present is None:
        return values
    spread = np.zeros(len(present), values.dtype)
    spread[present] = values
    return spread


def _since_1970(field: pa.Field, since_2000: npt.NDArray[_Time], epoch: int) -> npt.NDArray[_Time]:
    outermost = np.iinfo(since_2000.dtype)
    if len(since_2000) and (since_2000.min() == outermost.min or since_2000.max() > outermost.max - epoch):
        raise DecantError(f"The column {field.name} holds an infinite time, which no calendar has.")
    return np.add(since_2000, epoch, dtype=since_2000.dtype)
