"""Another data dictionary, and no line of code changed: load, batch, backup, break, restore."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chalicelib import worker
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.load import choice, writer
from chalicelib.load.batch import BatchOutcome, ingest
from chalicelib.load.options import OnConflict
from chalicelib.ports import RunKind, RunState
from sample_data.workbook import workbook_bytes
from tests.conftest import MakeDatabase
from tests.contract.test_loads import Intake
from tests.other_dictionary import OTHER

BRANCHES = b"""code,region,part_of,open
AA01,north,,true
BB01,south,AA01,FALSE
CC01,west,,true
cc2,north,,true
DD01,,ZZ99,1
EE01,,DD01,0
FF01,,GG01,true
GG01,,,true
"""
TITLES: list[list[Any]] = [
    [9780000000001.0, "Spring", dt.datetime(1999, 4, 1), 12.5],
    [9780000000002.0, "X", dt.datetime(1999, 4, 1), 1.0],
    [9780000000003.0, "Autumn", dt.datetime(1999, 4, 1), -1.0],
    [9780000000004.0, "Winter", None, "3.999"],
    [9780000000005.0, "Old", "1449-12-31", 0.0],
    [9780000000006.0, "New", "2020-02-30", 0.0],
    [9780000000007.0, "Blank", None, 7.25],
]
COPIES: list[dict[str, Any]] = [
    {"branch": "AA01", "number": 1, "isbn": 9780000000001, "acquired": "2020-01-01T00:00:00Z"},
    {"branch": "AA01", "number": 2, "isbn": 9780000000001},
    {"branch": "BB01", "number": 1, "isbn": 9780000000007, "acquired": None},
    {"branch": "AA01", "number": 2, "isbn": 9780000000007},
    {"branch": "ZZ01", "number": 0, "isbn": 1},
]


@pytest.fixture
def library(make_database: MakeDatabase, tmp_path: Path) -> Iterator[Intake]:
    with make_database(parse_dictionary(OTHER)) as postgres:
        yield Intake(postgres, tmp_path, parent_wait=0)


def post(library: Intake, rows: list[dict[str, Any]]) -> BatchOutcome:
    """Post copies as the API does."""
    with library.postgres.database.transaction() as transaction:
        return ingest(
            transaction,
            library.postgres.dictionary,
            {"copies": rows},
            run_id="batch",
            kind=RunKind.BATCH,
            on_conflict=OnConflict.REJECT,
            atomic=False,
            started=dt.datetime.now(dt.UTC),
        )


def fill(library: Intake) -> None:
    """Load both files and post the batch."""
    library.drop("branches.csv", BRANCHES)
    library.drop("titles.xlsx", workbook_bytes({"titles": TITLES}))
    post(library, COPIES)


def test_a_csv_file_with_references_within_itself(library: Intake) -> None:
    run = library.drop("branches.csv", BRANCHES)
    assert library.rejections(run) == [
        (3, "region", "constraint-error"),
        (4, "code", "constraint-error"),
        (5, "part_of", "foreign-key"),
        (6, "part_of", "foreign-key"),
    ]
    assert [row[0] for row in library.postgres.rows("branches")] == ["AA01", "BB01", "FF01", "GG01"]


def test_a_workbook_with_dates_and_decimals(library: Intake) -> None:
    run = library.drop("titles.xlsx", workbook_bytes({"titles": TITLES}))
    assert library.rejections(run) == [
        (2, "title", "constraint-error"),
        (3, "price", "constraint-error"),
        (4, "price", "type-error"),
        (5, "published", "constraint-error"),
        (6, "published", "type-error"),
    ]
    assert library.postgres.rows("titles") == [
        (9780000000001, "Spring", dt.date(1999, 4, 1), Decimal("12.50")),
        (9780000000007, "Blank", None, Decimal("7.25")),
    ]


def test_a_batch_with_a_key_of_two_columns(library: Intake) -> None:
    library.drop("branches.csv", BRANCHES)
    library.drop("titles.xlsx", workbook_bytes({"titles": TITLES}))
    outcome = post(library, COPIES)
    assert outcome.total.inserted == 3
    assert [(row.row, [(each.column, each.code) for each in row.reasons]) for row in outcome.rejected["copies"]] == [
        (4, [("branch", "primary-key")]),
        (5, [("branch", "foreign-key"), ("number", "constraint-error"), ("isbn", "foreign-key")]),
    ]


def test_backups_bring_everything_back(library: Intake) -> None:
    fill(library)
    tables = ["branches", "titles", "copies"]
    before = {table: library.postgres.rows(table) for table in tables}
    message = {"work": "backup", "run": "b", "tables": tables}
    worker.handle(library.services, json.dumps(message))
    assert library.catalog.kept_runs["b"].state is RunState.SUCCEEDED
    library.postgres.query("UPDATE titles SET price = 99 WHERE isbn = 9780000000001")
    library.postgres.query("DELETE FROM copies")
    library.postgres.query("DELETE FROM branches WHERE code IN ('BB01', 'FF01')")
    backups = [backup.id for backup in library.catalog.kept_backups.values()]
    worker.handle(library.services, json.dumps({"work": "restore", "run": "r", "backups": backups, "dry_run": False}))
    run = library.catalog.kept_runs["r"]
    assert run.state is RunState.SUCCEEDED, run.error
    assert {table: library.postgres.rows(table) for table in tables} == before


NAMES = ["first", "differing", "found", "inserted", "staged", "rebuild", "try", "row", "line", "new", "t", "s", "p"]


def test_columns_may_have_any_name_that_the_statements_use_themselves(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "FEW", 0)
    monkeypatch.setattr(writer, "SET_WISE_FROM", 2)
    fields: list[dict[str, Any]] = [{"name": name, "type": "integer"} for name in NAMES]
    fields[0] |= {"constraints": {"required": True}}
    keys = [{"fields": name, "reference": {"resource": "", "fields": "first"}} for name in ("found", "inserted")]
    table = {"name": "excluded", "schema": {"fields": fields, "primaryKey": "first", "foreignKeys": keys}}
    with make_database(parse_dictionary({"resources": [table]})) as postgres:
        intake = Intake(postgres, tmp_path)
        blank = "," * (len(NAMES) - 3)
        run = intake.drop("excluded.csv", f"1,5,1{blank}\n2,6,1{blank}\n1,7,{blank}\n3,8,9{blank}\n".encode())
        assert run.state is RunState.SUCCEEDED, run.error
        assert intake.rejections(run) == [(3, "first", "primary-key"), (4, "found", "foreign-key")]
        taken = intake.drop("excluded-2.csv", f"1,4,1{blank}\n4,4,4{blank}\n".encode())
        assert intake.rejections(taken) == [(1, "first", "primary-key")]
        changed = intake.drop("excluded-3.csv", f"1,4,1{blank}\n".encode(), **{"on-conflict": "update"})
        assert (taken.counts.inserted, changed.counts.updated) == (1, 1)
        before = postgres.rows("excluded")
        worker.handle(intake.services, json.dumps({"work": "backup", "run": "b", "tables": ["excluded"]}))
        postgres.query("DELETE FROM excluded WHERE first IN (2, 4)")
        postgres.query('UPDATE excluded SET "try" = 1')
        backups = list(intake.catalog.kept_backups)
        message = {"work": "restore", "run": "r", "backups": backups, "dry_run": False}
        worker.handle(intake.services, json.dumps(message))
        assert intake.catalog.kept_runs["r"].state is RunState.SUCCEEDED, intake.catalog.kept_runs["r"].error
        assert postgres.rows("excluded") == before
