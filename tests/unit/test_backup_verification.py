"""What reading a backup back finds, and the words in which it tells it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pytest

from chalicelib.backup import verification
from chalicelib.backup.verification import (
    BackupContent,
    FileChecksum,
    Verification,
    check_file,
    load_manifest,
    read_manifest,
    verify,
)
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import BackupDamaged, DecantError, NotFound
from chalicelib.ports import Storage
from tests.contract.backup_support import field, stock
from tests.flips.saved import IDENTIFIER, Memory, Saved, read_as_restore, read_as_verify, read_unchecked, save

STOCK = stock()
SITES = STOCK.table("sites")


def sites(*codes: str) -> pa.Table:
    return pa.Table.from_pylist([{"code": code, "open": None, "since": None} for code in codes], schema=SITES.arrow)


WHOLE = save(STOCK, SITES, [sites("a", "b")])
IN_PARTS = save(STOCK, SITES, [sites("a", "b"), sites("c"), sites("d", "e", "f")])


def storage(saved: Saved) -> Storage:
    return cast(Storage, saved.storage)


def verified(dictionary: Dictionary, saved: Saved = WHOLE) -> Verification:
    return verify(storage(saved), dictionary, saved.backup)


def test_a_whole_backup_is_told_with_its_manifest() -> None:
    assert verified(STOCK) == Verification(WHOLE.manifest, (), None)
    assert verified(STOCK, IN_PARTS) == Verification(IN_PARTS.manifest, (), None)


def people(*fields: dict[str, Any], name: str = "sites") -> Dictionary:
    schema = {"fields": [field("code", "string", required=True), *fields], "primaryKey": ["code"]}
    return parse_dictionary({"resources": [{"name": name, "schema": schema}]})


def test_a_whole_backup_tells_what_a_restore_into_the_tables_of_today_would_do() -> None:
    of_today = [field("open", "boolean"), field("since", "date"), field("until", "date")]
    notes = ("The column until is newer than the backup: it is blank in every row.",)
    assert verified(people(*of_today)) == Verification(WHOLE.manifest, notes, None)


def test_a_whole_backup_that_no_table_of_today_takes_is_whole_and_tells_why() -> None:
    refused = verified(people(field("open", "boolean")))
    assert (refused.manifest, refused.notes) == (WHOLE.manifest, ())
    assert str(refused.refusal).startswith(
        f"The backup {IDENTIFIER} does not fit the table sites: the table has no column since any more"
    )
    unknown = verified(people(name="shops"))
    assert (unknown.manifest, unknown.notes) == (WHOLE.manifest, ())
    assert "sites" in str(unknown.refusal)


def told(saved: Saved, content: bytes | None, read: Any = read_as_verify, number: int = 0) -> DecantError:
    """The error of reading a backup with other bytes in the place of one of its files."""
    with pytest.raises(DecantError) as caught:
        read(saved.storage.but(saved.manifest.files[number].file, content), saved)
    return caught.value


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("read", [read_as_verify, read_as_restore])
@pytest.mark.parametrize(("saved", "number"), [(WHOLE, 0), (IN_PARTS, 1)], ids=["one file", "in parts"])
def test_a_damage_of_the_bytes_names_backup_table_and_file_and_what_to_do(read: Any, saved: Saved, number: int) -> None:
    file = saved.manifest.files[number]
    content = saved.storage.objects[file.file]
    which = "its file" if saved is WHOLE else f"its file {file.file}"
    for damaged, reason in (
        (flipped(content), "has another SHA-256 than the manifest tells"),
        (content[:-1], f"has {file.bytes - 1} bytes, not {file.bytes}"),
        (b"", f"has 0 bytes, not {file.bytes}"),
        (content + b"\0", f"has more than {file.bytes} bytes"),
        (None, "is not there"),
    ):
        error = told(saved, damaged, read, number)
        assert type(error) is BackupDamaged
        assert error.detail == f"The backup {IDENTIFIER} of sites is damaged: {which} {reason}."
        assert error.hint == "Restore another backup of the table, or an older version of this object."


def test_a_file_is_checked_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careful(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size == 50
            return super().read(size)

    class Odd(Memory):
        def open(self, key: str) -> BinaryIO:
            return Careful(self.objects[key])

    monkeypatch.setattr(verification, "_READ_BYTES", 50)
    content = WHOLE.storage.objects[WHOLE.manifest.files[0].file]
    assert len(content) > 150
    check_file(cast(Storage, Odd(WHOLE.storage.objects)), WHOLE.manifest)
    assert "SHA-256" in told(WHOLE, flipped(content)).detail
    assert f"has {len(content) - 1} bytes" in told(WHOLE, content[:-1]).detail


def test_bytes_that_are_too_many_are_told_before_the_file_has_ended() -> None:
    [file] = WHOLE.manifest.files
    checked = FileChecksum(WHOLE.manifest, file)
    checked.add(bytes(file.bytes - 1))
    checked.add(b"\0")
    with pytest.raises(BackupDamaged, match=f"has more than {file.bytes} bytes"):
        checked.add(b"\0")


def other(*parts: pa.Table) -> bytes:
    """The first file of a backup of other rows."""
    saved = save(STOCK, SITES, list(parts))
    return saved.storage.objects[saved.manifest.files[0].file]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (other(sites("a", "x")), "has other values in its rows than were saved"),
        (other(sites("a")), "has 1 rows, not 2"),
        (other(sites()), "has 0 rows, not 2"),
        (other(sites("a", "b", "c")), "has more than 2 rows"),
        (None, "is not there"),
        (b"Obj", "is none that was saved. The Avro file can't be read: 1 bytes are missing at the end of the file"),
    ],
    ids=["other values", "fewer rows", "no rows", "more rows", "no file", "no Avro file"],
)
@pytest.mark.parametrize("saved", [WHOLE, IN_PARTS], ids=["one file", "in parts"])
def test_rows_that_are_not_those_that_were_saved_are_told(saved: Saved, content: bytes | None, reason: str) -> None:
    """Though nobody has looked at the bytes, or they were others when it was done."""
    which = "its file" if saved is WHOLE else f"its file {saved.manifest.files[0].file}"
    error = told(saved, content, read_unchecked)
    assert type(error) is BackupDamaged
    assert error.detail == f"The backup {IDENTIFIER} of sites is damaged: {which} {reason}."


def test_content_is_read_again_from_the_beginning() -> None:
    content = BackupContent(storage(IN_PARTS), IN_PARTS.manifest)
    for _ in range(2):
        assert pa.concat_tables(content.chunks())["code"].to_pylist() == list("abcdef")
        content.check()


def test_rows_that_nobody_has_read_are_not_those_that_were_saved() -> None:
    with pytest.raises(ValueError, match="zip"):
        BackupContent(storage(WHOLE), WHOLE.manifest).check()


def test_without_its_manifest_a_backup_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        read_manifest(cast(Storage, Memory(name="the bucket")), "backups/x/manifest.json")
    assert caught.value.detail == "There is no backup with the manifest backups/x/manifest.json in the bucket."
    assert caught.value.hint == (
        "A backup without its manifest was never finished or has been deleted; take another one."
    )


def test_a_manifest_of_other_files_than_the_catalogue_tells_is_a_damage() -> None:
    with pytest.raises(BackupDamaged) as caught:
        load_manifest(storage(WHOLE), replace(WHOLE.backup, sha256="0" * 64))
    assert caught.value.detail == f"The manifest {WHOLE.manifest_key} tells of other files than the catalogue does."
    assert caught.value.hint == "If the bucket is right, rebuild the catalogue from its manifests."


def test_of_what_stands_in_the_place_of_a_manifest_some_megabytes_are_read() -> None:
    class Endless(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 < size <= 4 * 1024 * 1024
            return b" " * size

    class Odd(Memory):
        def open(self, key: str) -> BinaryIO:  # noqa: ARG002
            return Endless()

    with pytest.raises(BackupDamaged):
        read_manifest(cast(Storage, Odd()), WHOLE.manifest_key)
