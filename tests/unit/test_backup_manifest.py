"""The manifest of a backup."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from chalicelib.backup.manifest import (
    BackupFile,
    Manifest,
    file_key,
    fingerprint,
    manifest_key,
    manifest_object,
    parse_manifest,
    part_file_key,
    render_manifest,
    sealed,
)  # fmt: skip
from chalicelib.dictionary.avro import avro_schema
from chalicelib.errors import BackupDamaged
from tests.contract.backup_support import NOW, stock

ID = "20261122T022045123456-4f2a9c1b"
KEY = f"backups/shelves/{ID}/manifest.json"
SHELVES = stock().table("shelves")
FILE = BackupFile(f"backups/shelves/{ID}/data.avro", bytes=1234, sha256="a" * 64, rows=5, content="b" * 64)
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
    codec="deflate",
    files=(FILE,),
)
WRITTEN = render_manifest(MANIFEST)
PARTS = tuple(
    BackupFile(part_file_key("shelves", ID, number, f"{number:08x}"), 10, str(number) * 64, 2, str(number) * 64)
    for number in (1, 2, 3)
)
IN_PARTS = replace(MANIFEST, files=PARTS)


def changed(**fields: Any) -> bytes:
    """The manifest with other fields, rendered as Decant would."""
    return render_manifest(replace(MANIFEST, **fields))


def test_it_is_read_as_it_was_written() -> None:
    assert parse_manifest(WRITTEN, KEY) == MANIFEST


def test_one_of_several_files_is_read_as_it_was_written() -> None:
    assert parse_manifest(render_manifest(IN_PARTS), KEY) == IN_PARTS


def test_what_several_files_hold_is_told_as_a_whole() -> None:
    fields = json.loads(render_manifest(IN_PARTS))
    assert (fields["format"], fields["rows"], fields["bytes"]) == (2, 6, 30)
    assert fields["sha256"] == hashlib.sha256(b"".join(b"%d" % n * 64 + b"\n" for n in (1, 2, 3))).hexdigest()
    assert (fields["sha256"], fields["content"]) == (IN_PARTS.to_backup().sha256, IN_PARTS.content)
    assert [each["file"] for each in fields["files"]] == [each.file for each in PARTS]


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
    assert file_key("shelves", ID) == FILE.file


def test_the_catalogue_lists_what_it_says() -> None:
    backup = MANIFEST.to_backup()
    assert (backup.id, backup.table, backup.rows, backup.bytes, backup.sha256, backup.state) == (
        ID, "shelves", 5, 1234, "a" * 64, "complete",
    )  # fmt: skip


def test_every_truncation_and_every_addition_is_refused() -> None:
    for end in range(len(WRITTEN)):
        with pytest.raises(BackupDamaged):
            parse_manifest(WRITTEN[:end], KEY)
    with pytest.raises(BackupDamaged, match="not as it was written"):
        parse_manifest(WRITTEN + b"\n", KEY)


def test_a_newer_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(BackupDamaged, match=r"has the format 3; this version of Decant reads 1 and 2.*newer"):
        parse_manifest(WRITTEN.replace(b'"format": 1', b'"format": 3'), KEY)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"1", b"{}", b"[" * 100_000, b"\xff", b'{"format": 1}'])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(BackupDamaged, match="damaged"):
        parse_manifest(content, KEY)


def test_a_manifest_in_another_place_is_refused() -> None:
    with pytest.raises(BackupDamaged, match=f"that of the backup {ID} of shelves"):
        parse_manifest(WRITTEN, KEY.replace("shelves", "sites"))


def test_a_manifest_that_points_at_another_file_is_refused() -> None:
    with pytest.raises(BackupDamaged, match=r"whose files are backups/sites"):
        parse_manifest(changed(files=(replace(FILE, file=file_key("sites", ID)),)), KEY)


@pytest.mark.parametrize(
    "files",
    [
        (),
        PARTS[:1],
        PARTS[1:],
        (PARTS[1], PARTS[0]),
        (PARTS[0], PARTS[2]),
        (PARTS[0], PARTS[0]),
        (PARTS[0], FILE),
        (PARTS[0], replace(PARTS[1], file=PARTS[1].file.replace("shelves", "sites"))),
        (PARTS[0], replace(PARTS[1], file=f"{PARTS[1].file}x")),
    ],
)
def test_files_that_are_not_all_those_of_the_backup_in_their_order_are_refused(files: tuple[BackupFile, ...]) -> None:
    with pytest.raises(BackupDamaged):
        parse_manifest(sealed({**manifest_object(IN_PARTS), "files": [asdict(each) for each in files]}), KEY)
    if files:
        with pytest.raises(BackupDamaged):
            parse_manifest(changed(files=files), KEY)


@pytest.mark.parametrize("files", [None, 1, "x", [1, 2], [{}, {}], {"file": 1}])
def test_files_of_another_form_are_refused(files: Any) -> None:
    with pytest.raises(BackupDamaged, match=r"wrong type|not as it was written"):
        parse_manifest(sealed({**manifest_object(IN_PARTS), "files": files}), KEY)


def test_a_schema_that_is_not_that_of_the_fingerprint_is_refused() -> None:
    with pytest.raises(BackupDamaged, match="fingerprint"):
        parse_manifest(changed(schema=avro_schema(stock().table("sites"))), KEY)


@pytest.mark.parametrize(
    "schema", [{}, {"type": "record", "name": "x"}, {"type": "nothing"}, {"type": "record", "name": "x", "fields": 1}]
)
def test_a_schema_that_is_none_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(BackupDamaged):
        parse_manifest(changed(schema=schema), KEY)
