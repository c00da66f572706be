"""Migrations on a real Postgres: under traffic, one at a time, taken up again, and recorded as they were."""

from __future__ import annotations

import copy
import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from chalicelib import worker
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import DecantError, MigrationRefused, Unavailable
from chalicelib.load import choice, turns, writer
from chalicelib.migrations import apply
from chalicelib.migrations.apply import Pending, migrate, plan
from chalicelib.migrations.own import OwnMigration, own_migrations
from chalicelib.migrations.plan import change
from chalicelib.ports import RunState, Session
from chalicelib.postgres import PostgresDatabase, PostgresTransaction
from tests.conftest import MakeDatabase, TestDatabase
from tests.contract.test_loads import Intake
from tests.other_dictionary import OTHER
from tests.packages import fields_changed, package

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def library(make_database: MakeDatabase) -> Iterator[TestDatabase]:
    with make_database(parse_dictionary(OTHER)) as postgres:
        yield postgres


def edited(*edits: Edit) -> Dictionary:
    changed = copy.deepcopy(OTHER)
    for edit in edits:
        edit(changed)
    return parse_dictionary(changed)


def add_shelf(package: dict[str, Any]) -> None:
    package["resources"][2]["schema"]["fields"].append({"name": "shelf", "type": "string"})


def widen_number(package: dict[str, Any]) -> None:
    package["resources"][2]["schema"]["fields"][1]["constraints"]["maximum"] = 2**40


def refer_to_a_home(package: dict[str, Any]) -> None:
    schema = package["resources"][2]["schema"]
    schema["fields"].append({"name": "home", "type": "string"})
    schema["foreignKeys"].append({"fields": ["home"], "reference": {"resource": "branches", "fields": ["code"]}})


def drop_region(package: dict[str, Any]) -> None:
    del package["resources"][0]["schema"]["fields"][1]


@contextmanager
def owner(postgres: TestDatabase) -> Iterator[PostgresTransaction]:
    with postgres.as_owner() as connection:
        yield PostgresTransaction(connection)


def bring(
    postgres: TestDatabase, dictionary: Dictionary, own: list[OwnMigration] | None = None, patience: float = 20
) -> Pending:
    with owner(postgres) as session:
        return migrate(session, dictionary, own or own_migrations(), by="tests", patience=patience)


CATALOGUE = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT tablename, indexname, indexdef, true FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT proname, '', prosrc, prosecdef FROM pg_proc WHERE pronamespace = 'decant'::regnamespace
UNION ALL
SELECT c.relname, grantee::regrole::text, privilege_type, is_grantable
FROM pg_class c, aclexplode(relacl) WHERE relnamespace IN ('public'::regnamespace, 'decant'::regnamespace)
"""


def catalogue(postgres: TestDatabase) -> set[tuple[Any, ...]]:
    """All that a migration makes: columns, constraints, indexes, functions, grants."""
    with owner(postgres) as session:
        return set(session.run(CATALOGUE))


@pytest.mark.parametrize("edits", [[add_shelf], [widen_number], [refer_to_a_home, widen_number, add_shelf]])
def test_a_migrated_database_is_one_that_was_made_so(
    library: TestDatabase, make_database: MakeDatabase, edits: list[Edit]
) -> None:
    after = edited(*edits)
    bring(library, after)
    with make_database(after) as fresh:
        assert catalogue(library) == catalogue(fresh)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields_changed())
def test_every_change_that_is_planned_ends_as_if_it_had_been_so_from_the_start(
    make_database: MakeDatabase, specs: tuple[list[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    before, after = (parse_dictionary(package(spec)) for spec in specs)
    with make_database(before) as postgres, make_database(after) as fresh:
        try:
            bring(postgres, after)
        except MigrationRefused:
            assert catalogue(postgres) != catalogue(fresh)
        else:
            assert catalogue(postgres) == catalogue(fresh)


def test_a_plan_writes_nothing(library: TestDatabase) -> None:
    before = catalogue(library)
    with owner(library) as session:
        found = plan(session, edited(add_shelf), own_migrations())
        [(rows,)] = session.run("SELECT count(*) FROM decant.migrations")
    assert [each.kind for each in found.migrations] == ["dictionary", "functions"]
    assert (catalogue(library), rows) == (before, len(own_migrations()) + 2)


def test_a_refused_change_writes_nothing(library: TestDatabase) -> None:
    before = catalogue(library)
    with pytest.raises(MigrationRefused, match=r"branches\.region"):
        bring(library, edited(add_shelf, drop_region))
    assert catalogue(library) == before


def test_rows_stay_and_new_values_go_in(library: TestDatabase) -> None:
    library.query("INSERT INTO branches VALUES ('AA01', NULL, NULL, true)")
    library.query("INSERT INTO titles VALUES (1, 'Spring', NULL, 1)")
    library.query("INSERT INTO copies VALUES ('AA01', 1, 1)")
    bring(library, edited(widen_number, add_shelf))
    library.query("INSERT INTO copies (branch, number, isbn, shelf) VALUES ('AA01', 2 ^ 40, 1, 'x')")
    assert library.rows("copies") == [("AA01", 1, 1, None, None), ("AA01", 2**40, 1, None, "x")]


def interrupt(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Let the connection break off before a step of the next migration."""
    patiently, steps = apply._patiently, 0

    def broken(session: Session, work: Callable[[], None], patience: float) -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            raise KeyboardInterrupt
        patiently(session, work, patience)

    monkeypatch.setattr(apply, "_patiently", broken)


