"""Rows in Avro's binary encoding, held against fastavro."""

from __future__ import annotations

import datetime as dt
import io
import tracemalloc
from decimal import Context, Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.avro_decoding import decode_rows
from chalicelib.backup.avro_encoding import encode_rows
from chalicelib.backup.avro_long_rows import decode_long_rows
from chalicelib.backup.codec import arrow_schema

LONG = st.integers(0, 64).flatmap(lambda bits: st.integers(-(2**bits) // 2, 2**bits // 2 - 1))
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9}
UNSCALED = st.integers(0, 127).flatmap(lambda bits: st.integers(-(2**bits) // 2, 2**bits // 2))
VALUES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ("long", LONG),
    ("string", st.text(st.characters(exclude_categories=["Cs"])) | st.integers(60, 20_000).map(lambda n: "ü" * n)),
    ("boolean", st.booleans()),
    ({"type": "int", "logicalType": "date"}, st.dates()),
    ({"type": "long", "logicalType": "timestamp-micros"}, st.datetimes(timezones=st.just(dt.UTC))),
    (
        DECIMAL,
        UNSCALED.filter(lambda unscaled: abs(unscaled) < 10**38).map(
            lambda unscaled: Decimal(unscaled).scaleb(-9, Context(prec=38))
        ),
    ),
]


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, Any], pa.Table]:
    """A record schema of a few fields of any type, and some rows of it."""
    fields, columns = [], []
    for number, (avro, values) in enumerate(draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=6))):
        nullable = draw(st.booleans())
        fields.append({"name": f"f{number}", "type": ["null", avro] if nullable else avro})
        columns.append(st.none() | values if nullable else values)
    rows = draw(st.lists(st.tuples(*columns), max_size=8))
    schema = {"type": "record", "name": "r", "fields": fields}
    arrow = arrow_schema(schema)
    return schema, pa.Table.from_pylist([dict(zip(arrow.names, row, strict=True)) for row in rows], schema=arrow)


def by_fastavro(schema: dict[str, Any], rows: pa.Table) -> bytes:
    """The rows as fastavro writes them."""
    parsed, sink = fastavro.parse_schema(schema), io.BytesIO()
    for row in rows.to_pylist():
        fastavro.schemaless_writer(sink, parsed, row, strict=True)
    return sink.getvalue()


def read_by_fastavro(schema: dict[str, Any], content: bytes, count: int) -> list[Any]:
    """So many rows as fastavro reads them, which must be all that is there."""
    parsed, source = fastavro.parse_schema(schema), io.BytesIO(content)
    rows = [fastavro.schemaless_reader(source, parsed) for _ in range(count)]
    assert source.read() == b""
    return rows


@given(tables())
def test_fastavro_reads_what_is_encoded(drawn: tuple[dict[str, Any], pa.Table]) -> None:
    schema, rows = drawn
    assert read_by_fastavro(schema, b"".join(encode_rows(rows).to_pylist()), len(rows)) == rows.to_pylist()


DECODERS = pytest.mark.parametrize("decode", [decode_rows, decode_long_rows], ids=["by column", "by value"])


@DECODERS
@given(drawn=tables())
def test_what_fastavro_writes_is_decoded(decode: Any, drawn: tuple[dict[str, Any], pa.Table]) -> None:
    schema, rows = drawn
    assert decode(by_fastavro(schema, rows), len(rows), rows.schema).equals(rows)


@DECODERS
@given(drawn=tables(), data=st.data())
def test_of_damaged_bytes_no_other_rows_are_made_than_fastavro_makes(
    decode: Any, drawn: tuple[dict[str, Any], pa.Table], data: st.DataObject
) -> None:
    schema, rows = drawn
    content = bytearray(by_fastavro(schema, rows))
    if content:
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        decoded = decode(bytes(content), len(rows), rows.schema)
        decoded.validate(full=True)
        found = decoded.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        return
    assert found == read_by_fastavro(schema, bytes(content), len(rows))


@pytest.mark.parametrize("length", [0, 63, 64, 8191, 8192, 2**20 - 1, 2**20])
def test_a_text_may_be_of_any_length(length: int) -> None:
    schema = pa.schema([pa.field("text", pa.string()), pa.field("n", pa.int64(), nullable=False)])
    rows = pa.table([["x" * length, None, "y"], [1, 2, 3]], schema=schema)
    [*encoded] = encode_rows(rows).to_pylist()
    assert decode_rows(b"".join(encoded), 3, schema).equals(rows)


def test_a_row_of_many_bytes_costs_few_times_as_many() -> None:
    size = 16 * 2**20
    schema = pa.schema([pa.field("text", pa.string()), pa.field("n", pa.int64())])
    [content] = encode_rows(pa.table([["x" * size], [1]], schema=schema)).to_pylist()
    tracemalloc.start()
    try:
        decode_rows(content, 1, schema)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * size


@pytest.mark.parametrize(
    ("content", "count", "reason"),
    [
        (b"\x02\x02", 1, "do not fill"),
        (b"\x02", 2, "can't be in"),
        (b"\x80", 1, "do not fill"),
        (b"\x02", -1, "can't be in"),
        (b"\xff" * 9 + b"\x02", 1, "more than 64 bits"),
        (b"\xff" * 10 + b"\x01", 1, "more than 64 bits"),
    ],
)
def test_bytes_that_are_no_such_rows_are_refused(content: bytes, count: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_rows(content, count, pa.schema([pa.field("n", pa.int64(), nullable=False)]))


@pytest.mark.parametrize(
    ("type_", "content", "reason"),
    [
        (pa.int64(), b"\x02\x02", "do not fill"),
        (pa.int64(), b"\x80", "do not fill"),
        (pa.int64(), b"\xff" * 9 + b"\x02", "more than 64 bits"),
        (pa.string(), b"\x04x", "do not fill"),
        (pa.string(), b"\x03", "do not fill"),
        (pa.bool_(), b"\x02", "neither true nor false"),
        (pa.decimal128(38, 0), b"\x22" + bytes(17), "more than 128 bits"),
    ],
)
def test_bytes_that_are_no_such_long_rows_are_refused(type_: pa.DataType, content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_long_rows(content, 1, pa.schema([pa.field("x", type_, nullable=False)]))


def test_a_branch_that_is_none_is_refused_in_a_long_row() -> None:
    with pytest.raises(ValueError, match="no such branch"):
        decode_long_rows(b"\x04\x02", 1, pa.schema([pa.field("x", pa.int64())]))
