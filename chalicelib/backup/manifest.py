"""The manifest, which makes files a backup: what was saved, and everything a restore holds the files against.

It is JSON in one exact form, and carries its own SHA-256, so that no byte of it can change unseen. It is written after
the files and deleted before them; files without a manifest are no backup.

There are two formats. A backup of one file is written as format 1, which every version of Decant reads, one of several
files as format 2.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import fastavro
import pyarrow as pa

from chalicelib.backup.codec import CODEC, arrow_schema
from chalicelib.backup.files_checksum import FilesChecksum, joint
from chalicelib.errors import BackupDamaged
from chalicelib.ports import Backup

_ONE_FILE, _SEVERAL_FILES = 1, 2
PREFIX = "backups/"
MANIFEST = "manifest.json"
DATA = "data.avro"
PIN = "pin.json"
# The names of a part's manifest and files below its backup's place.
PART = re.compile(rf"[0-9]{{4}}/({MANIFEST}|[0-9a-f]{{8}}/{DATA})")
SEAL = "manifest_sha256"


@dataclass(frozen=True, slots=True)
class BackupFile:
    """One file of a backup: its key, and what it is held against.

    ``sha256`` and ``bytes`` are the file's; ``content`` is the checksum of the values of its ``rows``
    (``content.ContentChecksum``).
    """

    file: str
    bytes: int
    sha256: str
    rows: int
    content: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup of one table.

    ``tables`` are all that were saved in the same snapshot. ``files``, one after the other, hold the rows in the order
    of ``key``, the table's primary key. ``schema_fingerprint`` is the SHA-256 of the schema's Parsing Canonical Form.
    """

    id: str
    table: str
    snapshot: str
    tables: tuple[str, ...]
    created: dt.datetime
    dictionary: str
    key: tuple[str, ...]
    schema: Mapping[str, Any]
    schema_fingerprint: str
    codec: str
    files: tuple[BackupFile, ...]

    @property
    def rows(self) -> int:
        """How many rows were saved."""
        return sum(each.rows for each in self.files)

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(each.bytes for each in self.files)

    @property
    def sha256(self) -> str:
        """The file's hash; that of several files is taken over theirs."""
        return joint(each.sha256 for each in self.files)

    @property
    def content(self) -> str:
        """The checksum of all rows; that of several files is taken over theirs."""
        return joint(each.content for each in self.files)

    def checksum(self) -> FilesChecksum:
        """A checksum for rows of the table, in the order of its key, that equals ``content`` for those saved."""
        return FilesChecksum(self.arrow, [each.rows for each in self.files])

    @property
    def arrow(self) -> pa.Schema:
        """The rows of the file as an Arrow schema."""
        return arrow_schema(self.schema)

    def to_backup(self) -> Backup:
        """The backup as the catalogue lists it."""
        return Backup(
            id=self.id,
            table=self.table,
            snapshot=self.snapshot,
            rows=self.rows,
            bytes=self.bytes,
            sha256=self.sha256,
            created=self.created,
            dictionary=self.dictionary,
        )


def file_key(table: str, backup_id: str) -> str:
    """Where the file of a backup is stored that has one."""
    return f"{PREFIX}{table}/{backup_id}/{DATA}"


def manifest_key(table: str, backup_id: str) -> str:
    """Where the manifest of a backup is stored."""
    return f"{PREFIX}{table}/{backup_id}/{MANIFEST}"


def pin_key(table: str, backup_id: str) -> str:
    """Where it is noted that a backup is pinned."""
    return f"{PREFIX}{table}/{backup_id}/{PIN}"


def part_file_key(table: str, backup_id: str, number: int, token: str) -> str:
    """Where a try at a part stores its file. Each try has a ``token`` of its own, of 8 hexadecimal digits.

    So a worker that was taken for dead changes nothing of what another wrote in its place.
    """
    return f"{PREFIX}{table}/{backup_id}/{number:04}/{token}/{DATA}"


def part_manifest_key(table: str, backup_id: str, number: int) -> str:
    """Where it is kept what a part's file is held against, until the backup has its manifest."""
    return f"{PREFIX}{table}/{backup_id}/{number:04}/{MANIFEST}"


