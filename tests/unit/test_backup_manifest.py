"""The manifest of a backup."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.backup.manifest import (
    Manifest,
    file_key,
    fingerprint,
    manifest_key,
    parse_manifest,
    render_manifest,
)  # fmt: skip
from chalicelib.dictionary.avro import avro_schema
from chalicelib.errors import BackupDamaged
from tests.contract.backup_support import NOW, stock

ID = "20261122T022045123456-4f2a9c1b"
KEY = f"backups/shelves/{ID}/manifest.json"
SHELVES = stock().table("shelves")
MANIFEST = Manifest(
    id=ID,
    table="shelves",
    snapshot="20261122T022045123450-00000000",
    tables=("sites", "shelves"),
    created=NOW,
    dictionary="d" * 64,
    key=("site", "number"),
    schema=avro_schema(SHELVES),
    schema_fingerprint=fingerprint(avro_schema(SHELVES)),
    file=f"backups/shelves/{ID}/data.avro",
    codec="deflate",
    bytes=1234,
    sha256="a" * 64,
    rows=5,
    content="b" * 64,
)
WRITTEN = render_manifest(MANIFEST)


def changed(**fields: Any) -> bytes:
    """The manifest with other fields, rendered as Decant would."""
    return render_manifest(replace(MANIFEST, **fields))


def test_it_is_read_as_it_was_written() -> None:
    assert parse_manifest(WRITTEN, KEY) == MANIFEST


def test_it_is_json_that_a_person_can_read() -> None:
    fields = json.loads(WRITTEN)
    assert fields["format"] == 1
    assert fields["created"] == "2026-11-22T02:20:45.123456+00:00"
    assert fields["rows"] == 5
    assert WRITTEN.count(b"\n") > 20


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
    bogota = NOW.astimezone(dt.timezone(dt.timedelta(hours=-5)))
    assert changed(created=bogota) == WRITTEN


def test_its_keys_tell_the_table_and_the_backup() -> None:
    assert manifest_key("shelves", ID) == KEY
    assert file_key("shelves", ID) == MANIFEST.file


def test_the_catalogue_lists_what_it_says() -> None:
    backup = MANIFEST.to_backup()
    assert (backup.id, backup.table, backup.rows, backup.bytes, backup.sha256, backup.state) == (
        ID, "shelves", 5, 1234, "a" * 64, "complete",
    )  # fmt: skip


def test_every_flipped_bit_is_refused() -> None:
    for at in range(len(WRITTEN)):
        for bit in (1, 16, 128):
            damaged = bytearray(WRITTEN)
            damaged[at] ^= bit
            with pytest.raises(BackupDamaged):
                parse_manifest(bytes(damaged), KEY)


def test_every_truncation_and_every_addition_is_refused() -> None:
    for end in range(len(WRITTEN)):
        with pytest.raises(BackupDamaged):
            parse_manifest(WRITTEN[:end], KEY)
    with pytest.raises(BackupDamaged, match="not as it was written"):
        parse_manifest(WRITTEN + b"\n", KEY)


def test_a_newer_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(BackupDamaged, match=r"has the format 2; this version of Decant reads 1.*newer"):
        parse_manifest(WRITTEN.replace(b'"format": 1', b'"format": 2'), KEY)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"1", b"{}", b"[" * 100_000, b"\xff", b'{"format": 1}'])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(BackupDamaged, match="damaged"):
        parse_manifest(content, KEY)


def test_a_manifest_in_another_place_is_refused() -> None:
    with pytest.raises(BackupDamaged, match=f"that of the backup {ID} of shelves"):
        parse_manifest(WRITTEN, KEY.replace("shelves", "sites"))


def test_a_manifest_that_points_at_another_file_is_refused() -> None:
    with pytest.raises(BackupDamaged, match=r"whose file is backups/sites"):
        parse_manifest(changed(file=file_key("sites", ID)), KEY)


def test_a_schema_that_is_not_that_of_the_fingerprint_is_refused() -> None:
    with pytest.raises(BackupDamaged, match="fingerprint"):
        parse_manifest(changed(schema=avro_schema(stock().table("sites"))), KEY)


@pytest.mark.parametrize(
    "schema", [{}, {"type": "record", "name": "x"}, {"type": "nothing"}, {"type": "record", "name": "x", "fields": 1}]
)
def test_a_schema_that_is_none_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(BackupDamaged):
        parse_manifest(changed(schema=schema), KEY)
