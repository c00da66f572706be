"""Backing tables up: one consistent snapshot, streamed to Avro files, their manifests last."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import pyarrow as pa

from chalicelib.backup.codec import CODEC, write_avro
from chalicelib.backup.content import ContentChecksum
from chalicelib.backup.manifest import Manifest, file_key, fingerprint, manifest_key, render_manifest
from chalicelib.backup.pages import read_pages
from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote
from chalicelib.identifiers import new_id
from chalicelib.ports import Backup, Catalog, Database, Storage, Transaction

# Told what is being done ("backup hired_employees") and how many rows of it have been.
Progress = Callable[[str, int], None]


def back_up(
    database: Database,
    storage: Storage,
    catalog: Catalog,
    dictionary: Dictionary,
    tables: Sequence[str],
    *,
    snapshot: str,
    now: dt.datetime,
    progress: Progress,
) -> list[Backup]:
    """Back up tables as they all are at one moment; return the backups in the order of ``tables``.

    ``snapshot`` names this attempt and is not used for another. No manifest is written before every file is complete:
    whatever fails on the way leaves files that are no backup. Writers of the tables are not held up.
    """
    chosen = [dictionary.table(name) for name in dict.fromkeys(tables)]
    attempt = _Attempt(storage, dictionary, snapshot, tuple(table.name for table in chosen), now, progress)
    with database.transaction(snapshot=True) as transaction:
        manifests = [attempt.save(transaction, table) for table in chosen]
    for manifest in manifests:
        storage.put(manifest_key(manifest.table, manifest.id), render_manifest(manifest))
    backups = [manifest.to_backup() for manifest in manifests]
    for backup in backups:
        catalog.put_backup(backup)
    return backups


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What the backups of one snapshot have in common."""

    storage: Storage
    dictionary: Dictionary
    snapshot: str
    tables: tuple[str, ...]
    now: dt.datetime
    progress: Progress

    def save(self, transaction: Transaction, table: Table) -> Manifest:
        """Write the file of a table; return the manifest that will make it a backup."""
        backup_id = new_id(self.now)
        key = file_key(table.name, backup_id)
        checksum = ContentChecksum(table.arrow)

        def pages() -> Iterator[pa.Table]:
            for page in read_pages(transaction, f"public.{quote(table.name)}", table.arrow, table.primary_key):
                checksum.add(page)
                yield page
                self.progress(f"backup {table.name}", checksum.rows)

        with self.storage.write(key) as stream:
            sink = _Hashing(stream)
            write_avro(cast(BinaryIO, sink), table, pages())
        schema = avro_schema(table)
        return Manifest(
            id=backup_id,
            table=table.name,
            snapshot=self.snapshot,
            tables=self.tables,
            created=self.now,
            dictionary=self.dictionary.digest,
            key=table.primary_key,
            schema=schema,
            schema_fingerprint=fingerprint(schema),
            file=key,
            codec=CODEC,
            bytes=sink.size,
            sha256=sink.hash.hexdigest(),
            rows=checksum.rows,
            content=checksum.hexdigest(),
        )


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
