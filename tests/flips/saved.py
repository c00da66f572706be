"""Backups without a database, and the ways in which one is read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from chalicelib.backup.codec import CODEC, write_avro
from chalicelib.backup.content import ContentChecksum
from chalicelib.backup.manifest import (
    BackupFile,
    Manifest,
    file_key,
    fingerprint,
    manifest_key,
    part_file_key,
    render_manifest,
)
from chalicelib.backup.restore import choose
from chalicelib.backup.verification import BackupContent, load_manifest, read_manifest, verify
from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.errors import NotFound
from chalicelib.ports import Backup, Storage
from tests.contract.backup_support import NOW

IDENTIFIER = "20261122T022045123456-4f2a9c1b"
_CHUNK_ROWS = 16_384


@dataclass
class Memory:
    """A storage of objects in memory, as far as reading backups asks for one."""

    objects: dict[str, bytes] = field(default_factory=dict)
    name: str = "memory"

    def open(self, key: str) -> BinaryIO:
        """See ``ports.Storage``."""
        if key not in self.objects:
            raise NotFound(f"There is no {key}.")
        return io.BytesIO(self.objects[key])

    def but(self, key: str, content: bytes | None) -> Storage:
        """The same with another object under a key; None: without it."""
        others = {name: each for name, each in self.objects.items() if name != key}
        return cast(Storage, Memory(others if content is None else {**others, key: content}))


@dataclass(frozen=True)
class Saved:
    """A backup in memory, and the dictionary that it is of."""

    storage: Memory
    dictionary: Dictionary
    backup: Backup
    manifest: Manifest

    @property
    def manifest_key(self) -> str:
        """Where its manifest is."""
        return manifest_key(self.backup.table, self.backup.id)


def save(dictionary: Dictionary, table: Table, parts: Sequence[pa.Table], **fields: Any) -> Saved:
    """A backup of rows, each part of which is a file; ``fields`` are others of its manifest."""
    storage = Memory()
    files = []
    for number, rows in enumerate(parts, start=1):
        key = file_key(table.name, IDENTIFIER)
        if len(parts) > 1:
            key = part_file_key(table.name, IDENTIFIER, number, f"{number:08x}")
        files.append(_file(storage, key, table, rows))
    schema = avro_schema(table)
    manifest = Manifest(
        id=IDENTIFIER,
        table=table.name,
        snapshot=IDENTIFIER,
        tables=(table.name,),
        created=NOW,
        dictionary=dictionary.digest,
        key=table.primary_key,
        schema=schema,
        schema_fingerprint=fingerprint(schema),
        codec=CODEC,
        files=tuple(files),
    )
    manifest = replace(manifest, **fields)
    storage.objects[manifest_key(table.name, IDENTIFIER)] = render_manifest(manifest)
    return Saved(storage, dictionary, manifest.to_backup(), manifest)


def kept(folder: Path, dictionary: Dictionary, key: str) -> Saved:
    """A backup that stands in a folder, by the key of its manifest."""
    storage = Memory({path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")})
    _, table, identifier, _ = key.split("/")
    files = {name: each for name, each in storage.objects.items() if f"/{identifier}/" in name}
    manifest = read_manifest(cast(Storage, storage), key)
    assert manifest.table == table
    return Saved(Memory(files), dictionary, manifest.to_backup(), manifest)


def read_as_verify(storage: Storage, saved: Saved) -> None:
    """Read a backup as a verification does."""
    verify(storage, saved.dictionary, saved.backup)


def read_as_restore(storage: Storage, saved: Saved) -> None:
    """Read a backup as a restore does, but for the database."""
    chosen = choose(storage, saved.dictionary, saved.backup)
    for _ in chosen.content.chunks():
        pass
    chosen.content.check()


def read_unchecked(storage: Storage, saved: Saved) -> pa.Table:
    """The rows of what is put in the place of a file after its bytes were checked."""
    content = BackupContent(storage, load_manifest(storage, saved.backup))
    rows = list(content.chunks())
    content.check()
    return pa.concat_tables(rows)


def chunks(rows: pa.Table) -> Iterator[pa.Table]:
    """Rows in chunks."""
    return (rows.slice(at, _CHUNK_ROWS) for at in range(0, len(rows), _CHUNK_ROWS))


def _file(storage: Memory, key: str, table: Table, rows: pa.Table) -> BackupFile:
    sink = io.BytesIO()
    checksum = ContentChecksum(table.arrow)
    checksum.add(rows)
    write_avro(sink, table, chunks(rows))
    content = storage.objects[key] = sink.getvalue()
    return BackupFile(key, len(content), hashlib.sha256(content).hexdigest(), len(rows), checksum.hexdigest())
