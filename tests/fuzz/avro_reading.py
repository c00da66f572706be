"""Reading Avro files: the rows of any blocks are those that fastavro reads, or the file is refused.

An input is the blocks of a file before they are deflated, each with its count of rows ahead, so that mutations meet
the rows; what begins as an Avro file does is taken as it is.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa

from chalicelib.backup.avro_encoding import encode_rows
from chalicelib.backup.codec import read_avro, write_avro
from chalicelib.dictionary.avro import avro_schema
from chalicelib.errors import BackupDamaged
from tests.contract.backup_support import stock
from tests.fuzz.target import Target

TABLE = stock().table("shelves")
SCHEMA = avro_schema(TABLE)
_PARSED = fastavro.parse_schema(json.loads(json.dumps(SCHEMA)))
_CUT = b"#BLOCK#"
_MARK = b"0123456789abcdef"
_MOST_ROWS = 1_000


def check(content: bytes) -> None:
    """Read a file, and its rows once more as we write them."""
    if content.startswith(b"Obj\x01"):
        _read(io.BytesIO(content))
        return
    blocks = [(int.from_bytes(part[:2], "little", signed=True), part[2:]) for part in content.split(_CUT)]
    file = _file(blocks)
    tables = _read(io.BytesIO(file))
    if tables is None:
        return
    rows = pa.concat_tables(tables)
    assert len(rows) == sum(count for count, _ in blocks)
    encoded = b"".join(encode_rows(rows).to_pylist())
    assert pa.concat_tables(_read(io.BytesIO(_file([(len(rows), encoded)]))) or []).equals(rows)
    try:
        shown = rows.to_pylist()
    except (ValueError, OverflowError):
        return  # a moment that Python has not
    assert shown == [row for count, block in blocks for row in _by_fastavro(count, block)]


def _read(source: io.BytesIO) -> list[pa.Table] | None:
    try:
        return list(read_avro(source, SCHEMA))
    except BackupDamaged:
        return None


def _by_fastavro(count: int, block: bytes) -> Iterator[Any]:
    source = io.BytesIO(block)
    for _ in range(count):
        yield fastavro.schemaless_reader(source, _PARSED)
    assert not source.read()


def _file(blocks: list[tuple[int, bytes]]) -> bytes:
    """A file with these blocks and a sound frame around them."""
    head = io.BytesIO()
    meta = {"avro.codec": b"deflate", "avro.schema": json.dumps(SCHEMA).encode()}
    map_of_bytes = {"type": "map", "values": "bytes"}
    fastavro.schemaless_writer(head, map_of_bytes, meta)
    parts = [b"Obj\x01", head.getvalue(), _MARK]
    for count, block in blocks:
        deflated = zlib.compress(block, 1, wbits=-15)
        parts += [_long(min(count, _MOST_ROWS)), _long(len(deflated)), deflated, _MARK]
    return b"".join(parts)


def _long(number: int) -> bytes:
    sink = io.BytesIO()
    fastavro.schemaless_writer(sink, "long", number)
    return sink.getvalue()


def _seeds() -> list[bytes]:
    full: dict[str, Any] = {
        "site": "caf\u00e9",
        "number": -1,
        "within_site": "b",
        "within_number": 2**31 - 1,
        "worth": Decimal("-12.500000001"),
        "counted": dt.datetime(2021, 7, 27, 16, 2, 8, 123456, dt.UTC),
        "big": 10**18 - 1,
    }
    empty = {**dict.fromkeys(full), "site": "", "number": 0}
    tables = [pa.Table.from_pylist(rows, schema=TABLE.arrow) for rows in ([full], [empty] * 3, [full, empty, full], [])]
    blocks = [len(rows).to_bytes(2, "little") + b"".join(encode_rows(rows).to_pylist()) for rows in tables]
    file = io.BytesIO()
    write_avro(file, TABLE, tables)
    return [*blocks, _CUT.join(blocks), file.getvalue()]


TARGET = Target(
    check,
    _seeds,
    [_CUT, b"\x00", b"\x02", b"\x01\x00", b"\xff" * 9 + b"\x01", b"\x80\x00", b"\x02\x00", b"\xff\xff\xff\xff\x0f"],
    2_000,
)
