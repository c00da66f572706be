"""The ledger: what is written of a run is what is read of it, and each question is answered from that alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from chalicelib import ledger
from chalicelib.errors import IntegrityViolation
from chalicelib.ledger import LedgerEntry, ObjectVersion
from chalicelib.load.rejections import log_rejections, mark_corrected, mark_returned
from chalicelib.load.rows import Origins, Reason, ReasonCode, RejectedRow
from chalicelib.ports import Counts, Run, RunKind, RunState, Source, Transaction
from tests.conftest import TestDatabase
from tests.logged import rejections

STARTED = dt.datetime(2026, 11, 22, 2, 20, 45, 123456, dt.UTC)
FILE = ObjectVersion("intake", "in/departments.csv", "v-2", "e-tag", "0000000a")
LOADED = LedgerEntry(
    id="run-1",
    kind=RunKind.LOAD,
    table="departments",
    state=RunState.SUCCEEDED,
    dictionary="d" * 64,
    counts=Counts(read=15, inserted=1, updated=2, unchanged=4, rejected=8),
    started=STARTED,
    source=FILE,
    content="c" * 64,
    on_conflict="update",
    note="One column was left out.",
)
FAILED = LedgerEntry(
    id="run-2",
    kind=RunKind.BATCH,
    table=None,
    state=RunState.FAILED,
    dictionary="d" * 64,
    counts=Counts(),
    started=STARTED,
    error={"code": "bad-file", "detail": "It is none.", "hint": None},
)


@pytest.fixture
def transaction(postgres: TestDatabase) -> Iterator[Transaction]:
    with postgres.database.transaction() as transaction:
        yield transaction


def recorded(transaction: Transaction, entry: LedgerEntry) -> LedgerEntry:
    ledger.record(transaction, entry)
    found = ledger.recorded(transaction, entry.id)
    assert found is not None
    return found


@pytest.mark.parametrize("entry", [LOADED, FAILED], ids=["loaded", "failed"])
def test_a_run_is_read_as_it_was_written_with_the_moment_of_its_end(
    transaction: Transaction, entry: LedgerEntry
) -> None:
    found = recorded(transaction, entry)
    assert found.ended is not None
    assert found.ended.tzinfo is not None
    # What a file was made of, and how it was to be loaded, is only asked for; see the questions below.
    assert found == replace(entry, content=None, on_conflict=None, ended=found.ended)


def test_a_file_without_version_or_order_is_read_as_it_was_written(transaction: Transaction) -> None:
    source = ObjectVersion("intake", "jobs.csv", None, "e", "")
    assert recorded(transaction, replace(LOADED, source=source)).source == source


def test_what_a_restore_did_is_read_from_its_run(transaction: Transaction) -> None:
    entry = replace(LOADED, kind=RunKind.RESTORE, source=None, content=None, result={"tables": []})
    assert recorded(transaction, entry).result == {"tables": []}


def test_what_a_run_does_not_have_is_null_for_who_asks_in_sql(transaction: Transaction) -> None:
    for entry in (LOADED, replace(FAILED, note="none")):
        ledger.record(transaction, entry)
    assert transaction.run("SELECT id FROM decant.runs WHERE error IS NULL AND result IS NULL") == [("run-1",)]
    assert transaction.run("SELECT id FROM decant.runs WHERE table_name IS NULL AND bucket IS NULL") == [("run-2",)]


def test_a_run_that_has_not_ended_is_not_there(transaction: Transaction) -> None:
    ledger.record(transaction, LOADED)
    assert ledger.recorded(transaction, "run-2") is None


def test_callers_see_a_run_that_has_come_to_its_end() -> None:
    ended = STARTED + dt.timedelta(seconds=3)
    entry = replace(LOADED, ended=ended, error={"code": "x"}, result={"y": 1})
    assert entry.to_run() == Run(
        id="run-1",
        kind=RunKind.LOAD,
        table="departments",
        state=RunState.SUCCEEDED,
        dictionary="d" * 64,
        phase="done",
        progress=15,
        source=Source("intake", "in/departments.csv", "v-2"),
        counts=LOADED.counts,
        created=STARTED,
        started=STARTED,
        ended=ended,
        note="One column was left out.",
        error={"code": "x"},
        result={"y": 1},
    )
    assert FAILED.to_run().source is None


def test_the_same_run_is_written_once(postgres: TestDatabase) -> None:
    with postgres.database.transaction() as transaction:
        ledger.record(transaction, LOADED)
    with pytest.raises(IntegrityViolation), postgres.database.transaction() as transaction:
        ledger.record(transaction, replace(LOADED, content=None))


def test_a_failure_is_forgotten_and_what_went_through_is_not(transaction: Transaction) -> None:
    for entry in (LOADED, FAILED, replace(FAILED, id="run-3")):
        ledger.record(transaction, entry)
    ledger.forget_failure(transaction, "run-1")
    ledger.forget_failure(transaction, "run-2")
    assert transaction.run("SELECT id FROM decant.runs ORDER BY id") == [("run-1",), ("run-3",)]


def test_runs_are_listed_by_id_from_behind_one_and_those_that_ended_before_are_not(transaction: Transaction) -> None:
    for name in "fdbeca":
        ledger.record(transaction, replace(LOADED, id=name, content=None))
    transaction.run("UPDATE decant.runs SET ended = :ended", ended=STARTED)
    transaction.run("UPDATE decant.runs SET ended = :earlier WHERE id = 'd'", earlier=STARTED - dt.timedelta(seconds=1))

    def listed(after: str, **options: int) -> list[str]:
        return [entry.id for entry in ledger.recorded_since(transaction, STARTED, after=after, **options)]

    assert listed("") == ["a", "b", "c", "e", "f"]
    assert listed("b") == ["c", "e", "f"]
    assert listed("", limit=2) == ["a", "b"]


def test_unless_asked_for_more_they_are_listed_by_the_500(transaction: Transaction) -> None:
    ledger.record(transaction, replace(LOADED, content=None))
    transaction.run(
        """INSERT INTO decant.runs (id, kind, state, dictionary, started)
        SELECT 'x' || n, kind, state, dictionary, started FROM decant.runs, generate_series(1, 500) n"""
    )
    assert len(ledger.recorded_since(transaction, STARTED, after="")) == 500


@pytest.mark.parametrize(
    ("table", "content", "on_conflict", "stands"),
    [
        ("departments", "c" * 64, "update", "run-1"),
        ("jobs", "c" * 64, "update", None),
        ("departments", "x" * 64, "update", None),
        ("departments", "c" * 64, "reject", None),
    ],
)
def test_content_stands_in_its_table_as_it_was_loaded_until_it_is_forgotten(
    transaction: Transaction, table: str, content: str, on_conflict: str, stands: str | None
) -> None:
    ledger.record(transaction, LOADED)
    ledger.record(transaction, replace(FAILED, table="departments", content="c" * 64, on_conflict="reject"))
    assert ledger.standing_content(transaction, table, content, on_conflict) == stands
    ledger.forget_content(transaction, table, content, on_conflict)
    assert ledger.standing_content(transaction, table, content, on_conflict) is None
    still = None if stands else "run-1"
    assert ledger.standing_content(transaction, "departments", "c" * 64, "update") == still


def test_content_that_is_forgotten_may_stand_again_by_another_run(transaction: Transaction) -> None:
    ledger.record(transaction, LOADED)
    ledger.forget_content(transaction, "departments", "c" * 64, "update")
    ledger.record(transaction, replace(LOADED, id="run-2"))
    assert ledger.standing_content(transaction, "departments", "c" * 64, "update") == "run-2"


def test_once_rows_of_a_table_may_be_gone_all_its_content_may_be_loaded_again(transaction: Transaction) -> None:
    for run, table in (("run-1", "departments"), ("run-2", "departments"), ("run-3", "jobs")):
        ledger.record(transaction, replace(LOADED, id=run, table=table, content=run))
    ledger.forget_contents(transaction, "departments")
    standing = "SELECT id FROM decant.runs WHERE content_stands"
    assert transaction.run(standing) == [("run-3",)]


def test_a_run_of_no_content_lets_none_stand(transaction: Transaction) -> None:
    ledger.record(transaction, replace(LOADED, content=None))
    assert transaction.run("SELECT content_stands FROM decant.runs") == [(False,)]


def test_the_newest_load_of_an_object_is_told_to_an_older_version_of_it(transaction: Transaction) -> None:
    def put(run: str, **changes: Any) -> None:
        state = changes.pop("state", RunState.SUCCEEDED)
        ledger.record(transaction, replace(LOADED, id=run, content=None, state=state, source=replace(FILE, **changes)))

    put("b", order="0000000b")
    put("d", order="0000000d")
    put("c", order="0000000c")
    put("failed", order="0000000f", state=RunState.FAILED)
    put("other key", order="0000000f", key="in/jobs.csv")
    put("other bucket", order="0000000f", bucket="else")
    assert ledger.newer_load(transaction, FILE) == "d"
    assert ledger.newer_load(transaction, replace(FILE, order="0000000c")) == "d"
    assert ledger.newer_load(transaction, replace(FILE, order="0000000d")) is None


def test_of_many_objects_those_are_told_that_a_run_has_brought_to_its_end(transaction: Transaction) -> None:
    ledger.record(transaction, LOADED)
    ledger.record(transaction, replace(FAILED, source=replace(FILE, key="b.csv", etag="2")))
    ledger.record(transaction, replace(FAILED, id="run-3", source=replace(FILE, bucket="else", key="c.csv")))
    ledger.record(transaction, replace(FAILED, id="run-4", source=replace(FILE, key="d.csv")))
    asked = ["in/departments.csv", "b.csv", "c.csv", "e.csv"]
    assert ledger.settled_objects(transaction, "intake", asked) == {("in/departments.csv", "e-tag"), ("b.csv", "2")}
    assert ledger.settled_objects(transaction, "intake", []) == set()


def rejected(row: int, line: int | None = None) -> RejectedRow:
    reasons = [
        Reason("id", ReasonCode.TYPE_ERROR, "id takes a whole number", "x"),
        Reason(None, ReasonCode.EXTRA_CELL, "more cells than columns"),
    ]
    return RejectedRow(row, line, {"id": "x", "department": None}, reasons)


@pytest.fixture
def logged(transaction: Transaction) -> Transaction:
    """Two runs with rejected rows in two tables."""
    for run in ("run-1", "run-2"):
        ledger.record(transaction, replace(LOADED, id=run, content=None))
        tables = {"departments": [rejected(12, 14), rejected(3), rejected(7)], "jobs": [rejected(3)]}
        log_rejections(transaction, run, tables)
    return transaction


def test_rejected_rows_are_read_as_they_were_written(logged: Transaction) -> None:
    assert rejections(logged, "run-1", "departments") == [rejected(3), rejected(7), rejected(12, 14)]
    assert rejections(logged, "run-1", "jobs") == [rejected(3)]
    assert rejections(logged, "run-3", "jobs") == []


def corrected(transaction: Transaction) -> list[tuple[str, str, int, str]]:
    """Run, table and row of those that are corrected, and by which run."""
    rows = transaction.run(
        """SELECT run, table_name, row, corrected_by FROM decant.rejections WHERE corrected_by IS NOT NULL
        ORDER BY run, table_name, row"""
    )
    return [(run, table, row, by) for run, table, row, by in rows]


def test_of_the_rejected_rows_of_a_run_some_are_marked_as_corrected(logged: Transaction) -> None:
    mark_corrected(logged, "run-1", "departments", [3, 7, 99], "run-9")
    assert corrected(logged) == [("run-1", "departments", 3, "run-9"), ("run-1", "departments", 7, "run-9")]


def test_rows_that_came_again_and_went_in_are_marked_once(logged: Transaction) -> None:
    ledger.record(logged, replace(LOADED, id="run-3", content=None))
    log_rejections(logged, "run-3", {"departments": [rejected(2)], "jobs": [rejected(1)]})
    # The rows 1 to 4 of run-3 were 3, 7, none and 12 of run-1; the second is rejected again.
    returned = Origins("run-1", pa.array([3, 7, None, 12], pa.int64()))
    rows = pa.array([1, 2, 3, 4], pa.int64())
    assert mark_returned(logged, "departments", "run-3", returned, rows) == 2
    marked = [("run-1", "departments", 3, "run-3"), ("run-1", "departments", 12, "run-3")]
    assert corrected(logged) == marked
    ledger.record(logged, replace(LOADED, id="run-4", content=None))
    assert mark_returned(logged, "departments", "run-4", returned, rows) == 1
    assert corrected(logged) == [marked[0], ("run-1", "departments", 7, "run-4"), marked[1]]
