"""Reading a backup back: what it holds, and whether that is what was saved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

from chalicelib.backup.codec import read_avro
from chalicelib.backup.content import ContentChecksum
from chalicelib.backup.manifest import BackupFile, Manifest, manifest_key, parse_manifest
from chalicelib.backup.schemas import reconcile
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import BackupDamaged, NotFound, RestoreRefused
from chalicelib.ports import Backup, Storage

_READ_BYTES = 1024 * 1024
# More than any manifest has; what is put in its place may be of any size.
_MANIFEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Verification:
    """A backup that is whole. ``refusal`` tells why it can't be restored into today's tables, if so it is."""

    manifest: Manifest
    notes: tuple[str, ...]
    refusal: str | None


def verify(storage: Storage, dictionary: Dictionary, backup: Backup) -> Verification:
    """Read a backup back: bytes, hash, schema, rows, content. Raises BackupDamaged, or NotFound without a manifest."""
    manifest = load_manifest(storage, backup)
    check_file(storage, manifest)
    content = BackupContent(storage, manifest)
    for _ in content.chunks():
        pass
    content.check()
    try:
        notes = reconcile(manifest, dictionary.table(manifest.table))
    except (NotFound, RestoreRefused) as error:
        return Verification(manifest, (), str(error))
    return Verification(manifest, tuple(notes), None)


def load_manifest(storage: Storage, backup: Backup) -> Manifest:
    """The manifest of a backup, which must be the one that the catalogue means."""
    key = manifest_key(backup.table, backup.id)
    manifest = read_manifest(storage, key)
    if manifest.sha256 != backup.sha256:
        raise BackupDamaged(
            f"The manifest {key} tells of other files than the catalogue does.",
            hint="If the bucket is right, rebuild the catalogue from its manifests.",
        )
    return manifest


def read_manifest(storage: Storage, key: str) -> Manifest:
    """The manifest under a key. Raises NotFound or BackupDamaged."""
    try:
        stream = storage.open(key)
    except NotFound as error:
        raise NotFound(
            f"There is no backup with the manifest {key} in {storage.name}.",
            hint="A backup without its manifest was never finished or has been deleted; take another one.",
        ) from error
    with stream:
        return parse_manifest(stream.read(_MANIFEST_BYTES), key)


def check_file(storage: Storage, manifest: Manifest) -> None:
    """Hold the bytes of a backup's files against its manifest. Raises BackupDamaged."""
    for file in manifest.files:
        checked = FileChecksum(manifest, file)
        with open_file(storage, manifest, file) as stream:
            while block := stream.read(_READ_BYTES):
                checked.add(block)
        checked.check()


def open_file(storage: Storage, manifest: Manifest, file: BackupFile) -> BinaryIO:
    """A file of a backup, whose loss is a damage."""
    try:
        return storage.open(file.file)
    except NotFound as error:
        raise _damaged(manifest, file, "is not there") from error


class FileChecksum:
    """The size and the hash of a file of a backup, as its bytes go by."""

    def __init__(self, manifest: Manifest, file: BackupFile) -> None:
        self._manifest = manifest
        self._file = file
        self._bytes = 0
        self._hash = hashlib.sha256()

    def add(self, block: bytes) -> None:
        """Take the next bytes. Raises BackupDamaged as soon as they are too many."""
        self._bytes += len(block)
        if self._bytes > self._file.bytes:
            raise _damaged(self._manifest, self._file, f"has more than {self._file.bytes} bytes")
        self._hash.update(block)

    def check(self) -> None:
        """Hold what went by against the manifest. Raises BackupDamaged."""
        if self._bytes != self._file.bytes:
            raise _damaged(self._manifest, self._file, f"has {self._bytes} bytes, not {self._file.bytes}")
        if self._hash.hexdigest() != self._file.sha256:
            raise _damaged(self._manifest, self._file, "has another SHA-256 than the manifest tells")


class BackupContent:
    """The rows of a backup whose files have been checked."""

    def __init__(self, storage: Storage, manifest: Manifest) -> None:
        self._storage = storage
        self._manifest = manifest
        self._checksums: list[ContentChecksum] = []

    def chunks(self) -> Iterator[pa.Table]:
        """The rows, in chunks, at least one. Raises BackupDamaged."""
        self._checksums = [ContentChecksum(self._manifest.arrow) for _ in self._manifest.files]
        for file, checksum in zip(self._manifest.files, self._checksums, strict=True):
            with open_file(self._storage, self._manifest, file) as stream:
                for chunk in self._read(file, stream):
                    checksum.add(chunk)
                    if checksum.rows > file.rows:
                        raise _damaged(self._manifest, file, f"has more than {file.rows} rows")
                    yield chunk

    def check(self) -> None:
        """After the last chunk, hold the rows against the manifest. Raises BackupDamaged."""
        for file, checksum in zip(self._manifest.files, self._checksums, strict=True):
            if checksum.rows != file.rows:
                raise _damaged(self._manifest, file, f"has {checksum.rows} rows, not {file.rows}")
            if checksum.hexdigest() != file.content:
                raise _damaged(self._manifest, file, "has other values in its rows than were saved")

    def _read(self, file: BackupFile, stream: BinaryIO) -> Iterator[pa.Table]:
        try:
            yield from read_avro(stream, self._manifest.schema)
        except BackupDamaged as error:
            raise _damaged(self._manifest, file, f"is none that was saved. {error.detail.rstrip('.')}") from error


def _damaged(manifest: Manifest, file: BackupFile, reason: str) -> BackupDamaged:
    which = "its file" if len(manifest.files) == 1 else f"its file {file.file}"
    return BackupDamaged(
        f"The backup {manifest.id} of {manifest.table} is damaged: {which} {reason}.",
        hint="Restore another backup of the table, or an older version of this object.",
    )
