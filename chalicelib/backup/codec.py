"""Arrow tables to an Avro container file and back, in bounded memory.

The files are those of https://avro.apache.org/docs/1.12.0/specification/#object-container-files with the codec deflate,
which every reader knows. fastavro writes header, blocks and codec; the rows in a block are ours, for one Python object
a value made them ten times as slow. What is read is ours too (``container``): of a damaged file fastavro may take all
memory there is.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

import fastavro.write
import numpy as np
import pyarrow as pa

from chalicelib.backup.ahead import ahead
from chalicelib.backup.avro_decoding import decode_rows
from chalicelib.backup.avro_encoding import encode_rows
from chalicelib.backup.container import BLOCK_BYTES, Block, Container
from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Table
from chalicelib.errors import BackupDamaged, TooLarge

CODEC = "deflate"
_LEVEL = 1
_BLOCK_BYTES = 64 * 1024
_CHUNK_ROWS = 16_384
_CHUNK_BYTES = 8 * 1024 * 1024

# What bytes that are none of Decant's may raise.
_WRONG = (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError, pa.ArrowException)

_PLAIN: Mapping[str, pa.DataType] = {
    "int": pa.int64(),
    "long": pa.int64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp-micros": pa.timestamp("us", "UTC"),
}


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
    """The rows of an Avro file of exactly that schema, in chunks, at least one. Raises BackupDamaged."""
    arrow = arrow_schema(schema)
    try:
        container = Container(source)
        if json.loads(container.metadata["avro.schema"]) != schema:
            raise BackupDamaged("The Avro file holds another schema than its manifest.")
        yield from _chunks(container.blocks(), arrow)
    except _WRONG as error:
        raise BackupDamaged(f"The Avro file can't be read: {error or type(error).__name__}.") from error


def arrow_schema(schema: Mapping[str, Any]) -> pa.Schema:
    """The Arrow schema of a record schema that ``avro_schema`` made. Raises BackupDamaged for any other."""
    try:
        return pa.schema([_field(field) for field in schema["fields"]])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BackupDamaged(f"The Avro schema is none of Decant's: {error!r}.") from error


@dataclass(frozen=True, slots=True)
class _Written:
    """What fastavro asks of a block that it writes."""

    num_records: int
    bytes_: io.BytesIO


def _blocks(rows: pa.BinaryArray) -> Iterator[_Written]:
    _, offsets, content = rows.buffers()
    bounds = np.frombuffer(offsets, np.int32)[: len(rows) + 1]
    cuts = np.searchsorted(bounds, np.arange(_BLOCK_BYTES, bounds[-1], _BLOCK_BYTES))
    for first, last in pairwise(np.unique([0, *cuts, len(rows)]).tolist()):
        if bounds[last] - bounds[first] > BLOCK_BYTES:
            raise TooLarge(f"A row takes more than the {BLOCK_BYTES} bytes that a row of a backup may have.")
        yield _Written(last - first, io.BytesIO(memoryview(content)[bounds[first] : bounds[last]]))


def _chunks(blocks: Iterable[Block], schema: pa.Schema) -> Iterator[pa.Table]:
    tables: list[pa.Table] = []
    rows = size = 0
    empty = True
    for block in blocks:
        try:
            tables.append(decode_rows(block.content, block.rows, schema))
        except _WRONG as error:
            raise ValueError(f"of the block at byte {block.at}, {error or type(error).__name__}") from error
        rows += block.rows
        size += len(block.content)
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
