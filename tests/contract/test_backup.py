"""Backing tables up, reading backups back, finding and copying them: real Postgres, folder and S3 (moto)."""

from __future__ import annotations

import datetime as dt
import io
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import avro.datafile
import avro.io
import fastavro
import pyarrow as pa
import pytest

from chalicelib.backup import pages
from chalicelib.backup.backup import back_up
from chalicelib.backup.catalogue import copy_backup, find, find_snapshot, rebuild_catalog
from chalicelib.backup.manifest import file_key, manifest_key
from chalicelib.backup.pages import read_pages
from chalicelib.backup.verification import load_manifest, verify
from chalicelib.errors import BackupDamaged, NotFound
from chalicelib.identifiers import is_id
from chalicelib.ports import Backup, Storage
from chalicelib.storage import FolderStorage, S3Storage
from tests.conftest import TestDatabase
from tests.contract.backup_support import HIRED, NOW, take
from tests.fakes import FakeCatalog


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    storage: Storage = request.getfixturevalue(request.param)
    return storage


def content(storage: Storage, key: str) -> bytes:
    with storage.open(key) as stream:
        return stream.read()


def saved_rows(storage: Storage, backup: Backup) -> list[Any]:
    return list(fastavro.reader(io.BytesIO(content(storage, file_key(backup.table, backup.id)))))


