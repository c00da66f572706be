"""Drills on a real Postgres: what a good snapshot tells, and every way in which a bad one is found out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from chalicelib.backup.drill import DrillReport, drill
from chalicelib.backup.manifest import file_key, manifest_key
from chalicelib.backup.restore import stage
from chalicelib.backup.swap import Differences
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import DrillFailed, NotFound
from chalicelib.ports import Backup
from chalicelib.storage import FolderStorage
from tests.conftest import MakeDatabase, TestDatabase
from tests.contract.backup_support import field, fill, fill_company, quiet, stock, take
from tests.fakes import FakeCatalog


@pytest.fixture
def folder(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "backups")


@pytest.fixture
def company(postgres: TestDatabase) -> TestDatabase:
    fill_company(postgres)
    return postgres


def drilled(database: TestDatabase, storage: FolderStorage, backups: list[Backup]) -> list[DrillReport]:
    return drill(database.database, storage, database.dictionary, backups, progress=quiet)


def taken(database: TestDatabase, storage: FolderStorage) -> list[Backup]:
    return take(database, storage, FakeCatalog())


def relations(database: TestDatabase) -> list[tuple[Any, ...]]:
    return database.query("SELECT oid, relname, relnamespace FROM pg_class WHERE relkind = 'r' ORDER BY oid")


def test_a_good_snapshot_is_told_table_by_table(company: TestDatabase, folder: FolderStorage) -> None:
    backups = taken(company, folder)
    company.query("DELETE FROM hired_employees WHERE id >= 30")
    company.query("UPDATE hired_employees SET name = 'Other' WHERE id < 3")
    company.query("INSERT INTO jobs VALUES (8, 'New')")
    before, rows = relations(company), [company.rows(table.name) for table in company.dictionary.tables]
    reports = drilled(company, folder, list(reversed(backups)))
    assert [(each.table, each.backup, each.rows) for each in reports] == [(b.table, b.id, b.rows) for b in backups]
    assert [each.differences for each in reports] == [
        Differences(0, 0, 0, 3), Differences(0, 0, 1, 1), Differences(10, 3, 0, 27),
    ]  # fmt: skip
    assert all(each.seconds > 0 for each in reports)
    assert relations(company) == before, "nothing is left of the scratch tables"
    assert [company.rows(table.name) for table in company.dictionary.tables] == rows


def test_every_type_and_kind_of_key_is_drilled(make_database: MakeDatabase, folder: FolderStorage) -> None:
    with make_database(stock()) as database:
        fill(database, "sites", [{"code": "ä", "open": True, "since": dt.date(2020, 2, 29)}, {"code": "B"}])
        fill(database, "shelves", [
            {"site": "ä", "number": 2, "within_site": "ä", "within_number": 1}, {"site": "ä", "number": 1},
        ])  # fmt: skip
        assert [each.rows for each in drilled(database, folder, taken(database, folder))] == [2, 2]


@pytest.mark.parametrize("damage", ["flipped", "gone", "manifest", "manifest-gone"])
def test_every_damaged_backup_is_named(company: TestDatabase, folder: FolderStorage, damage: str) -> None:
    departments, jobs, employees = taken(company, folder)
    for each in (departments, employees):
        key = (manifest_key if "manifest" in damage else file_key)(each.table, each.id)
        if "gone" in damage:
            folder.delete(key)
        else:
            folder.put(key, b"x" * each.bytes)
    with pytest.raises(DrillFailed) as found:
        drilled(company, folder, [departments, jobs, employees])
    assert [(each["table"], each["backup"]) for each in found.value.errors] == [
        ("departments", departments.id), ("hired_employees", employees.id),
    ]  # fmt: skip
    expected = "not-found" if damage == "manifest-gone" else "backup-damaged"
    assert {each["code"] for each in found.value.errors} == {expected}
    assert "So do 1 more" in found.value.detail


def people() -> dict[str, Any]:
    """A dictionary with one table, people, as a descriptor that a test may change."""
    schema = {"fields": [field("id", "integer", required=True), field("name", "string")], "primaryKey": ["id"]}
    return {"resources": [{"name": "people", "schema": schema}]}


def test_an_older_backup_that_still_fits_passes_and_says_what_is_new(
    make_database: MakeDatabase, folder: FolderStorage
) -> None:
    described = people()
    with make_database(parse_dictionary(described)) as then:
        fill(then, "people", [{"id": 1, "name": "Ann"}])
        backups = taken(then, folder)
    described["resources"][0]["schema"]["fields"].append(field("town", "string"))
    with make_database(parse_dictionary(described)) as today:
        [report] = drilled(today, folder, backups)
        assert "town is newer than the backup" in report.notes[0]
        assert report.differences == Differences(1, 0, 0, 0)


def test_an_older_backup_that_does_not_fit_any_more_fails(make_database: MakeDatabase, folder: FolderStorage) -> None:
    described = people()
    with make_database(parse_dictionary(described)) as then:
        backups = taken(then, folder)
    described["resources"][0]["schema"]["fields"].append(field("town", "string", required=True))
    with (
        make_database(parse_dictionary(described)) as today,
        pytest.raises(DrillFailed, match="has no column town, which is required now"),
    ):
        drilled(today, folder, backups)


def test_a_row_that_a_newer_check_refuses_fails_the_drill(company: TestDatabase, folder: FolderStorage) -> None:
    backups = taken(company, folder)
    with company.as_owner() as owner:
        owner.execute_simple("ALTER TABLE jobs ADD CONSTRAINT short CHECK (length(job) < 3) NOT VALID")
    with pytest.raises(
        DrillFailed, match=r"Row 7 of the backup of jobs has what jobs takes no more: its rule is \(length\(job\) < 3\)"
    ):
        drilled(company, folder, backups)


def test_references_are_checked_within_the_snapshot_and_not_against_the_tables(
    company: TestDatabase, folder: FolderStorage
) -> None:
    """Backups of different moments that together lack a department, which the table has."""
    company.query("INSERT INTO departments VALUES (9, 'Newest')")
    whole = taken(company, folder)
    company.query("UPDATE hired_employees SET department_id = 9 WHERE id = 5")
    later = taken(company, folder)
    assert drilled(company, folder, later)
    company.query("UPDATE hired_employees SET department_id = 1 WHERE id = 5")
    company.query("DELETE FROM departments WHERE id = 9")
    without = taken(company, folder)
    company.query("INSERT INTO departments VALUES (9, 'Newest')")
    with pytest.raises(DrillFailed, match="refers to departments 9, which the backup lacks"):
        drilled(company, folder, [without[0], *later[1:]])
    assert drilled(company, folder, [*whole[:2], later[2]])


def test_values_that_postgres_would_change_are_found(
    company: TestDatabase, folder: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a trigger, a type or a collation of another server might."""
    backups = taken(company, folder)

    def meddling(transaction: Any, chosen: Any, progress: Any) -> Any:
        swap = stage(transaction, chosen, progress)
        if chosen.table.name == "jobs":
            transaction.run(f"UPDATE {swap.staged} SET job = job || ' '")
        return swap

    monkeypatch.setattr("chalicelib.backup.drill.stage", meddling)
    with pytest.raises(DrillFailed, match="jobs failed the drill: what Postgres made of its rows"):
        drilled(company, folder, backups)


def test_a_drill_needs_no_right_to_make_schemas(company: TestDatabase, folder: FolderStorage) -> None:
    [(may,)] = company.query("SELECT has_database_privilege(current_database(), 'CREATE')")
    assert may is False
    assert drilled(company, folder, taken(company, folder))


def test_an_unknown_table_is_told(company: TestDatabase, folder: FolderStorage) -> None:
    [backup, *_] = taken(company, folder)
    with pytest.raises(NotFound):
        drilled(company, folder, [Backup(**{**{n: getattr(backup, n) for n in Backup.__slots__}, "table": "people"})])
