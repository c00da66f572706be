"""Reading manifests: what is read is what was written, and nothing else comes out of it than refusals.

An input is a manifest without its seal; it is sealed before it is read, so that mutations come behind the checksum. One
that can't be sealed is read as it is.
"""

from __future__ import annotations

import io
import json
from contextlib import suppress

from chalicelib.backup.codec import read_avro
from chalicelib.backup.manifest import SEAL, manifest_object, parse_manifest, render_manifest, sealed
from chalicelib.backup.schemas import reconcile
from chalicelib.errors import BackupDamaged, RestoreRefused
from tests.fuzz.target import Target
from tests.unit.test_backup_manifest import IN_PARTS, KEY, MANIFEST, SHELVES, WRITTEN


def check(content: bytes) -> None:
    """Read a manifest, and do with it what a restore does before it touches a table."""
    try:
        fields = json.loads(content)
        if isinstance(fields, dict):
            fields.pop(SEAL, None)
            content = sealed(fields)
    except (ValueError, RecursionError):
        pass
    try:
        manifest = parse_manifest(content, KEY)
    except BackupDamaged as error:
        assert error.detail
        return
    assert render_manifest(manifest) == content
    manifest.to_backup()
    with suppress(RestoreRefused):
        reconcile(manifest, SHELVES)
    with suppress(BackupDamaged):
        list(read_avro(io.BytesIO(b""), manifest.schema))
        assert manifest.arrow.names == [field["name"] for field in manifest.schema["fields"]]
        manifest.checksum()


def _seeds() -> list[bytes]:
    objects = [manifest_object(MANIFEST), manifest_object(IN_PARTS)]
    return [
        WRITTEN,
        *(json.dumps(each, separators=(",", ":")).encode() for each in objects),
        b"{}",
        b"[]",
        b'{"format":1}',
    ]


TARGET = Target(
    check,
    _seeds,
    [
        b'"format"',
        b"null",
        b"[]",
        b"{}",
        b"true",
        b"1e400",
        b"NaN",
        b'"type"',
        b'"null"',
        b'"long"',
        b'"logicalType"',
        b'"decimal"',
        b'"precision"',
        b'"scale"',
        b'"created"',
        b'"rows"',
        b'"schema"',
        b'"files"',
        b'"\\ud800"',
        b"-1",
        b"[" * 99,
    ],
    4_000,
)