def test_a_backup_holds_the_rows_in_the_order_of_the_key(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    rows = saved_rows(storage, backup)
    assert [tuple(row.values()) for row in rows] == company.rows("hired_employees")
    assert rows[0]["datetime"] == HIRED
    file = io.BytesIO(content(storage, file_key("hired_employees", backup.id)))
    with avro.datafile.DataFileReader(file, avro.io.DatumReader()) as reader:
        assert list(reader) == rows


def test_the_catalogue_lists_what_was_saved(company: TestDatabase, storage: Storage, catalog: FakeCatalog) -> None:
    backups = take(company, storage, catalog)
    assert [backup.table for backup in backups] == ["departments", "jobs", "hired_employees"]
    assert [backup.rows for backup in backups] == [3, 1, 40]
    assert len({backup.snapshot for backup in backups}) == 1
    assert all(is_id(backup.id) and catalog.backup(backup.id) == backup for backup in backups)
    for backup in backups:
        assert backup.bytes == storage.head(file_key(backup.table, backup.id)).size
        assert load_manifest(storage, backup).to_backup() == backup
        assert load_manifest(storage, backup).tables == ("departments", "jobs", "hired_employees")


def test_progress_counts_the_rows(company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog) -> None:
    told: list[tuple[str, int]] = []
    back_up(
        company.database, folder, catalog, company.dictionary, ["jobs", "hired_employees"], snapshot="s", now=NOW,
        progress=lambda phase, rows: told.append((phase, rows)),
    )  # fmt: skip
    assert told == [("backup jobs", 1), ("backup hired_employees", 40)]


def test_an_unknown_table_is_not_found(company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog) -> None:
    with pytest.raises(NotFound, match="no table 'people'"):
        take(company, folder, catalog, "jobs", "people")
    assert list(folder.list("")) == []


def test_an_empty_table_is_backed_up(postgres: TestDatabase, storage: Storage, catalog: FakeCatalog) -> None:
    [backup] = take(postgres, storage, catalog, "jobs")
    assert backup.rows == 0
    assert verify(storage, postgres.dictionary, backup).refusal is None


def test_all_tables_are_of_one_moment(company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog) -> None:
    """Another connection adds a department and moves people into it, while departments are saved and people are not."""

    def write_between(phase: str, _rows: int) -> None:
        if phase == "backup departments":
            with company.as_owner() as owner:
                owner.execute_simple("INSERT INTO departments VALUES (9, 'New')")
                owner.execute_simple("UPDATE hired_employees SET department_id = 9")

    back_up(
        company.database, folder, catalog, company.dictionary, ["departments", "hired_employees"], snapshot="s",
        now=NOW, progress=write_between,
    )  # fmt: skip
    employees = find(catalog, "hired_employees")
    assert {row["department_id"] for row in saved_rows(folder, employees)} == {1, 2, 3}
    assert find(catalog, "departments").rows == 3


REWRITE = "ALTER TABLE jobs ALTER job TYPE text USING job || ''"


def test_a_table_that_is_being_rewritten_is_waited_for_and_not_taken_for_empty(
    company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    """To a snapshot that is older than a migration's new rows there are none."""
    waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'jobs'::regclass"
    with ThreadPoolExecutor(1) as thread, company.as_owner() as owner:
        owner.execute_simple(f"BEGIN; {REWRITE}")
        coming = thread.submit(take, company, folder, catalog, "departments", "jobs")
        while not coming.done() and not owner.execute_simple(waiting).rows:
            time.sleep(0.01)
        owner.execute_simple("COMMIT")
        backups = coming.result()
    assert [backup.rows for backup in backups] == [3, 1]


def test_no_table_is_rewritten_before_it_has_been_read(
    company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    refused: list[str] = []

    def migrate(phase: str, _rows: int) -> None:
        with company.as_owner() as owner, pytest.raises(Exception, match="55P03"):
            owner.execute_simple(f"SET lock_timeout = '10ms'; {REWRITE}")
        refused.append(phase)

    backups = take(company, folder, catalog, "departments", "jobs", progress=migrate)
    assert [backup.rows for backup in backups] == [3, 1]
    assert refused == ["backup departments", "backup jobs"]


class BrokenStorage(FolderStorage):
    """Takes files and no manifests."""

    def put(self, key: str, content: bytes, metadata: Any = None) -> None:  # noqa: ARG002
        raise RuntimeError(f"killed before {key}")


def test_a_backup_that_is_killed_before_its_manifest_is_no_backup(
    company: TestDatabase, tmp_path: Path, catalog: FakeCatalog
) -> None:
    storage = BrokenStorage(tmp_path)
    with pytest.raises(RuntimeError, match="killed before"):
        take(company, storage, catalog)
    assert [each.key.split("/")[-1] for each in storage.list("")] == ["data.avro"] * 3
    assert rebuild_catalog(storage, catalog) == 0
    with pytest.raises(NotFound, match="no backup of jobs"):
        find(catalog, "jobs")


def test_pages_are_small_and_in_order_whatever_the_key(company: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_FIRST_PAGE_ROWS", 2)
    monkeypatch.setattr(pages, "_PAGE_ROWS", 3)
    words = ["", "a", "A", "B", "ab", "é", "Z", 'it\'s :id %s \\ "x"', "z", "🙂", "\n"]
    schema = pa.schema([("word", pa.string()), ("sure", pa.bool_()), ("at", pa.timestamp("us", "UTC"))])
    rows = [{"word": word, "sure": sure, "at": HIRED} for word in words for sure in (True, False)]
    with company.database.transaction() as transaction:
        transaction.run(
            "CREATE TEMP TABLE words (word text, sure boolean, at timestamptz, PRIMARY KEY (word, sure, at))"
        )
        transaction.copy_in("words", [pa.Table.from_pylist(rows, schema=schema)])
        read = list(read_pages(transaction, "words", schema, ("word", "sure", "at")))
    assert max(len(page) for page in read) == 3
    expected = sorted(rows, key=lambda row: (str(row["word"]).encode(), row["sure"]))
    assert [row for page in read for row in page.to_pylist()] == expected


def test_pages_of_wide_rows_have_few_of_them(company: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_FIRST_PAGE_ROWS", 10)
    monkeypatch.setattr(pages, "_PAGE_BYTES", 100_000)
    schema = company.dictionary.table("jobs").arrow
    with company.database.transaction() as transaction:
        transaction.run("INSERT INTO jobs SELECT n, repeat('x', 10000) FROM generate_series(100, 199) n")
        sizes = [len(page) for page in read_pages(transaction, "jobs", schema, ["id"])]
    assert sum(sizes) == 101
    assert max(sizes) <= 12


def test_pages_stay_small_where_long_rows_follow_short_ones(
    company: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a page takes is guessed from the one before, which may be wrong by any factor."""
    monkeypatch.setattr(pages, "_FIRST_PAGE_ROWS", 10)
    monkeypatch.setattr(pages, "_PAGE_BYTES", 50_000)
    monkeypatch.setattr(pages, "_MOST_BYTES", 100_000)
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), ("one", pa.string()), ("two", pa.string())])
    with company.database.transaction() as transaction:
        transaction.run("CREATE TEMP TABLE letters (id bigint PRIMARY KEY, one text, two text)")
        transaction.run(
            """INSERT INTO letters SELECT n,
                CASE WHEN n % 7 > 0 THEN repeat('é', CASE WHEN n % 1000 > 300 THEN 2000 ELSE n % 3 END) END,
                CASE WHEN n % 5 > 0 THEN repeat('x', CASE WHEN n % 1000 > 300 THEN 5000 ELSE n % 2 END) END
            FROM generate_series(1, 1600) n"""
        )
        whole = transaction.read("SELECT * FROM letters ORDER BY id", schema)
        read = list(read_pages(transaction, "letters", schema, ["id"]))
    assert pa.concat_tables(read) == whole
    assert max(page.nbytes for page in read) < 130_000 < whole.nbytes / 50
    assert len(read) < 300


# Reading back


def test_a_whole_backup_verifies(company: TestDatabase, storage: Storage, catalog: FakeCatalog) -> None:
    for backup in take(company, storage, catalog):
        verification = verify(storage, company.dictionary, backup)
        assert verification.manifest.to_backup() == backup
        assert (verification.notes, verification.refusal) == ((), None)


def test_every_flipped_byte_and_every_truncation_is_refused(
    company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, folder, catalog, "departments")
    for key in (file_key("departments", backup.id), manifest_key("departments", backup.id)):
        whole = content(folder, key)
        for at in range(len(whole)):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << at % 8
            for damaged in (bytes(flipped), whole[:at]):
                (Path(folder.name) / key).write_bytes(damaged)
                with pytest.raises(BackupDamaged):
                    verify(folder, company.dictionary, backup)
        folder.put(key, whole)
        assert verify(folder, company.dictionary, backup).refusal is None


def test_a_manifest_without_its_file_is_refused(company: TestDatabase, storage: Storage, catalog: FakeCatalog) -> None:
    [backup] = take(company, storage, catalog, "jobs")
    storage.delete(file_key("jobs", backup.id))
    with pytest.raises(BackupDamaged, match="its file is not there"):
        verify(storage, company.dictionary, backup)


def test_a_file_without_its_manifest_is_no_backup(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "jobs")
    storage.delete(manifest_key("jobs", backup.id))
    with pytest.raises(NotFound, match="no backup with the manifest"):
        verify(storage, company.dictionary, backup)


def test_another_tables_file_is_refused(company: TestDatabase, storage: Storage, catalog: FakeCatalog) -> None:
    departments, jobs = take(company, storage, catalog, "departments", "jobs")
    storage.put(file_key("jobs", jobs.id), content(storage, file_key("departments", departments.id)))
    with pytest.raises(BackupDamaged, match=f"backup {jobs.id} of jobs is damaged"):
        verify(storage, company.dictionary, jobs)


def test_another_backup_put_in_its_place_is_refused(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog
) -> None:
    """File and manifest agree with each other, and not with the catalogue."""
    [first] = take(company, storage, catalog, "jobs")
    with pytest.raises(BackupDamaged, match="other files than the catalogue"):
        verify(storage, company.dictionary, Backup(**{**_fields(first), "sha256": "0" * 64}))


def _fields(backup: Backup) -> dict[str, Any]:
    return {name: getattr(backup, name) for name in Backup.__slots__}


# Finding


def test_the_newest_backup_is_found_or_the_one_of_an_id_or_a_moment(
    company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    hours = [NOW + dt.timedelta(hours=n) for n in range(3)]
    first, second, third = (take(company, folder, catalog, "jobs", now=hour)[0] for hour in hours)
    assert find(catalog, "jobs") == third
    assert find(catalog, "jobs", backup=first.id) == first
    assert find(catalog, "jobs", as_of=hours[1]) == second
    assert find(catalog, "jobs", as_of=hours[1] + dt.timedelta(minutes=59)) == second


def test_what_is_not_found_says_where_to_look(
    company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    with pytest.raises(NotFound, match=r"no backup of jobs.*POST /tables/jobs/backups takes one"):
        find(catalog, "jobs")
    [backup] = take(company, folder, catalog, "jobs")
    with pytest.raises(NotFound, match=f"no backup {backup.id} of departments; it is one of jobs"):
        find(catalog, "departments", backup=backup.id)
    with pytest.raises(NotFound, match="no backup nothing of jobs"):
        find(catalog, "jobs", backup="nothing")
    with pytest.raises(NotFound, match=r"from 2026-11-22T02:20:45\.123455.* or before"):
        find(catalog, "jobs", as_of=NOW - dt.timedelta(microseconds=1))


def test_the_newest_snapshot_of_all_tables_is_found_or_the_one_of_an_id_or_a_moment(
    company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    hours = [NOW + dt.timedelta(hours=n) for n in range(3)]
    first = take(company, folder, catalog, now=hours[0])
    second = take(company, folder, catalog, now=hours[1])
    part = take(company, folder, catalog, "jobs", "departments", now=hours[2])

    def found(**which: Any) -> set[str]:
        return {each.id for each in find_snapshot(folder, catalog, company.dictionary, **which)}

    assert found() == {each.id for each in second}
    assert found(as_of=hours[0]) == {each.id for each in first}
    assert found(snapshot=first[0].snapshot) == {each.id for each in first}
    assert found(snapshot=part[0].snapshot) == {each.id for each in part}


def test_a_snapshot_that_lacks_a_table_is_refused(
    company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    departments, jobs, _ = take(company, folder, catalog)
    del catalog.kept_backups[jobs.id]
    with pytest.raises(NotFound, match="no backup of jobs any more"):
        find_snapshot(folder, catalog, company.dictionary, snapshot=departments.snapshot)
    with pytest.raises(NotFound, match="no snapshot of all tables"):
        find_snapshot(folder, catalog, company.dictionary)
    with pytest.raises(NotFound, match="no snapshot gone"):
        find_snapshot(folder, catalog, company.dictionary, snapshot="gone")


def test_a_lost_catalogue_is_rebuilt_from_the_manifests(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    departments, jobs, employees = take(company, storage, catalog)
    storage.put("backups/notes.txt", b"not ours")
    storage.put(manifest_key("jobs", jobs.id), b"{}")
    storage.put(file_key("departments", departments.id), b"short")
    rebuilt = FakeCatalog()
    with caplog.at_level(logging.WARNING):
        assert rebuild_catalog(storage, rebuilt) == 1
    assert rebuilt.kept_backups == {employees.id: employees}
    assert "5 bytes" in caplog.text
    assert f"the backup {jobs.id} is left out" in caplog.text


# Copying


def test_a_backup_is_copied_with_its_manifest_and_verifies_there(
    company: TestDatabase, s3: S3Storage, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, s3, catalog, "hired_employees")
    for _ in range(2):
        copy_backup(s3, folder, load_manifest(s3, backup))
    assert verify(folder, company.dictionary, backup).manifest == load_manifest(s3, backup)
    assert rebuild_catalog(folder, FakeCatalog()) == 1


def test_a_damaged_backup_is_not_copied(
    company: TestDatabase, s3: S3Storage, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, s3, catalog, "jobs")
    key = file_key("jobs", backup.id)
    s3.put(key, content(s3, key)[:-1])
    with pytest.raises(BackupDamaged, match="bytes, not"):
        copy_backup(s3, folder, load_manifest(s3, backup))
    assert list(folder.list("")) == []
