"""Restoring tables on a real Postgres: what comes back, what is refused, and who may look on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.backup import restore as restore_module
from chalicelib.backup import swap as swap_module
from chalicelib.backup.catalogue import copy_backup, manifests
from chalicelib.backup.manifest import file_key
from chalicelib.backup.restore import Progress, RestoreReport
from chalicelib.backup.swap import Swap
from chalicelib.backup.verification import BackupContent, load_manifest
from chalicelib.dictionary.ddl import staging_name
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import BackupDamaged, BadRequest, DecantError, RestoreRefused, Unavailable
from chalicelib.postgres import PostgresDatabase
from chalicelib.storage import FolderStorage
from tests.conftest import TestDatabase
from tests.contract.backup_support import NOW, field, fill, put_back, stock, tables, take
from tests.fakes import FakeCatalog

MakeDatabase = Callable[[Dictionary], Any]


def break_employees(postgres: TestDatabase) -> None:
    with postgres.database.transaction() as transaction:
        transaction.run("DELETE FROM hired_employees WHERE id < 3")
        transaction.run("UPDATE hired_employees SET name = '' WHERE id BETWEEN 10 AND 14")
        transaction.run(
            "INSERT INTO hired_employees SELECT 900, name, datetime, 1, 7 FROM hired_employees WHERE id = 5"
        )


# What comes back


def test_after_a_restore_the_table_equals_the_backup(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    before = company.rows("hired_employees")
    [backup] = take(company, storage, catalog, "hired_employees")
    break_employees(company)
    [report] = put_back(company, storage, backup)
    assert company.rows("hired_employees") == before
    assert report == RestoreReport(
        table="hired_employees", backup=backup.id, rows=40, inserted=3, updated=5, deleted=1, unchanged=32
    )


def test_a_restore_is_recorded_in_the_ledger(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    break_employees(company)
    put_back(company, storage, backup)
    assert company.query(
        """SELECT kind, table_name, state, read, inserted, updated, unchanged, rejected, started,
            result, note FROM decant.runs WHERE id = 'run-1'"""
    ) == [
        (
            *("restore", "hired_employees", "succeeded", 40, 3, 5, 32, 0, NOW),
            {
                "dry_run": False,
                "tables": [
                    {
                        "table": "hired_employees",
                        "backup": backup.id,
                        "rows": 40,
                        "inserted": 3,
                        "updated": 5,
                        "deleted": 1,
                        "unchanged": 32,
                        "notes": [],
                    }
                ],
            },
            None,
        )
    ]


def test_a_restore_of_several_tables_is_one_run_with_the_sums(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    backups = take(company, storage, catalog)
    break_employees(company)
    company.query("WITH changed AS (UPDATE jobs SET job = '') SELECT 1")
    put_back(company, storage, *backups)
    assert company.query(
        """SELECT table_name, dictionary, read, inserted, updated, unchanged, note,
            jsonb_array_length(result -> 'tables') FROM decant.runs"""
    ) == [(None, company.dictionary.digest, 44, 3, 6, 35, None, 3)]


def test_an_emptied_parent_whose_rows_are_referenced_comes_back(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    before, employees = company.rows("departments"), company.rows("hired_employees")
    [backup] = take(company, storage, catalog, "departments")
    with company.database.transaction() as transaction:
        transaction.run("UPDATE departments SET department = 'lost'")
        transaction.run("INSERT INTO departments VALUES (99, 'new')")
    [report] = put_back(company, storage, backup)
    assert (report.updated, report.deleted) == (3, 1)
    assert company.rows("departments") == before
    assert company.rows("hired_employees") == employees


def test_all_tables_of_a_snapshot_come_back_together_in_whatever_order_they_are_given(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    names = ("departments", "jobs", "hired_employees")
    before = [company.rows(name) for name in names]
    backups = take(company, storage, catalog)
    with company.database.transaction() as transaction:
        for name in reversed(names):
            transaction.run(f"DELETE FROM {name}")
        transaction.run("INSERT INTO departments VALUES (50, 'other')")
        transaction.run("INSERT INTO jobs VALUES (51, 'other')")
        transaction.run("INSERT INTO hired_employees VALUES (52, 'other', now(), 50, 51)")
    reports = put_back(company, storage, *reversed(backups))
    assert [report.table for report in reports] == list(names)
    assert [(report.inserted, report.deleted) for report in reports] == [(3, 1), (1, 1), (40, 1)]
    assert [company.rows(name) for name in names] == before
    assert company.query("SELECT table_name, read FROM decant.runs") == [(None, 44)]


def test_tables_that_lost_most_of_their_rows_come_back_with_foreign_keys_checked_as_a_set(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys and indexes that are taken off for it are there again afterwards."""
    monkeypatch.setattr(swap_module, "SET_WISE_FROM", 10)
    names = ("departments", "jobs", "hired_employees")
    constraints = """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"""
    before, kept = [company.rows(name) for name in names], company.query(constraints)
    backups = take(company, storage, catalog)
    with company.database.transaction() as transaction:
        transaction.run("DELETE FROM hired_employees WHERE id > 1")
        transaction.run("DELETE FROM departments WHERE id = 3")
        transaction.run("UPDATE departments SET department = 'lost'")
        transaction.run("INSERT INTO departments VALUES (50, 'other')")
        transaction.run("UPDATE hired_employees SET department_id = 50")
    reports = put_back(company, storage, *backups)
    assert [(each.inserted, each.updated, each.deleted) for each in reports] == [(1, 2, 1), (0, 0, 0), (38, 2, 0)]
    assert [company.rows(name) for name in names] == before
    assert company.query(constraints) == kept


