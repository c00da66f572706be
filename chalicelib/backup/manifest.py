"""The manifest, which makes a file a backup: what was saved, and everything a restore holds the file against.

It is JSON in one exact form, and carries its own SHA-256, so that no byte of it can change unseen. It is written after
the file and deleted before it; a file without a manifest is no backup.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import fastavro
import pyarrow as pa

from chalicelib.backup.codec import arrow_schema
from chalicelib.errors import BackupDamaged
from chalicelib.ports import Backup

FORMAT = 1
PREFIX = "backups/"
MANIFEST = "manifest.json"
DATA = "data.avro"
PIN = "pin.json"
_SELF = "manifest_sha256"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup of one table.

    ``tables`` are all that were saved in the same snapshot. ``file`` holds ``rows`` rows in the order of ``key``, the
    table's primary key; ``sha256`` and ``bytes`` are the file's, ``content`` is the checksum of its values
    (``content.ContentChecksum``). ``schema_fingerprint`` is the SHA-256 of the schema's Parsing Canonical Form.
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
    file: str
    codec: str
    bytes: int
    sha256: str
    rows: int
    content: str

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
    """Where the file of a backup is stored."""
    return f"{PREFIX}{table}/{backup_id}/{DATA}"


def manifest_key(table: str, backup_id: str) -> str:
    """Where the manifest of a backup is stored."""
    return f"{PREFIX}{table}/{backup_id}/{MANIFEST}"


def pin_key(table: str, backup_id: str) -> str:
    """Where it is noted that a backup is pinned."""
    return f"{PREFIX}{table}/{backup_id}/{PIN}"


def render_manifest(manifest: Manifest) -> bytes:
    """The manifest as it is stored."""
    fields = {"format": FORMAT, **asdict(manifest), "created": manifest.created.astimezone(dt.UTC).isoformat()}
    return _dump({**fields, _SELF: hashlib.sha256(_dump(fields)).hexdigest()})


def parse_manifest(content: bytes, key: str) -> Manifest:
    """Read the manifest that is stored under ``key``. Raises BackupDamaged unless it is as it was written."""
    try:
        fields = json.loads(content)
        form = fields.pop("format")
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(key, f"it is no JSON object with a format ({error})") from error
    if form != FORMAT:
        raise BackupDamaged(
            f"The manifest {key} has the format {form!r}; this version of Decant reads {FORMAT}.",
            hint="Restore it with the version that wrote it, or a newer one.",
        )
    try:
        fields.pop(_SELF)
        manifest = Manifest(
            **{
                **fields,
                "created": dt.datetime.fromisoformat(fields["created"]),
                "tables": tuple(fields["tables"]),
                "key": tuple(fields["key"]),
            }
        )
        written = render_manifest(manifest)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(key, f"a field is missing, unknown or of a wrong type ({error})") from error
    if written != content:
        raise _damaged(key, "it is not as it was written")
    if manifest_key(manifest.table, manifest.id) != key or file_key(manifest.table, manifest.id) != manifest.file:
        raise _damaged(
            key, f"it is that of the backup {manifest.id} of {manifest.table}, whose file is {manifest.file}"
        )
    if fingerprint(manifest.schema) != manifest.schema_fingerprint:
        raise _damaged(key, "the fingerprint is not that of its schema")
    return manifest


def fingerprint(schema: Mapping[str, Any]) -> str:
    """The SHA-256 of an Avro schema's Parsing Canonical Form, in hexadecimal."""
    try:
        canonical = fastavro.schema.to_parsing_canonical_form(dict(schema))
        digest: str = fastavro.schema.fingerprint(canonical, "SHA-256")
    except (fastavro.schema.SchemaParseException, KeyError, TypeError, ValueError) as error:
        raise BackupDamaged(f"The Avro schema of a manifest can't be read: {error!r}.") from error
    return digest


def _dump(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n"


def _damaged(key: str, reason: str) -> BackupDamaged:
    return BackupDamaged(f"The manifest {key} is damaged: {reason}.", hint="Restore another backup of the table.")
