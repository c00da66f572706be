"""The checksum of a table's content, the same for rows read from the table and from its backup.

It is a SHA-256 over values, not over a file: of each column, in order, its name and three streams over all rows (which
are blank; how long each text is; the values), however the rows were cut into chunks. It depends on the order of the
rows, which is that of the primary key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass
class _Streams:
    blanks: Any = field(default_factory=hashlib.sha256)
    lengths: Any = field(default_factory=hashlib.sha256)
    values: Any = field(default_factory=hashlib.sha256)


class ContentChecksum:
    """Counts and hashes rows that come in chunks of one schema."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._streams = [_Streams() for _ in schema]
        self.rows = 0

    def add(self, chunk: pa.Table) -> None:
        """Take the next rows, with the columns of the schema in its order."""
        self.rows += len(chunk)
        for streams, column in zip(self._streams, chunk.columns, strict=True):
            for array in column.chunks:
                _add(streams, array)

    def hexdigest(self) -> str:
        """The checksum of all rows so far."""
        whole = hashlib.sha256(f"{self.rows}\n".encode())
        for column, streams in zip(self._schema, self._streams, strict=True):
            whole.update(f"{column.name}\n".encode())
            for stream in (streams.blanks, streams.lengths, streams.values):
                whole.update(stream.digest())
        return whole.hexdigest()


def _add(streams: _Streams, array: pa.Array) -> None:
    streams.blanks.update(array.is_null().to_numpy(zero_copy_only=False).astype(np.uint8))
    present = array.drop_null()
    if len(present) == 0:
        return
    if pa.types.is_string(array.type):
        streams.lengths.update(pc.binary_length(present).to_numpy().astype("<i4"))
        streams.values.update(_text(present))
    elif pa.types.is_decimal128(array.type):
        content = present.buffers()[1]
        streams.values.update(memoryview(content)[present.offset * 16 : (present.offset + len(present)) * 16])
    elif pa.types.is_boolean(array.type):
        streams.values.update(present.to_numpy(zero_copy_only=False).astype(np.uint8))
    elif pa.types.is_date32(array.type):
        streams.values.update(present.cast(pa.int32()).to_numpy().astype("<i4"))
    else:
        streams.values.update(present.cast(pa.int64()).to_numpy().astype("<i8"))


def _text(present: pa.Array) -> memoryview:
    _, offsets, content = present.buffers()
    bounds = np.frombuffer(offsets, "<i4")
    return memoryview(content)[bounds[present.offset] : bounds[present.offset + len(present)]]