@pytest.mark.parametrize("at", range(1, 6))
def test_an_interrupted_migration_is_taken_up_again(
    library: TestDatabase, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    after = edited(refer_to_a_home, widen_number)
    with monkeypatch.context() as patch:
        interrupt(patch, at)
        with pytest.raises(KeyboardInterrupt):
            bring(library, after)
    with make_database(after) as fresh:
        if at < 5:
            with pytest.raises(MigrationRefused, match="began and did not end"):
                bring(library, edited(add_shelf))
        bring(library, after)
        assert catalogue(library) == catalogue(fresh)
    with owner(library) as session:
        count = len(own_migrations()) + 4
        assert session.run("SELECT count(*), count(ended) FROM decant.migrations") == [(count, count)]


def test_it_gives_way_to_a_long_reader_and_keeps_nobody_waiting(library: TestDatabase) -> None:
    done: list[Pending] = []
    with library.as_owner() as reader:
        reader.execute_simple("BEGIN; SELECT FROM copies")
        thread = threading.Thread(target=lambda: done.append(bring(library, edited(add_shelf))))
        thread.start()
        time.sleep(1)
        waits = []
        for _ in range(8):
            begun = time.monotonic()
            assert library.rows("copies") == []
            waits.append(time.monotonic() - begun)
            time.sleep(0.2)
        assert not done
        assert max(waits) < 1.5, waits
        reader.execute_simple("COMMIT")
        thread.join(10)
    assert done


def test_a_table_that_stays_in_use_is_told_and_the_next_try_goes_on(library: TestDatabase) -> None:
    with library.as_owner() as reader:
        reader.execute_simple("BEGIN; SELECT FROM copies")
        with pytest.raises(Unavailable, match="A table stayed in use"):
            bring(library, edited(add_shelf), patience=0.5)
        reader.execute_simple("COMMIT")
    bring(library, edited(add_shelf))
    assert library.query("SELECT shelf FROM copies") == []


def test_two_migrators_do_not_meet(library: TestDatabase) -> None:
    with owner(library) as other:
        other.run("SELECT pg_advisory_lock(:key)", key=apply._MIGRATOR)
        with pytest.raises(Unavailable, match="Another migration"):
            bring(library, edited(add_shelf), patience=0.2)
    done: list[Pending] = []
    threads = [threading.Thread(target=lambda: done.append(bring(library, edited(add_shelf)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(len(each.migrations) for each in done) == [0, 0, 2]


NEXT = OwnMigration("9999-notes", "CREATE TABLE decant.notes (id int PRIMARY KEY); INSERT INTO decant.notes VALUES (1)")


def test_our_own_migrations_come_once_in_their_order_and_the_app_may_use_what_they_make(library: TestDatabase) -> None:
    own = own_migrations()
    assert [each.name for each in bring(library, library.dictionary, [*own, NEXT]).migrations] == [
        "9999-notes", "functions-and-grants"
    ]  # fmt: skip
    assert library.query("SELECT * FROM decant.notes") == [(1,)]
    assert bring(library, library.dictionary, [*own, NEXT]).migrations == ()


def test_one_that_fails_leaves_nothing(library: TestDatabase) -> None:
    broken = OwnMigration("9999-notes", f"{NEXT.sql}; SELECT 1 / 0")
    with pytest.raises(DecantError, match="division by zero"):
        bring(library, library.dictionary, [*own_migrations(), broken])
    assert len(bring(library, library.dictionary, [*own_migrations(), NEXT]).migrations) == 2


def test_the_past_can_not_be_changed(library: TestDatabase) -> None:
    own = own_migrations()
    changed = OwnMigration(own[0].name, own[0].sql + "-- more")
    with pytest.raises(MigrationRefused, match="0001-ledger was changed after"):
        bring(library, library.dictionary, [changed, *own[1:]])
    bring(library, library.dictionary, [*own, NEXT])
    with pytest.raises(MigrationRefused, match="9999-notes, which this version of Decant does not know"):
        bring(library, library.dictionary, own)
    earlier = OwnMigration("0001-zebra", "SELECT 1")
    with pytest.raises(MigrationRefused, match="0001-zebra is new, and the database has had 9999-notes"):
        bring(library, library.dictionary, [*own, earlier, NEXT])


@pytest.mark.parametrize("column", ["statements = '[\"SELECT 1\"]'", "package = '{}'", "digest = 'x'"])
def test_an_altered_record_is_refused(library: TestDatabase, column: str) -> None:
    with owner(library) as session:
        session.run_script(f"UPDATE decant.migrations SET {column} WHERE kind = 'dictionary'")
    with pytest.raises(DecantError, match=r"altered|no resources"):
        bring(library, library.dictionary)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER TABLE copies ADD shelf int", "copies is not as the dictionary has it: it has a column shelf"),
        ("ALTER TABLE branches ALTER open DROP NOT NULL", "branches is not as .*: open is boolean"),
        ("DROP TABLE copies", "copies is not as the dictionary has it: it is gone"),
    ],
)
def test_a_table_that_was_changed_by_hand_is_refused(library: TestDatabase, statement: str, told: str) -> None:
    with owner(library) as session:
        session.run_script(statement)
    with pytest.raises(MigrationRefused, match=told):
        bring(library, edited(add_shelf))


def test_a_table_of_another_origin_is_not_taken_for_ours(library: TestDatabase) -> None:
    with owner(library) as session:
        session.run_script("CREATE TABLE rooms (id text)")

    def add_rooms(package: dict[str, Any]) -> None:
        fields = [{"name": "id", "type": "integer", "constraints": {"required": True}}]
        package["resources"].append({"name": "rooms", "schema": {"fields": fields, "primaryKey": "id"}})

    with pytest.raises(MigrationRefused, match="rooms is not as the dictionary has it: id is text"):
        bring(library, edited(add_rooms))


def test_loads_go_on_while_it_is_migrated_with_the_old_code_and_the_new(
    library: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load of either code ends well or is to be tried again; none fails, whichever side of the migration it meets."""
    monkeypatch.setattr(choice, "FEW", 0)
    monkeypatch.setattr(writer, "SET_WISE_FROM", 2)
    # An index that is made meanwhile waits for a load that waits for its turn, until it waits no longer.
    monkeypatch.setattr(turns, "_TURN_SECONDS", 0.5)
    after = edited(add_shelf, widen_number, refer_to_a_home)
    old = Intake(library, tmp_path / "old")
    newer_database = PostgresDatabase(library.app.connect)
    newer = Intake(
        TestDatabase(after, library.admin, library.owner, library.app, newer_database), tmp_path / "new"
    )  # fmt: skip
    old.drop("branches.csv", b"code,region,part_of,open\nAA01,,,true\n")
    old.drop("titles.csv", b"isbn,title,published,price\n1,Spring,,1\n")
    states: list[RunState] = []
    stop = threading.Event()

    def load(intake: Intake, first: int, header: str) -> None:
        number = first
        while not stop.is_set():
            rows = "".join(f"AA01,{number + each},1,\n" for each in range(3))
            try:
                run = intake.drop(f"copies-{number}.csv", f"{header}\n{rows}".encode())
            except Unavailable:  # goes back to the queue
                continue
            if run.state is RunState.WAITING:  # and so does this
                continue
            states.append(run.state)
            number += 3

    threads = [
        threading.Thread(target=load, args=(old, 1, "branch,number,isbn,acquired")),
        threading.Thread(target=load, args=(newer, 1_000_000, "branch,number,isbn,acquired")),
    ]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.5)
        bring(library, after)
        time.sleep(0.5)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        newer_database.close()
    assert set(states) == {RunState.SUCCEEDED}
    loaded = {row[1] for row in library.rows("copies")}
    assert len(loaded) == 3 * len(states)
    assert max(loaded) >= 1_000_000
    assert min(loaded) == 1


def test_a_backup_of_before_restores_after(library: TestDatabase, tmp_path: Path) -> None:
    before = Intake(library, tmp_path)
    before.drop("branches.csv", b"code,region,part_of,open\nAA01,,,true\n")
    before.drop("titles.csv", b"isbn,title,published,price\n1,Spring,,1\n")
    before.drop("copies.csv", b"branch,number,isbn,acquired\nAA01,7,1,\n")
    worker.handle(before.services, json.dumps({"work": "backup", "run": "b", "tables": ["copies"]}))
    after = edited(add_shelf, widen_number)
    bring(library, after)
    library.query("DELETE FROM copies")
    services = before.services
    newer = type(services)(**{**{name: getattr(services, name) for name in services.__slots__}, "dictionary": after})
    message = {"work": "restore", "run": "r", "backups": list(before.catalog.kept_backups), "dry_run": False}
    worker.handle(newer, json.dumps(message))
    run = before.catalog.kept_runs["r"]
    assert run.state is RunState.SUCCEEDED, run.error
    assert "shelf is newer than the backup" in str(run.result)
    assert library.rows("copies") == [("AA01", 7, 1, None, None)]


def test_each_statement_of_a_plan_may_run_twice(library: TestDatabase) -> None:
    with owner(library) as session:
        for step in change(library.dictionary, edited(add_shelf, widen_number, refer_to_a_home)).steps:
            for _ in range(2):
                if step.first:
                    session.run_script(step.first)
                session.run_script(step.sql)


def test_how_long_it_took_is_told_by_the_clock_of_the_database(library: TestDatabase) -> None:
    bring(library, edited(add_shelf))
    with owner(library) as session:
        [(took,)] = session.run("SELECT took FROM decant.migrations ORDER BY number DESC LIMIT 1")
    assert dt.timedelta(0) < took < dt.timedelta(seconds=20)
