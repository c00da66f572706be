"""Arrow tables to an Avro container file and back, in bounded memory.

The files are those of https://avro.apache.org/docs/1.12.0/specification/#object-container-files with the codec deflate,
which every reader knows. fastavro writes and reads header, blocks and codec; the rows in a block are ours, for one
Python object a value made them ten times as slow.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO, cast

import fastavro
import fastavro.write
import numpy as np
import pyarrow as pa

from chalicelib.backup.ahead import ahead
from chalicelib.backup.avro_decoding import decode_rows
from chalicelib.backup.avro_encoding import encode_rows
from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Table
from chalicelib.errors import BackupDamaged

CODEC = "deflate"
_LEVEL = 1
_BLOCK_BYTES = 64 * 1024
_CHUNK_ROWS = 16_384
_CHUNK_BYTES = 8 * 1024 * 1024

_PLAIN: Mapping[str, pa.DataType] = {
    "int": pa.int64(),
    "long": pa.int64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp-micros": pa.timestamp("us", "UTC"),
}

# What fastavro, zlib and the decoding of rows raise for bytes that are none of theirs.
_BROKEN = (
    *(ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, RecursionError, zlib.error),
    *(fastavro.schema.SchemaParseException, pa.ArrowException),
)


def write_avro(sink: BinaryIO, table: Table, chunks: Iterable[pa.Table]) -> int:
    """Write rows, each chunk with the columns of ``table.arrow``, as an Avro file; return how many.

    Chunks are taken and encoded in another thread while blocks are compressed and written in this one.
    """
    rows = 0
    writer = fastavro.write.Writer(sink, avro_schema(table), codec=CODEC, compression_level=_LEVEL)
    with ahead(map(encode_rows, chunks)) as encoded:
        for chunk in encoded:
            rows += len(chunk)
            for block in _blocks(chunk):
                writer.write_block(block)
    return rows


def read_avro(source: BinaryIO, schema: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The rows of an Avro file of exactly that schema, in chunks, at least one. Raises BackupDamaged.

    The file is to be verified before: of a damaged one fastavro may take all memory there is.
    """
    arrow = arrow_schema(schema)
    try:
        blocks = fastavro.block_reader(cast(BinaryIO, _Positioned(source)))
        if json.loads(blocks.metadata["avro.schema"]) != schema:
            raise BackupDamaged("The Avro file holds another schema than its manifest.")
        yield from _chunks(blocks, arrow)
    except _BROKEN as error:
        raise BackupDamaged(f"The Avro file can't be read: {error or type(error).__name__}.") from error


def arrow_schema(schema: Mapping[str, Any]) -> pa.Schema:
    """The Arrow schema of a record schema that ``avro_schema`` made. Raises BackupDamaged for any other."""
    try:
        return pa.schema([_field(field) for field in schema["fields"]])
    except (KeyError, TypeError, ValueError) as error:
        raise BackupDamaged(f"The Avro schema is none of Decant's: {error!r}.") from error


class _Positioned:
    """A stream that knows its position, which fastavro asks for and a stream from S3 can't tell."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        content = self._source.read(size)
        self._position += len(content)
        return content

    def tell(self) -> int:
        return self._position


@dataclass(frozen=True, slots=True)
class _Block:
    """What fastavro asks of a block that it writes."""

    num_records: int
    bytes_: io.BytesIO


def _blocks(rows: pa.BinaryArray) -> Iterator[_Block]:
    _, offsets, content = rows.buffers()
    bounds = np.frombuffer(offsets, np.int32)[: len(rows) + 1]
    cuts = np.searchsorted(bounds, np.arange(_BLOCK_BYTES, bounds[-1], _BLOCK_BYTES))
    for first, last in pairwise(np.unique([0, *cuts, len(rows)]).tolist()):
        yield _Block(last - first, io.BytesIO(memoryview(content)[bounds[first] : bounds[last]]))


def _chunks(blocks: Iterable[Any], schema: pa.Schema) -> Iterator[pa.Table]:
    tables: list[pa.Table] = []
    rows = size = 0
    empty = True
    for block in blocks:
        content = block.bytes_.getvalue()
        tables.append(decode_rows(content, block.num_records, schema))
        rows += block.num_records
        size += len(content)
        if rows >= _CHUNK_ROWS or size >= _CHUNK_BYTES:
            yield pa.concat_tables(tables)
            tables, rows, size, empty = [], 0, 0, False
    if tables or empty:
        yield pa.concat_tables([schema.empty_table(), *tables])


def _field(field: Mapping[str, Any]) -> pa.Field:
    avro = field["type"]
    nullable = isinstance(avro, list)
    if nullable:
        null, avro = avro
        if null != "null":
            raise ValueError(f"{field['name']} is a union of {null} and {avro}")
    if isinstance(avro, dict) and avro["logicalType"] == "decimal":
        return pa.field(field["name"], pa.decimal128(avro["precision"], avro["scale"]), nullable=nullable)
    return pa.field(field["name"], _PLAIN[avro["logicalType"] if isinstance(avro, dict) else avro], nullable=nullable)
