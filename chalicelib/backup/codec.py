"""Arrow tables to an Avro container file and back, in bounded memory.

The files are those of https://avro.apache.org/docs/1.12.0/specification/#object-container-files with the codec deflate,
which every reader knows. fastavro is fed and asked for the primitive values below the logical types: that is twice as
fast as Python dates and decimals, and no time zone of the machine has a say in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, cast

import fastavro
import pyarrow as pa

from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Table
from chalicelib.errors import BackupDamaged

CODEC = "deflate"
_BLOCK_BYTES = 64 * 1024
_CHUNK_ROWS = 16_384
_CHUNK_BYTES = 8 * 1024 * 1024

_LOGICAL = {"logicalType", "precision", "scale"}
_PLAIN: Mapping[str, pa.DataType] = {
    "int": pa.int64(),
    "long": pa.int64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp-micros": pa.timestamp("us", "UTC"),
}


def write_avro(sink: BinaryIO, table: Table, chunks: Iterable[pa.Table]) -> int:
    """Write rows, each chunk with the columns of ``table.arrow``, as an Avro file; return how many."""
    rows = 0
    names = table.column_names

    def records() -> Iterator[dict[str, Any]]:
        nonlocal rows
        for chunk in chunks:
            rows += len(chunk)
            columns = [_primitives(column) for column in chunk.columns]
            for values in zip(*columns, strict=True):
                yield dict(zip(names, values, strict=True))

    fastavro.writer(sink, avro_schema(table), records(), codec=CODEC, sync_interval=_BLOCK_BYTES, strict=True)
    return rows


def read_avro(source: BinaryIO, schema: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The rows of an Avro file of exactly that schema, in chunks, at least one. Raises BackupDamaged.

    The file is to be verified before: of a damaged one fastavro may make wrong rows, or take all memory there is.
    """
    arrow = arrow_schema(schema)
    parsed = fastavro.parse_schema(_without_logical_types(schema))
    try:
        blocks = fastavro.block_reader(cast(BinaryIO, _Positioned(source)))
        if json.loads(blocks.metadata["avro.schema"]) != schema:
            raise BackupDamaged("The Avro file holds another schema than its manifest.")
        yield from _chunks(blocks, parsed, arrow)
    except (ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, pa.ArrowException) as error:
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


def _chunks(blocks: Any, parsed: Any, arrow: pa.Schema) -> Iterator[pa.Table]:
    records: list[dict[str, Any]] = []
    size = 0
    empty = True
    for block in blocks:
        block.writer_schema = parsed
        records += block
        size += len(block.bytes_.getbuffer())
        if len(records) >= _CHUNK_ROWS or size >= _CHUNK_BYTES:
            yield _table(records, arrow)
            records, size, empty = [], 0, False
    if records or empty:
        yield _table(records, arrow)


def _table(records: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = [_column([record[field.name] for record in records], field.type) for field in schema]
    table = pa.table(columns, schema=schema)
    table.validate(full=True)
    return table


def _primitives(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64()).to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_date32(column.type):
        return column.cast(pa.int32()).to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_decimal128(column.type):
        return [_big_endian(value) for chunk in column.chunks for value in _reinterpret(chunk, pa.binary(16))]
    return column.to_pylist()  # type: ignore[no-any-return]


def _column(values: list[Any], type_: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.int64()).cast(type_)
    if pa.types.is_date32(type_):
        return pa.array(values, pa.int32()).cast(type_)
    if pa.types.is_decimal128(type_):
        return _reinterpret(pa.array([_little_endian(value) for value in values], pa.binary(16)), type_)
    return pa.array(values, type_)


def _reinterpret(array: pa.Array, type_: pa.DataType) -> pa.Array:
    """The same bytes as another type: Arrow's decimals are 16 bytes, little-endian."""
    return pa.Array.from_buffers(type_, len(array), array.buffers(), offset=array.offset)


def _big_endian(value: pa.Scalar) -> bytes | None:
    content = value.as_py()
    if content is None:
        return None
    number = int.from_bytes(content, "little", signed=True)
    # The fewest bytes that hold the sign too, as Java's BigInteger writes them.
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def _little_endian(value: bytes | None) -> bytes | None:
    return None if value is None else int.from_bytes(value, "big", signed=True).to_bytes(16, "little", signed=True)


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


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {key: _without_logical_types(value) for key, value in schema.items() if key not in _LOGICAL}
    if isinstance(schema, list):
        return [_without_logical_types(each) for each in schema]
    return schema
