"""A part of a table: the rows of a range of its key, read in one snapshot and written to a file of their own."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, BinaryIO, cast

import pyarrow as pa

from chalicelib.backup.codec import write_avro
from chalicelib.backup.content import ContentChecksum
from chalicelib.backup.manifest import SEAL, BackupFile, damaged_manifest, sealed
from chalicelib.backup.pages import read_pages
from chalicelib.backup.ranges import KeyRange
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote
from chalicelib.points import Point, passed
from chalicelib.ports import Storage, Transaction

# Told how many rows of the part have been written.
Rows = Callable[[int], None]


def write_part(
    transaction: Transaction, storage: Storage, table: Table, within: KeyRange, key: str, progress: Rows
) -> BackupFile:
    """Write the rows of a range, in the order of the table's key, to an Avro file under ``key``."""
    checksum = ContentChecksum(table.arrow)

    def pages() -> Iterator[pa.Table]:
        for page in read_pages(transaction, f"public.{quote(table.name)}", table.arrow, table.primary_key, within):
            checksum.add(page)
            yield page
            passed(Point.BACKUP_PAGE_WRITTEN)
            progress(checksum.rows)

    with storage.write(key) as stream:
        sink = _Hashing(stream)
        write_avro(cast(BinaryIO, sink), table, pages())
    passed(Point.BACKUP_FILE_WRITTEN)
    return BackupFile(key, sink.size, sink.hash.hexdigest(), checksum.rows, checksum.hexdigest())


def render_part(part: BackupFile) -> bytes:
    """The manifest of a part as it is stored."""
    return sealed(asdict(part))


def parse_part(content: bytes, key: str) -> BackupFile:
    """Read the manifest of a part, stored under ``key``. Raises BackupDamaged unless it is as it was written."""
    try:
        fields = json.loads(content)
        del fields[SEAL]
        part = BackupFile(**fields)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise damaged_manifest(key, f"a field is missing, unknown or of a wrong type ({error})") from error
    if render_part(part) != content:
        raise damaged_manifest(key, "it is not as it was written")
    return part


class _Hashing(io.RawIOBase):
    """A stream into another, counting and hashing what goes through."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self.size = 0
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.size += len(content)
        self.hash.update(content)
        return self._stream.write(content)