def manifest_object(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON, with its format."""
    fields = {**asdict(manifest), "created": manifest.created.astimezone(dt.UTC).isoformat()}
    codec, files = fields.pop("codec"), fields.pop("files")
    if len(files) == 1:
        # The order of format 1.
        told = {name: files[0][name] for name in ("bytes", "sha256", "rows", "content")}
        return {"format": _ONE_FILE, **fields, "file": files[0]["file"], "codec": codec, **told}
    total = {name: getattr(manifest, name) for name in ("bytes", "sha256", "rows", "content")}
    return {"format": _SEVERAL_FILES, **fields, "codec": codec, **total, "files": files}


def render_manifest(manifest: Manifest) -> bytes:
    """The manifest as it is stored."""
    return sealed(manifest_object(manifest))


def parse_manifest(content: bytes, key: str) -> Manifest:
    """Read the manifest that is stored under ``key``. Raises BackupDamaged unless it is as it was written."""
    try:
        fields = json.loads(content)
        form = fields.pop("format")
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise damaged_manifest(key, f"it is no JSON object with a format ({error})") from error
    if form not in (_ONE_FILE, _SEVERAL_FILES):
        raise BackupDamaged(
            f"The manifest {key} has the format {form!r}; this version of Decant reads {_ONE_FILE} and "
            f"{_SEVERAL_FILES}.",
            hint="Restore it with the version that wrote it, or a newer one.",
        )
    try:
        fields.pop(SEAL)
        told = {name: fields.pop(name) for name in ("bytes", "sha256", "rows", "content")}
        files = fields.pop("files") if form == _SEVERAL_FILES else [{"file": fields.pop("file"), **told}]
        manifest = Manifest(
            **{
                **fields,
                "created": dt.datetime.fromisoformat(fields["created"]),
                "tables": tuple(fields["tables"]),
                "key": tuple(fields["key"]),
                "files": tuple(BackupFile(**each) for each in files),
            }
        )
        _check_types(manifest)
        written = render_manifest(manifest)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise damaged_manifest(key, f"a field is missing, unknown or of a wrong type ({error})") from error
    if written != content:
        raise damaged_manifest(key, "it is not as it was written")
    if manifest_key(manifest.table, manifest.id) != key or not _has_its_files(manifest):
        its = f"that of the backup {manifest.id} of {manifest.table}"
        raise damaged_manifest(
            key, f"it is {its}, whose files are {', '.join(str(each.file) for each in manifest.files)}"
        )
    if fingerprint(manifest.schema) != manifest.schema_fingerprint:
        raise damaged_manifest(key, "the fingerprint is not that of its schema")
    if manifest.codec != CODEC:
        raise damaged_manifest(key, f"its codec is {manifest.codec!r}, not {CODEC}")
    try:
        arrow_schema(manifest.schema)
    except BackupDamaged as error:
        raise damaged_manifest(key, error.detail) from error
    return manifest


def sealed(fields: Mapping[str, Any]) -> bytes:
    """JSON in one exact form, with its own SHA-256."""
    return _dump({**fields, SEAL: hashlib.sha256(_dump(fields)).hexdigest()})


def damaged_manifest(key: str, reason: str) -> BackupDamaged:
    """The error that tells of a manifest that is not what was written."""
    return BackupDamaged(f"The manifest {key} is damaged: {reason}.", hint="Restore another backup of the table.")


def fingerprint(schema: Mapping[str, Any]) -> str:
    """The SHA-256 of an Avro schema's Parsing Canonical Form, in hexadecimal."""
    try:
        canonical = fastavro.schema.to_parsing_canonical_form(dict(schema))
        digest: str = fastavro.schema.fingerprint(canonical, "SHA-256")
    except (fastavro.schema.SchemaParseException, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BackupDamaged(f"The Avro schema of a manifest can't be read: {error!r}.") from error
    return digest


def _check_types(manifest: Manifest) -> None:
    """Raise TypeError or ValueError unless the fields are of their types, for JSON may hold anything."""
    texts = [manifest.id, manifest.table, manifest.snapshot, manifest.dictionary, manifest.schema_fingerprint]
    texts += [manifest.codec, *manifest.tables, *manifest.key]
    counts: list[int] = []
    for file in manifest.files:
        texts += [file.file, file.sha256, file.content]
        counts += [file.bytes, file.rows]
    for text in texts:
        if type(text) is not str:
            raise TypeError(f"{text!r:.40} is no text")
    for count in counts:
        if type(count) is not int or count < 0:
            raise ValueError(f"{count!r:.40} is no count")


def _has_its_files(manifest: Manifest) -> bool:
    """Whether the files are where those of this backup are, in the order of their numbers."""
    if len(manifest.files) == 1:
        return manifest.files[0].file == file_key(manifest.table, manifest.id)
    names = [str(each.file) for each in manifest.files]
    tokens = [name.split("/")[-2:-1] for name in names]
    return names == [
        part_file_key(manifest.table, manifest.id, number, *(token or [""]))
        for number, token in enumerate(tokens, start=1)
    ]


def _dump(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n"
