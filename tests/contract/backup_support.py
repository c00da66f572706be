"""What the tests of backup and restore share: another dictionary, rows of any kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from hypothesis import strategies as st

from chalicelib.backup.backup import back_up
from chalicelib.backup.restore import Progress, RestoreReport, restore
from chalicelib.dictionary.datatypes import Boolean, Date, DateTime, Integer, Number, String
from chalicelib.dictionary.model import Column, Dictionary, Table
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.identifiers import new_id
from chalicelib.ports import Backup, Catalog, Database, Storage
from chalicelib.storage import FolderStorage
from tests.conftest import TestDatabase

HIRED = dt.datetime(2021, 7, 27, 16, 2, 8, 123456, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 11, 22, 2, 20, 45, 123456, tzinfo=dt.UTC)


def quiet(_phase: str, _rows: int, _expected: int | None = None) -> None:
    """A progress that nobody watches."""


def take(
    postgres: TestDatabase, storage: Storage, catalog: Catalog, *tables: str, now: dt.datetime = NOW, **more: Any
) -> list[Backup]:
    """Back tables up, all of them when none is named; ``more`` are further arguments of ``back_up``."""
    names = tables or tuple(table.name for table in postgres.dictionary.tables)
    return back_up_at(postgres.database, storage, catalog, postgres.dictionary, names, now, **more)


def back_up_at(
    database: Database,
    storage: Storage,
    catalog: Catalog,
    dictionary: Dictionary,
    tables: Sequence[str],
    now: dt.datetime,
    **more: Any,
) -> list[Backup]:
    """Back tables up as if it were another moment."""
    given: dict[str, Any] = {"snapshot": new_id(now), "now": now, "progress": quiet, **more}
    return back_up(database, storage, catalog, dictionary, tables, **given)


def put_back(
    postgres: TestDatabase,
    storage: Storage,
    *backups: Backup,
    run: str = "run-1",
    dry_run: bool = False,
    progress: Progress = quiet,
    database: Database | None = None,
) -> list[RestoreReport]:
    """Restore tables from backups of them."""
    return restore(
        database or postgres.database, storage, postgres.dictionary, backups, run_id=run, started=NOW,
        dry_run=dry_run, progress=progress,
    )  # fmt: skip


class Meddled(FolderStorage):
    """A folder with which something happens before its ``at``-th file of rows is opened."""

    def __init__(self, path: Path, at: int, happens: Callable[[], None]) -> None:
        super().__init__(path)
        self._left, self._happens = at, happens

    def open(self, key: str, *rest: Any, **more: Any) -> BinaryIO:
        if key.endswith(".avro"):
            self._left -= 1
            if self._left == 0:
                self._happens()
        return super().open(key, *rest, **more)


def keys(storage: Storage) -> set[str]:
    """The keys of all that is there."""
    return {each.key for each in storage.list("")}


def fill(postgres: TestDatabase, table: str, rows: list[dict[str, Any]]) -> None:
    """Put rows into a table."""
    schema = postgres.dictionary.table(table).arrow
    with postgres.database.transaction() as transaction:
        transaction.run("SET CONSTRAINTS ALL DEFERRED")
        transaction.copy_in(f'public."{table}"', [pa.Table.from_pylist(rows, schema=schema)])


def fill_company(postgres: TestDatabase) -> None:
    """Three departments, a job and forty employees."""
    fill(postgres, "departments", [{"id": n, "department": f"O'Department \n{n}"} for n in (3, 1, 2)])
    fill(postgres, "jobs", [{"id": 7, "job": "Ingénieur 🙂"}])
    fill(
        postgres,
        "hired_employees",
        [
            {"id": n, "name": f"Ann {n}", "datetime": HIRED + dt.timedelta(n), "department_id": n % 3 + 1, "job_id": 7}
            for n in range(40)
        ],
    )


def field(name: str, type_: str, *, required: bool = False, **more: Any) -> dict[str, Any]:
    """A field of a Table Schema."""
    return {"name": name, "type": type_, "constraints": {"required": required, **more.pop("constraints", {})}, **more}


def stock() -> Dictionary:
    """Another dictionary: a text key, a composite key, every type, blank cells, a self-reference."""
    sites = {
        "fields": [field("code", "string", required=True), field("open", "boolean"), field("since", "date")],
        "primaryKey": ["code"],
    }
    shelves = {
        "fields": [
            field("site", "string", required=True),
            field("number", "integer", required=True),
            field("within_site", "string"),
            field("within_number", "integer"),
            field("counted", "datetime"),
            field("worth", "number", precision=38, scale=9),
            field("big", "integer", constraints={"minimum": -(10**18) + 1, "maximum": 10**18 - 1}),
        ],
        "primaryKey": ["site", "number"],
        "foreignKeys": [
            {"fields": ["site"], "reference": {"resource": "sites", "fields": ["code"]}},
            {"fields": ["within_site", "within_number"], "reference": {"resource": "", "fields": ["site", "number"]}},
        ],
    }
    return parse_dictionary({"resources": [{"name": "sites", "schema": sites}, {"name": "shelves", "schema": shelves}]})


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
moments = st.datetimes(timezones=st.just(dt.UTC))


def values(column: Column) -> st.SearchStrategy[Any]:
    """Any value that a column may hold."""
    match column.type:
        case Integer():
            present: st.SearchStrategy[Any] = st.integers(column.minimum, column.maximum)
        case Number() as number:
            top = 10**number.precision - 1
            present = st.integers(-top, top).map(
                lambda unscaled: Decimal((int(unscaled < 0), Decimal(abs(unscaled)).as_tuple().digits, -number.scale))
            )
        case String():
            present = texts
        case Boolean():
            present = st.booleans()
        case Date():
            present = st.dates()
        case DateTime():
            present = moments
    return present if column.required else st.none() | present


def tables(table: Table, max_size: int = 30) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Any rows of a table, unique by its key; foreign keys are left to the test."""
    row = st.fixed_dictionaries({column.name: values(column) for column in table.columns})
    return st.lists(row, max_size=max_size, unique_by=lambda row: tuple(row[name] for name in table.primary_key))
