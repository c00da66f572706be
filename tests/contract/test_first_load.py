"""Rows that go straight into an empty table: reports, rows and keys are the same as through a staging table."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib import worker
from chalicelib.dictionary.ddl import foreign_key_indexes
from chalicelib.dictionary.first_load_functions import first_load_functions
from chalicelib.dictionary.model import Table
from chalicelib.errors import DecantError, IntegrityViolation, Unavailable
from chalicelib.load import choice, first_load, loader, writer
from chalicelib.load.begun import Begun
from chalicelib.load.content import Content
from chalicelib.load.json_source import JsonSource
from chalicelib.load.keys import SeenKeys
from chalicelib.load.options import LoadOptions, OnConflict
from chalicelib.load.rows import SourceChunk
from chalicelib.load.workbook_source import WorkbookSource
from chalicelib.load.writer import write
from chalicelib.ports import RunState, Transaction
from chalicelib.publishing import begin_first_load, end_first_load, index_foreign_keys
from sample_data.workbook import workbook_bytes
from tests.conftest import TestDatabase
from tests.contract.test_loads import DEPARTMENTS, JOBS, Intake
from tests.contract.test_publishing import employees, publish, schema
from tests.logged import rejections

__all__ = ["employees"]

ids = st.integers(-3, 3) | st.sampled_from([2**31, "x", None, 2**31 - 1])
row = st.fixed_dictionaries(
    {
        "id": ids,
        "name": st.sampled_from(["Ann", "Ann", "Bo", None]),
        "datetime": st.sampled_from(["2021-07-27T16:02:08Z", "2021-07-27", "never"]),
        "department_id": st.sampled_from([1, 1, 2, 99]),
        "job_id": st.sampled_from([1, 1, 1, 99]),
    }
)
GOOD = {"id": 1, "name": "Ann", "datetime": "2021-07-27T16:02:08Z", "department_id": 1, "job_id": 1}


class Chunked:
    """Rows that come in several chunks."""

    def __init__(self, table: Table, chunks: list[list[dict[str, Any]]]) -> None:
        self._table = table
        self._chunks = chunks

    def chunks(self) -> Iterator[SourceChunk]:
        before = 0
        for rows in self._chunks:
            for chunk in JsonSource(self._table, rows).chunks():
                yield replace(chunk, rows=pc.add(chunk.rows, before))
            before += len(rows)


def wide(key: int) -> int:
    """A key that is the same in its last four bytes."""
    return key + 2**32


def at_once(rows: int) -> Future[int]:
    """What tells how many rows there are when nothing has to be fetched."""
    told: Future[int] = Future()
    told.set_result(rows)
    return told


def outcome(
    postgres: TestDatabase,
    table: Table,
    given: list[list[dict[str, Any]]],
    options: LoadOptions,
    most_rows: Callable[[], Future[int]] | None = None,
) -> tuple[Any, ...]:
    """All that a caller learns of the rows, and what the table has; nothing of it stays."""
    with postgres.database.transaction() as transaction:
        written = write(transaction, table, Chunked(table, given), options, run="r", most_rows=most_rows)
        told = rejections(transaction, "r", table.name)
        there = transaction.run("SELECT * FROM hired_employees ORDER BY id")
        counted = transaction.run("SELECT sum(q1 + q2 + q3 + q4) FROM decant.hires")
        transaction.run("ROLLBACK")
        transaction.run("BEGIN")
    return written, told, there, counted


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=st.lists(st.lists(row, min_size=1, max_size=6), max_size=4), on_conflict=st.sampled_from(OnConflict))
@example(given=[[GOOD, GOOD], [GOOD | {"name": None}, GOOD | {"id": 2}]], on_conflict=OnConflict.REJECT)
@example(given=[[GOOD | {"name": None}], [GOOD], [GOOD | {"id": 0}, GOOD]], on_conflict=OnConflict.UPDATE)
def test_both_ways_tell_the_same(
    postgres: TestDatabase, employees: Table, given: list[list[dict[str, Any]]], on_conflict: OnConflict
) -> None:
    options = LoadOptions(on_conflict)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "SET_WISE_FROM", 1)
        straight = outcome(postgres, employees, given, options, lambda: at_once(0))
    assert straight == outcome(postgres, employees, given, options)


@given(
    given=st.lists(st.lists(st.none() | st.integers(-5, 30) | st.integers(-5, 30).map(wide), max_size=6), max_size=12)
)
@example(given=[[1], [wide(1)]])
@example(given=[[wide(1)], [1]])
def test_a_key_is_suspected_if_it_comes_twice_or_was_there_before(given: list[list[int | None]]) -> None:
    seen = SeenKeys()
    rows: dict[int, int] = {}
    for number, keys in enumerate(given):
        array = pa.array(keys, pa.int64())
        mask = seen.suspects(array)
        expected = [key is not None and (keys.count(key) > 1 or key in rows) for key in keys]
        assert (mask.to_pylist() if mask is not None else [False] * len(keys)) == expected
        known = {key: rows[key] for key in set(keys) if key in rows}
        assert seen.rows_of(array.drop_null()) == known
        new = sorted({key for key in keys if key is not None} - set(rows), reverse=number % 2 == 0)
        seen.add(pa.chunked_array([pa.array(new, pa.int64())]), pa.chunked_array([pa.array(np.full(len(new), number))]))
        rows |= dict.fromkeys(new, number)


def test_a_big_file_into_an_empty_table_leaves_it_with_its_keys_and_is_counted(
    postgres: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "FEW", 0)
    monkeypatch.setattr(writer, "SET_WISE_FROM", 10)
    begun: list[object] = []

    def fetch(content: Content) -> Future[int]:
        begun.append(fetched(content))
        return fetched(content)

    def begin(transaction: Transaction, table: Table) -> bool:
        [all_of_it] = begun
        assert isinstance(all_of_it, Future)
        begun[:] = ["all is at hand"] * all_of_it.done() + [table.name]
        return begin_first_load(transaction, table)

    fetched = Content.fetch
    monkeypatch.setattr(Content, "fetch", fetch)
    monkeypatch.setattr(first_load, "begin_first_load", begin)
    intake = Intake(postgres, tmp_path)
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    before = schema(postgres)
    rows = [f"{number},Ann Lee,2021-01-01T00:00:00Z,{number % 4},2" for number in range(1, 30)]
    run = intake.drop("hired_employees.csv", "\n".join([*rows, rows[0]]).encode())
    assert begun == ["all is at hand", "hired_employees"]
    assert (run.counts.read, run.counts.inserted, run.counts.rejected) == (30, 22, 8)
    assert intake.rejections(run)[-1] == (30, "id", "primary-key")
    assert schema(postgres) == before
    assert postgres.query("SELECT sum(q1), count(*) > 0 FROM decant.hires") == [(22, True)]


@pytest.mark.parametrize(("most", "straight"), [(1_500_000, True), (1_500_001, False)])
def test_a_workbook_goes_straight_in_if_it_unpacks_to_little(
    postgres: TestDatabase,
    employees: Table,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    straight: bool,
) -> None:
    monkeypatch.setattr(choice, "FEW", 0)
    monkeypatch.setattr(writer, "SET_WISE_FROM", 10)
    monkeypatch.setattr(WorkbookSource, "most_rows", lambda _: most)
    begun = []

    def begin(transaction: Transaction, table: Table) -> bool:
        begun.append(table.name)
        return begin_first_load(transaction, table)

    monkeypatch.setattr(first_load, "begin_first_load", begin)
    rows: list[list[str | int]] = [[number, "Ann Lee", "2021-01-01T00:00:00Z", 1, 2] for number in range(1, 30)]
    run = Intake(postgres, tmp_path).drop("hired_employees.xlsx", workbook_bytes({employees.name: rows}))
    assert (run.counts.inserted, begun) == (29, [employees.name] * straight)


def insert(transaction: Transaction, department: int = 1) -> None:
    transaction.run("INSERT INTO hired_employees VALUES (1, 'Ann', now(), :department, 1)", department=department)


def test_who_begins_can_not_leave_the_keys_off(postgres: TestDatabase, employees: Table) -> None:
    before = schema(postgres)
    with postgres.database.transaction() as transaction:
        assert begin_first_load(transaction, employees)
        insert(transaction)
    indexes = foreign_key_indexes(employees)
    assert schema(postgres) == [each for each in before if each[0] not in indexes]
    assert len(postgres.rows("hired_employees")) == 1
    with postgres.database.transaction() as transaction, postgres.as_owner() as reader:
        index_foreign_keys(transaction, employees)
        assert len(reader.execute_simple("SELECT FROM hired_employees").rows) == 1, "who reads does not wait"
    assert schema(postgres) == before


def test_indexes_that_a_worker_left_out_as_it_died_are_made_by_the_next_load(
    postgres: TestDatabase, employees: Table, tmp_path: Path
) -> None:
    before = schema(postgres)
    with postgres.database.transaction() as transaction:
        assert begin_first_load(transaction, employees)
    assert schema(postgres) != before
    run = Intake(postgres, tmp_path).drop("hired_employees.csv", b"7,Ann Lee,2021-01-01T00:00:00Z,1,2")
    assert (run.counts.inserted, schema(postgres)) == (1, before)


def test_a_load_whose_workers_died_at_its_indexes_is_not_given_up(
    postgres: TestDatabase, employees: Table, tmp_path: Path
) -> None:
    before = schema(postgres)
    intake = Intake(postgres, tmp_path)
    intake.deliver(event := intake.put("hired_employees.csv", b"7,Ann Lee,2021-01-01T00:00:00Z,1,2"))
    with postgres.as_owner() as owner:
        for index in foreign_key_indexes(employees):
            owner.execute_simple(f'DROP INDEX "{index}"')
    worker.handle(intake.services, json.dumps({"Records": [event]}), deliveries=4)
    run = intake.the_run()
    assert (run.state, schema(postgres)) == (RunState.SUCCEEDED, before)


def test_a_load_whose_worker_could_not_make_the_indexes_is_not_done_twice(
    postgres: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "FEW", 0)
    monkeypatch.setattr(writer, "SET_WISE_FROM", 10)
    intake = Intake(postgres, tmp_path)
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    before = schema(postgres)
    rows = "\n".join(f"{number},Ann Lee,2021-01-01T00:00:00Z,1,2" for number in range(1, 30)).encode()

    def locked(*_: object) -> None:
        raise Unavailable("Somebody writes.")

    with monkeypatch.context() as patch:
        patch.setattr(loader, "index_foreign_keys", locked)
        run = intake.drop("hired_employees.csv", rows)
    assert schema(postgres) != before
    intake.deliver_all()
    run = intake.catalog.kept_runs[run.id]
    assert (run.state, run.counts.inserted, schema(postgres)) == (RunState.SUCCEEDED, 29, before)


@pytest.mark.parametrize("ended", [True, False])
def test_rows_that_break_the_keys_are_refused_at_the_end(postgres: TestDatabase, employees: Table, ended: bool) -> None:
    before = schema(postgres)

    def attempt(*departments: int) -> None:
        with postgres.database.transaction() as transaction:
            assert begin_first_load(transaction, employees)
            for department in departments:
                insert(transaction, department)
            if ended:
                end_first_load(transaction)

    with pytest.raises(IntegrityViolation, match="department_id"):
        attempt(99)
    with pytest.raises(IntegrityViolation, match="hired_employees_pkey"):
        attempt(1, 1)
    assert (schema(postgres), postgres.rows("hired_employees")) == (before, [])


def test_what_is_given_up_leaves_no_trace(postgres: TestDatabase, employees: Table) -> None:
    before = schema(postgres)
    with postgres.database.transaction() as transaction:
        transaction.run("SAVEPOINT s")
        assert begin_first_load(transaction, employees)
        transaction.roll_back_to("s")
        insert(transaction)
    assert schema(postgres) == before


def goes_straight(
    postgres: TestDatabase, table: Table, most_rows: Callable[[], Future[int]], monkeypatch: pytest.MonkeyPatch
) -> bool:
    begun = []

    def refuse(_transaction: Transaction, table: Table) -> bool:
        begun.append(table.name)
        return False

    monkeypatch.setattr(first_load, "begin_first_load", refuse)
    given = [[GOOD | {"id": number, "name": "Ann"} for number in range(first, first + 30)] for first in (100, 200)]
    written, *_ = outcome(postgres, table, given, LoadOptions(), most_rows)
    assert written.counts.read == 60
    return bool(begun)


@pytest.mark.parametrize(
    ("limit", "value", "straight"),
    [
        ("SET_WISE_FROM", 60, True),
        ("SET_WISE_FROM", 61, False),
        ("_AHEAD_BYTES", 1, False),
        ("_FIRST_MOST_ROWS", 999, False),
        ("_FIRST_MOST_BYTES", 20_000, False),
    ],
    ids=["enough rows", "too few", "too big to be kept", "too many", "too big"],
)
def test_what_would_keep_others_out_for_long_or_for_little_is_staged(
    postgres: TestDatabase, employees: Table, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, straight: bool
) -> None:
    monkeypatch.setattr(writer, "SET_WISE_FROM", 40)
    monkeypatch.setattr(writer, limit, value)
    assert goes_straight(postgres, employees, lambda: at_once(1000), monkeypatch) == straight


@pytest.mark.parametrize("why", ["it has rows", "others refer to it"])
def test_nothing_is_read_ahead_for_a_table_that_is_none_for_a_first_load(
    postgres: TestDatabase, employees: Table, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(writer, "SET_WISE_FROM", 1)
    monkeypatch.delattr(Begun, "of")
    if why == "it has rows":
        publish(postgres, employees, 1, 5)
    else:
        with postgres.as_owner() as owner:
            owner.execute_simple("CREATE TABLE public.badges (employee integer REFERENCES hired_employees)")
    assert not goes_straight(postgres, employees, lambda: at_once(1000), monkeypatch)


def begins(postgres: TestDatabase, table: Table) -> bool:
    with postgres.database.transaction() as transaction:
        return begin_first_load(transaction, table)


def test_a_table_with_rows_is_none_for_a_first_load(postgres: TestDatabase, employees: Table) -> None:
    publish(postgres, employees, 1, 5)
    assert not begins(postgres, employees)


@pytest.mark.parametrize("used", ["hired_employees", "departments"])
def test_a_table_that_somebody_reads_is_left_to_him(postgres: TestDatabase, employees: Table, used: str) -> None:
    with postgres.as_owner() as reader:
        reader.execute_simple(f"BEGIN; SELECT * FROM {used}")
        assert not begins(postgres, employees)
    assert begins(postgres, employees)


_KEPT = """SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND c.relnamespace IN ('public'::regnamespace, 'decant'::regnamespace)"""


@pytest.mark.parametrize("used", ["hired_employees", "departments"])
def test_no_lock_is_kept_where_a_table_is_in_use(postgres: TestDatabase, employees: Table, used: str) -> None:
    with postgres.as_owner() as reader, postgres.database.transaction() as transaction:
        reader.execute_simple(f"BEGIN; SELECT * FROM {used}")
        assert not begin_first_load(transaction, employees)
        assert transaction.run(_KEPT) == []


def test_no_lock_is_kept_where_somebody_was_quicker(postgres: TestDatabase, employees: Table) -> None:
    with postgres.as_owner() as quicker, postgres.database.transaction() as transaction:
        quicker.execute_simple("BEGIN; INSERT INTO hired_employees VALUES (1, 'Ann', now(), 1, 1)")
        done = threading.Timer(0.2, quicker.execute_simple, ["COMMIT"])
        done.start()
        assert not begin_first_load(transaction, employees)
        assert transaction.run(_KEPT) == []
        done.join()


def test_a_lock_is_waited_for_no_longer_than_it_takes_an_autovacuum_to_give_way(
    postgres: TestDatabase, employees: Table
) -> None:
    with postgres.as_owner() as builder, postgres.database.transaction() as transaction:
        builder.execute_simple("BEGIN; LOCK TABLE hired_employees IN SHARE UPDATE EXCLUSIVE MODE")
        transaction.run("SET LOCAL statement_timeout = '4s'")
        assert not begin_first_load(transaction, employees)
        assert transaction.run("SHOW lock_timeout") == [("8s",)]


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE hired_employees ENABLE ROW LEVEL SECURITY",
        "CREATE RULE quiet AS ON INSERT TO hired_employees DO ALSO NOTHING",
        """CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER t BEFORE INSERT ON hired_employees FOR EACH ROW EXECUTE FUNCTION public.f()""",
    ],
    ids=["a policy", "a rule", "a trigger"],
)
def test_whoever_has_a_word_about_rows_is_asked(postgres: TestDatabase, employees: Table, sql: str) -> None:
    with postgres.as_owner() as owner:
        owner.execute_simple(sql)
    assert not begins(postgres, employees)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO decant.first_loads VALUES ('hired_employees')",
        "DELETE FROM decant.first_loads",
        "ALTER TABLE decant.first_loads DISABLE TRIGGER ALL",
        "DROP TRIGGER decant_first_load_ends ON decant.first_loads",
        "CREATE TEMP TABLE mine (table_name text); CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW"
        " EXECUTE FUNCTION decant.end_first_load()",
        "SET session_replication_role = replica",
    ],
)
def test_the_app_may_only_begin(postgres: TestDatabase, sql: str) -> None:
    with pytest.raises(DecantError), postgres.database.transaction() as transaction:
        transaction.run_script(sql)


def test_the_functions_are_made_again_beside_a_load(postgres: TestDatabase, employees: Table) -> None:
    with postgres.database.transaction() as transaction, postgres.as_owner() as owner:
        assert begin_first_load(transaction, employees)
        owner.execute_simple("SET lock_timeout = '100ms'")
        for statement in first_load_functions(postgres.dictionary, "decant_app"):
            owner.execute_simple(statement)


def test_a_trigger_of_the_same_name_elsewhere_is_not_taken_for_ours(postgres: TestDatabase, employees: Table) -> None:
    with postgres.as_owner() as owner:
        owner.execute_simple(
            """DROP TRIGGER decant_first_load_ends ON decant.first_loads;
            CREATE TRIGGER decant_first_load_ends AFTER INSERT ON jobs
            FOR EACH STATEMENT EXECUTE FUNCTION decant.end_first_load()"""
        )
        for statement in first_load_functions(postgres.dictionary, "decant_app"):
            owner.execute_simple(statement)
    test_who_begins_can_not_leave_the_keys_off(postgres, employees)


def test_no_other_table_can_be_named(postgres: TestDatabase) -> None:
    with pytest.raises(DecantError), postgres.database.transaction() as transaction:
        transaction.run("SELECT decant.begin_first_load('decant.runs')")