def test_a_staging_table_that_a_load_left_in_the_session_is_no_hindrance(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "jobs")
    name = staging_name(company.dictionary.table("jobs"))
    company.query(f"CREATE TEMP TABLE {name} (other integer) ON COMMIT DELETE ROWS")
    [report] = put_back(company, storage, backup)
    assert report.unchanged == 1


def test_an_empty_backup_empties_the_table(
    postgres: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(postgres, storage, catalog, "jobs")
    fill(postgres, "jobs", [{"id": 1, "job": "Clerk"}])
    [report] = put_back(postgres, storage, backup)
    assert (report.rows, report.deleted) == (0, 1)
    assert postgres.rows("jobs") == []


def test_a_copy_in_a_folder_restores_when_the_bucket_is_lost(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, tmp_path: Path
) -> None:
    before = company.rows("hired_employees")
    folder = FolderStorage(tmp_path / "copy")
    for backup in take(company, storage, catalog):
        copy_backup(storage, folder, load_manifest(storage, backup))
        storage.delete(file_key(backup.table, backup.id))
    break_employees(company)
    put_back(company, folder, *(manifest.to_backup() for manifest in manifests(folder)))
    assert company.rows("hired_employees") == before


STOCK = stock()


@pytest.fixture(scope="module")
def warehouse(make_database: MakeDatabase) -> Iterator[TestDatabase]:
    with make_database(STOCK) as database:
        yield database


@st.composite
def stocks(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Sites, and shelves that stand in them or within each other."""
    sites = draw(tables(STOCK.table("sites"), max_size=6))
    shelves = draw(tables(STOCK.table("shelves"), max_size=12)) if sites else []
    placed = {}
    for shelf in shelves:
        site = draw(st.sampled_from(sites))["code"]
        placed[site, shelf["number"]] = {**shelf, "site": site}
    for shelf in placed.values():
        within = draw(st.none() | st.sampled_from(list(placed)))
        shelf["within_site"], shelf["within_number"] = within or draw(st.sampled_from([(None, None), (None, 1)]))
    return sites, list(placed.values())


@given(before=stocks(), after=stocks())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tables_come_back_equal_whatever_happened_since(
    warehouse: TestDatabase, tmp_path_factory: pytest.TempPathFactory, before: Any, after: Any
) -> None:
    """Text and composite keys, blank cells, decimals, dates, booleans, rows that refer to each other."""
    storage, catalog = FolderStorage(tmp_path_factory.mktemp("stock")), FakeCatalog()

    def become(state: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
        with warehouse.database.transaction() as transaction:
            transaction.run("SET CONSTRAINTS ALL DEFERRED")
            transaction.run("DELETE FROM shelves")
            transaction.run("DELETE FROM sites")
            transaction.run("DELETE FROM decant.runs")
        fill(warehouse, "sites", state[0])
        fill(warehouse, "shelves", state[1])

    become(before)
    rows = warehouse.rows("sites"), warehouse.rows("shelves")
    backups = take(warehouse, storage, catalog)
    become(after)
    reports = put_back(warehouse, storage, *backups)
    assert (warehouse.rows("sites"), warehouse.rows("shelves")) == rows
    for report, was in zip(reports, before, strict=True):
        assert report.rows == len(was) == report.inserted + report.updated + report.unchanged


def test_rows_of_a_composite_key_are_compared_by_the_whole_of_it(
    make_database: MakeDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    shelves = [("A", 1), ("A", 2), ("B", 1), ("B", 3)]
    with make_database(STOCK) as database:
        fill(database, "sites", [{"code": "A"}, {"code": "B"}])
        fill(database, "shelves", [{"site": site, "number": number, "big": 0} for site, number in shelves])
        before = database.rows("shelves")
        [backup] = take(database, storage, catalog, "shelves")
        with database.database.transaction() as transaction:
            transaction.run(
                "UPDATE shelves SET big = 7, within_site = 'A', within_number = 1 WHERE site = 'A' AND number = 2"
            )
            transaction.run("UPDATE shelves SET number = 2 WHERE site = 'B' AND number = 1")
        [report] = put_back(database, storage, backup)
        assert (report.inserted, report.updated, report.deleted, report.unchanged) == (1, 1, 1, 2)
        assert database.rows("shelves") == before


def test_a_table_without_rows_gets_all_of_the_backup(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    company.query("WITH gone AS (DELETE FROM hired_employees) SELECT 1")
    [report] = put_back(company, storage, backup)
    assert report == RestoreReport(
        table="hired_employees", backup=backup.id, rows=40, inserted=40, updated=0, deleted=0, unchanged=0
    )


def test_a_table_that_has_nothing_but_its_key_comes_back(
    make_database: MakeDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    schema = {"fields": [field("a", "integer", required=True), field("b", "string", required=True)]}
    tags = parse_dictionary({"resources": [{"name": "tags", "schema": {**schema, "primaryKey": ["a", "b"]}}]})
    with make_database(tags) as database:
        fill(database, "tags", [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}])
        before = database.rows("tags")
        [backup] = take(database, storage, catalog)
        with database.database.transaction() as transaction:
            transaction.run("UPDATE tags SET b = 'z' WHERE a = 2")
        [report] = put_back(database, storage, backup)
        assert (report.inserted, report.updated, report.deleted, report.unchanged) == (1, 0, 1, 2)
        assert database.rows("tags") == before


def test_while_it_works_it_tells_how_many_rows_it_has_staged_and_checked(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = BackupContent.chunks

    def slices(content: BackupContent) -> Iterator[pa.Table]:
        return (chunk.slice(at, 15) for chunk in whole(content) for at in range(0, len(chunk), 15))

    [backup] = take(company, storage, catalog, "hired_employees")
    monkeypatch.setattr(BackupContent, "chunks", slices)
    told: list[tuple[str, int]] = []
    put_back(company, storage, backup, progress=lambda phase, rows, _: told.append((phase, rows)))
    staged = [("stage hired_employees", rows) for rows in (15, 30, 40)]
    assert told == [*staged, ("check hired_employees", 40)]


# What is refused


def test_a_backup_that_lacks_a_referenced_row_is_refused_with_the_rows_that_refer_to_it(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "departments")
    with company.database.transaction() as transaction:
        transaction.run("INSERT INTO departments VALUES (8, 'new'), (10, 'newer')")
        transaction.run("UPDATE hired_employees SET department_id = 10 WHERE id = 9")
        transaction.run("UPDATE hired_employees SET department_id = 8 WHERE id BETWEEN 20 AND 37")
    before = company.rows("departments"), company.rows("hired_employees")
    with pytest.raises(RestoreRefused) as caught:
        put_back(company, storage, backup)
    assert (company.rows("departments"), company.rows("hired_employees")) == before
    assert caught.value.errors[0]["message"] == (
        "Rows 20, 21, 22, 23, 24 and 13 more of hired_employees refer to departments 8, which the backup lacks"
    )
    assert caught.value.errors[1]["message"] == (
        "Row 9 of hired_employees refers to departments 10, which the backup lacks"
    )
    assert caught.value.detail == f"{caught.value.errors[0]['message']}. Missed in the same way: 1 more of departments."
    assert caught.value.hint == "Restore all tables of one snapshot together, or change these rows first."
    assert company.query("SELECT count(*) FROM decant.runs") == [(0,)]


def test_a_backup_whose_rows_refer_to_what_is_gone_is_refused(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    company.query("WITH gone AS (DELETE FROM hired_employees) SELECT 1")
    company.query("WITH gone AS (DELETE FROM departments WHERE id = 2) SELECT 1")
    with pytest.raises(RestoreRefused) as caught:
        put_back(company, storage, backup)
    assert caught.value.detail == (
        "Rows 1, 4, 7, 10, 13 and 8 more of the backup of hired_employees refer to departments 2, which is not there."
    )
    assert company.rows("hired_employees") == []


def test_what_is_missed_of_several_tables_is_told_of_each_and_as_a_program_reads_it(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    backups = take(company, storage, catalog, "departments", "jobs")
    with company.database.transaction() as transaction:
        transaction.run("INSERT INTO departments VALUES (8, 'new'), (9, 'newer')")
        transaction.run("INSERT INTO jobs VALUES (1, 'new')")
        transaction.run("UPDATE hired_employees SET department_id = 8 WHERE id IN (2, 3)")
        transaction.run("UPDATE hired_employees SET department_id = 9, job_id = 1 WHERE id = 4")
    with pytest.raises(RestoreRefused) as caught:
        put_back(company, storage, *backups)
    message = "Rows 2, 3 of hired_employees refer to departments 8, which the backup lacks"
    assert caught.value.detail == f"{message}. Missed in the same way: 1 more of departments, 1 more of jobs."
    assert caught.value.hint == "Restore another snapshot, or change these rows first."
    assert caught.value.errors[0] == {
        "code": "foreign-key",
        "table": "hired_employees",
        "columns": ["department_id"],
        "parent": "departments",
        "value": "8",
        "rows": ["2", "3"],
        "row_count": 2,
        "message": message,
    }
    assert [each["message"] for each in caught.value.errors[1:]] == [
        "Row 4 of hired_employees refers to departments 9, which the backup lacks",
        "Row 4 of hired_employees refers to jobs 1, which the backup lacks",
    ]


def test_the_listed_keys_are_capped_and_the_counted_are_not(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "departments")
    with company.database.transaction() as transaction:
        transaction.run("INSERT INTO departments SELECT n, 'x' FROM generate_series(100, 139) n")
        transaction.run("UPDATE hired_employees SET department_id = 100 + id")
    with pytest.raises(RestoreRefused, match="Missed in the same way: 39 more of departments") as caught:
        put_back(company, storage, backup)
    assert len(caught.value.errors) == 10


def test_a_constraint_that_bites_while_we_work_refuses_the_restore(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a row begins to refer to a department after the references have been looked at."""
    [backup] = take(company, storage, catalog, "departments")
    with company.database.transaction() as transaction:
        transaction.run("INSERT INTO departments VALUES (8, 'new')")
        transaction.run("UPDATE hired_employees SET department_id = 8 WHERE id = 9")
    monkeypatch.setattr(restore_module, "refuse_broken_references", lambda *_: None)
    with pytest.raises(RestoreRefused, match=r"A constraint of the table refuses a row: .") as caught:
        put_back(company, storage, backup)
    assert caught.value.hint == (
        "Nothing was changed. Restore another backup, or change the rows that are named first."
    )
    assert len(company.rows("departments")) == 4


def test_two_backups_of_one_table_are_a_bad_request(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [first] = take(company, storage, catalog, "jobs")
    [second] = take(company, storage, catalog, "jobs")
    for backups in ([first, second], []):
        with pytest.raises(BadRequest) as caught:
            put_back(company, storage, *backups)
        assert caught.value.detail == "A restore takes one backup for each of its tables, and at least one."


def test_a_damaged_backup_touches_nothing(company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    path = Path(storage.name) / file_key("hired_employees", backup.id)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    break_employees(company)
    before = company.rows("hired_employees")
    with pytest.raises(BackupDamaged):
        put_back(company, storage, backup)
    assert company.rows("hired_employees") == before


def test_a_file_that_expires_between_check_and_staging_touches_nothing(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    key = file_key("hired_employees", backup.id)
    monkeypatch.setattr(restore_module, "check_file", lambda *_: storage.delete(key))
    break_employees(company)
    before = company.rows("hired_employees")
    with pytest.raises(BackupDamaged, match="its file is not there"):
        put_back(company, storage, backup)
    assert company.rows("hired_employees") == before


def test_a_table_that_does_not_equal_the_backup_afterwards_is_rolled_back(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    break_employees(company)
    before = company.rows("hired_employees")
    monkeypatch.setattr(
        Swap, "delete", lambda swap, _: swap._transaction.run("DELETE FROM hired_employees WHERE id = 7")
    )
    with pytest.raises(DecantError) as caught:
        put_back(company, storage, backup)
    assert caught.value.detail == (
        f"The restored table hired_employees does not equal the backup {backup.id}; "
        "the restore was rolled back, and nothing was changed."
    )
    assert caught.value.hint == "This is a defect of Decant: please report it with the backup's manifest."
    assert company.rows("hired_employees") == before
    assert company.query("SELECT count(*) FROM decant.runs") == [(0,)]


# Dry runs, and runs that come again


def test_a_dry_run_counts_the_differences_and_changes_nothing(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    break_employees(company)
    before = company.rows("hired_employees")
    [report] = put_back(company, storage, backup, dry_run=True)
    assert (report.inserted, report.updated, report.deleted, report.unchanged) == (3, 5, 1, 32)
    assert company.rows("hired_employees") == before
    assert company.query("SELECT count(*) FROM decant.runs") == [(0,)]
    assert put_back(company, storage, backup) == [report]


def test_a_dry_run_tells_why_a_restore_would_be_refused(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    company.query("WITH gone AS (DELETE FROM hired_employees) SELECT 1")
    company.query("WITH gone AS (DELETE FROM departments WHERE id = 2) SELECT 1")
    with pytest.raises(RestoreRefused, match="departments 2"):
        put_back(company, storage, backup, dry_run=True)


def test_a_run_that_is_delivered_again_keeps_what_was_written_since(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "jobs")
    company.query("WITH changed AS (UPDATE jobs SET job = '') SELECT 1")
    first = put_back(company, storage, backup)
    fill(company, "jobs", [{"id": 8, "job": "since"}])
    assert put_back(company, storage, backup) == first
    assert len(company.rows("jobs")) == 2
    [other] = put_back(company, storage, backup, run="run-2")
    assert other.deleted == 1
    storage.delete(file_key("jobs", backup.id))
    assert put_back(company, storage, backup) == first


@pytest.mark.parametrize(("runs", "unchanged"), [(("run-1", "run-1"), [32, 32]), (("run-1", "run-2"), [32, 40])])
def test_two_restores_at_once_follow_each_other_and_one_run_delivered_twice_is_done_once(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, runs: tuple[str, str], unchanged: list[int]
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    break_employees(company)
    together = threading.Barrier(2, timeout=20)
    reports: list[list[RestoreReport]] = []

    def meet(phase: str, _rows: int, _expected: int) -> None:
        if phase == "stage hired_employees":
            together.wait()

    def deliver(run: str) -> None:
        database = PostgresDatabase(company.app.connect)
        try:
            reports.append(put_back(company, storage, backup, run=run, database=database, progress=meet))
        finally:
            database.close()

    threads = [threading.Thread(target=deliver, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(report.unchanged for [report] in reports) == unchanged
    assert company.query("SELECT count(*) FROM decant.runs") == [(len(set(runs)),)]


def test_the_content_of_earlier_loads_may_be_loaded_again(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    with company.database.transaction() as transaction:
        for table in ("hired_employees", "jobs"):
            transaction.run(
                """INSERT INTO decant.runs (id, kind, table_name, state, sha256, content_stands, dictionary, started)
                VALUES (:table, 'load', :table, 'succeeded', 'abc', true, 'd', now())""",
                table=table,
            )
    stands = "SELECT id, content_stands FROM decant.runs WHERE kind = 'load' ORDER BY id"
    put_back(company, storage, backup, run="nothing-to-do")
    assert company.query(stands) == [("hired_employees", True), ("jobs", True)]
    break_employees(company)
    put_back(company, storage, backup)
    assert company.query(stands) == [("hired_employees", False), ("jobs", True)]


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO jobs VALUES (8, 'since')",
        "UPDATE jobs SET job = 'since'",
    ],
    ids=["a row deleted", "a row changed back"],
)
def test_whatever_a_restore_takes_away_may_be_loaded_again(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, change: str
) -> None:
    [backup] = take(company, storage, catalog, "jobs")
    with company.database.transaction() as transaction:
        transaction.run(change)
        transaction.run(
            """INSERT INTO decant.runs (id, kind, table_name, state, sha256, content_stands, dictionary, started)
            VALUES ('load', 'load', 'jobs', 'succeeded', 'abc', true, 'd', now())"""
        )
    put_back(company, storage, backup)
    assert company.query("SELECT content_stands FROM decant.runs WHERE id = 'load'") == [(False,)]


# Others at work


@contextmanager
def counting(company: TestDatabase) -> Iterator[tuple[list[int], Progress]]:
    """A reader that waits for nobody: how many employees it has seen each time it was told to look."""
    seen: list[int] = []
    with company.as_owner() as reader:
        reader.execute_simple("SET lock_timeout = '10ms'")

        def look(_phase: str, _rows: int, _expected: int) -> None:
            seen.append(reader.execute_simple("SELECT count(*) FROM hired_employees").rows[0][0])

        yield seen, look


def test_readers_see_the_rows_of_before_or_of_after_and_never_wait(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "hired_employees")
    company.query("WITH gone AS (DELETE FROM hired_employees WHERE id < 30) SELECT 1")
    with counting(company) as (seen, look):
        put_back(company, storage, backup, progress=look)
        look("after", 0, 0)
    assert set(seen[:-1]) == {10}
    assert seen[-1] == 40


def test_where_few_of_many_rows_are_missing_readers_do_not_wait_either(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap_module, "SET_WISE_FROM", 1)
    [backup] = take(company, storage, catalog, "hired_employees")
    company.query("WITH gone AS (DELETE FROM hired_employees WHERE id < 5) SELECT 1")
    with counting(company) as (seen, look):
        [report] = put_back(company, storage, backup, progress=look)
    assert (set(seen), report.inserted) == ({35}, 5)


def test_other_writers_wait_until_the_restore_is_done(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [backup] = take(company, storage, catalog, "jobs")
    company.query("WITH changed AS (UPDATE jobs SET job = '') SELECT 1")
    refused: list[str] = []
    with company.as_owner() as writer:
        writer.execute_simple("SET lock_timeout = '10ms'")

        def write(phase: str, _rows: int, _expected: int) -> None:
            if phase == "check jobs":
                with pytest.raises(Exception, match="55P03"):
                    writer.execute_simple("INSERT INTO jobs VALUES (9, 'meanwhile')")
                refused.append(phase)

        put_back(company, storage, backup, progress=write)
    assert refused == ["check jobs"]
    assert [row[1] for row in company.rows("jobs")] == ["Ingénieur 🙂"]


@pytest.mark.parametrize(
    ("table", "locks"),
    [
        ("departments", {"departments": "ShareRowExclusiveLock", "hired_employees": "RowShareLock"}),
        (
            "hired_employees",
            {"departments": "RowShareLock", "hired_employees": "ShareRowExclusiveLock", "jobs": "RowShareLock"},
        ),
    ],
)
def test_before_it_looks_at_rows_it_locks_its_tables_and_those_that_they_refer_to_or_that_refer_to_them(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, table: str, locks: dict[str, str]
) -> None:
    [backup] = take(company, storage, catalog, table)
    seen: list[dict[str, str]] = []
    with company.as_owner() as watcher:

        def look(phase: str, _rows: int, _expected: int) -> None:
            if phase == f"check {table}":
                found = watcher.execute_simple(
                    """SELECT CAST(relname AS text), mode FROM pg_locks JOIN pg_class c ON c.oid = relation
                    WHERE locktype = 'relation' AND relnamespace = CAST('public' AS regnamespace)
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND mode IN ('ShareRowExclusiveLock', 'RowShareLock')"""
                )
                seen.append(dict(found.rows))

        put_back(company, storage, backup, progress=look)
    assert seen[-1] == locks


def test_a_table_that_stays_locked_is_told_as_unavailable(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore_module, "_LOCK_TIMEOUT", "50ms")
    [backup] = take(company, storage, catalog, "jobs")
    with company.as_owner() as writer:
        writer.execute_simple("BEGIN")
        writer.execute_simple("INSERT INTO jobs VALUES (9, 'meanwhile')")
        with pytest.raises(Unavailable, match="55P03"):
            put_back(company, storage, backup)
    [report] = put_back(company, storage, backup)
    assert report.unchanged == 1


def test_a_restore_tells_how_many_of_how_many_rows_are_done(company: TestDatabase, storage: FolderStorage) -> None:
    backup = take(company, storage, FakeCatalog(), "hired_employees")
    told: list[tuple[str, int, int]] = []
    put_back(company, storage, *backup, progress=lambda *each: told.append(each))
    assert {phase for phase, _, _ in told} == {"stage hired_employees", "check hired_employees"}
    assert {expected for _, _, expected in told} == {40} == {rows for _, rows, _ in told}
