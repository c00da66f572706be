"""Many at once, and dying in the middle: exactly once or nothing, a truthful run, and a retry that converges."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from chalicelib import worker
from chalicelib.dictionary.package import load_dictionary
from chalicelib.errors import Unavailable
from chalicelib.load import choice, direct, turns, writer
from chalicelib.load.batch import ingest
from chalicelib.load.options import OnConflict
from chalicelib.load.staging import Staging
from chalicelib.ports import Counts, RunKind, RunState, Transaction
from chalicelib.postgres import PostgresDatabase
from chalicelib.settings import PACKAGED_DICTIONARY
from chalicelib.work.messages import brought_back
from tests.conftest import Account, TestDatabase
from tests.contract.test_loads import DEPARTMENTS, JOBS, Intake
from tests.races.pacing import PacedTransaction

MOMENT = "2021-01-01T00:00:00Z"


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(postgres, tmp_path)


@pytest.fixture
def set_wise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads of ten rows and more are big ones."""
    monkeypatch.setattr(choice, "FEW", 0)
    monkeypatch.setattr(writer, "SET_WISE_FROM", 10)


@contextmanager
def at_once(*works: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """Begin all of it, and raise what one of them raised."""
    with ThreadPoolExecutor(len(works)) as pool:
        begun = [pool.submit(work) for work in works]
        yield begun
        for each in begun:
            each.result(timeout=60)


def someone_waits(database: TestDatabase, count: int = 1) -> None:
    """Return when so many sessions of the database wait for a lock."""
    with database.as_admin() as admin:
        cursor = admin.cursor()
        for _ in range(2000):
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
                (database.app.database,),
            )
            [[waiting]] = cursor.fetchall()
            if waiting >= count:
                return
            time.sleep(0.005)
    raise AssertionError("nobody waits")


def employees(count: int, department: int = 1) -> bytes:
    return b"".join(b"%d,Ann Lee,%s,%d,1\n" % (n, MOMENT.encode(), department) for n in range(1, count + 1))


def batch(transaction: Transaction, database: TestDatabase, rows: dict[str, list[object]]) -> Counts:
    now = dt.datetime.now(dt.UTC)
    run = f"batch-{time.monotonic_ns()}"
    return ingest(transaction, database.dictionary, rows, run_id=run, kind=RunKind.BATCH,
                  on_conflict=OnConflict.SKIP, atomic=False, started=now).total  # fmt: skip


def balanced(counts: Counts) -> bool:
    return counts.read == counts.inserted + counts.updated + counts.unchanged + counts.rejected


# Together


def test_an_event_that_is_delivered_twice_at_once_loads_once(intake: Intake) -> None:
    event = intake.put("departments.csv", DEPARTMENTS)
    with intake.another() as one, intake.another() as two, intake.postgres.database.transaction() as transaction:
        transaction.run("LOCK TABLE departments IN SHARE MODE")
        with at_once(lambda: one.deliver(event), lambda: two.deliver(event)):
            someone_waits(intake.postgres)
            transaction.run("ROLLBACK AND CHAIN")
    intake.deliver_all()
    assert intake.postgres.query("SELECT count(*), sum(inserted) FROM decant.runs") == [(1, 3)]
    run = intake.the_run()
    assert (run.state, run.counts.inserted) == (RunState.SUCCEEDED, 3)


def test_a_failure_that_is_delivered_twice_at_once_is_recorded_once(intake: Intake) -> None:
    event = intake.put("departments/empty.csv", b"")
    with intake.another() as one, intake.another() as two, intake.postgres.as_owner() as owner:
        owner.execute_simple("BEGIN; LOCK TABLE decant.runs IN SHARE MODE")
        with at_once(lambda: one.deliver(event), lambda: two.deliver(event)):
            someone_waits(intake.postgres)
            owner.execute_simple("ROLLBACK")
    run = intake.the_run()
    assert run.error is not None
    assert (run.state, run.error["code"]) == (RunState.FAILED, "empty-file")
    assert intake.postgres.query("SELECT count(*) FROM decant.runs") == [(1,)]


def test_the_same_content_under_two_names_at_once_loads_once(intake: Intake) -> None:
    events = [intake.put(f"departments-{name}.csv", DEPARTMENTS) for name in "ab"]
    with ExitStack() as stack:
        workers = [stack.enter_context(intake.another()) for _ in events]
        with at_once(*[lambda w=w, e=e: w.deliver(e) for w, e in zip(workers, events, strict=True)]):
            pass
    intake.deliver_all()
    states = sorted(run.state for run in intake.catalog.kept_runs.values())
    assert states == [RunState.DUPLICATE, RunState.SUCCEEDED]
    assert len(intake.postgres.rows("departments")) == 3


def test_of_two_files_with_the_same_ids_at_once_one_wins_each_id(intake: Intake) -> None:
    events = [intake.put("departments-a.csv", b"1,A\n2,Same\n3,A\n"), intake.put("departments-b.csv", b"1,B\n2,Same\n")]
    with (
        intake.another() as one,
        intake.another() as two,
        at_once(lambda: one.deliver(events[0]), lambda: two.deliver(events[1])),
    ):
        pass
    intake.deliver_all()
    total = sum((run.counts for run in intake.catalog.kept_runs.values()), Counts())
    assert (total.read, total.inserted, total.unchanged, total.rejected) == (5, 3, 1, 1)
    assert len(intake.postgres.rows("departments")) == 3


@pytest.mark.parametrize("commits", [True, False])
def test_a_file_and_a_batch_with_the_same_ids_at_once(intake: Intake, commits: bool) -> None:
    event = intake.put("departments.csv", DEPARTMENTS)
    end = "COMMIT AND CHAIN" if commits else "ROLLBACK AND CHAIN"
    with intake.another() as one, intake.postgres.database.transaction() as transaction:
        rows: list[object] = [{"id": "2", "department": "Law"}, {"id": "3", "department": "Support"}]
        batch(transaction, intake.postgres, {"departments": rows})
        with at_once(lambda: one.deliver(event)):
            someone_waits(intake.postgres)
            transaction.run(end)
    run = intake.the_run()
    counts = run.counts
    assert (counts.inserted, counts.unchanged, counts.rejected) == ((1, 1, 1) if commits else (3, 0, 0))
    assert len(intake.postgres.rows("departments")) == 3


def test_a_parent_that_is_deleted_meanwhile_rejects_its_rows_in_the_next_try(intake: Intake) -> None:
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    event = intake.put("hired_employees.csv", employees(2) + b"7,Bo Ray,%s,3,1\n" % MOMENT.encode())
    with intake.another() as one, intake.postgres.database.transaction() as transaction:
        transaction.run("DELETE FROM departments WHERE id = 3")  # as a restore of departments does
        with at_once(lambda: one.deliver(event)):
            someone_waits(intake.postgres)
            transaction.run("COMMIT AND CHAIN")
    intake.deliver_all()
    run = max(intake.catalog.kept_runs.values(), key=lambda run: run.id)
    assert (run.state, run.counts.inserted, run.counts.rejected) == (RunState.SUCCEEDED, 2, 1)
    assert intake.rejections(run) == [(3, "department_id", "foreign-key")]


@pytest.mark.parametrize("way", ["direct", "staged"])
def test_a_row_whose_rival_is_deleted_before_they_are_compared_goes_in_by_the_next_try(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Neither inserted nor rejected, it would be taken for one that was there already: lost, and told as unchanged."""
    intake.drop("departments.csv", b"1,Old\n")
    rivals = [1]

    def deleted_before(compare: Callable[..., Any]) -> Callable[..., Any]:
        def deleting(*given: Any, **named: Any) -> Any:
            with intake.postgres.as_owner() as other:
                while rivals:
                    other.execute_simple(f"DELETE FROM departments WHERE id = {rivals.pop()}")
            return compare(*given, **named)

        return deleting

    if way == "direct":
        monkeypatch.setattr(direct, "_taken", deleted_before(direct._taken))
    else:
        monkeypatch.setattr(choice, "FEW", 0)
        monkeypatch.setattr(Staging, "reject_taken", deleted_before(Staging.reject_taken))
    run = intake.drop("departments-2.csv", b"1,New\n")
    assert (rivals, run.state, intake.postgres.rows("departments")) == ([], RunState.WAITING, [])
    intake.deliver_all()
    run = intake.catalog.kept_runs[run.id]
    assert (run.state, run.counts) == (RunState.SUCCEEDED, Counts(1, 1, 0, 0, 0))
    assert intake.postgres.rows("departments") == [(1, "New")]


def test_a_load_whose_turn_takes_long_in_coming_waits_in_the_queue(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_TURN_SECONDS", 0.0)
    with intake.another() as other, other.postgres.database.transaction() as transaction:
        turns.take_turn(transaction, "departments")
        run = intake.drop("departments.csv", DEPARTMENTS)
        assert (run.state, run.started) == (RunState.WAITING, None)
        assert "departments" in run.phase
        [(message, _)] = intake.queue.sent
        assert message["tries"] == 0
    intake.deliver_all()
    assert intake.catalog.kept_runs[run.id].state is RunState.SUCCEEDED


def test_a_load_whose_turn_has_not_come_for_six_hours_counts_its_tries_and_fails(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_TURN_SECONDS", 0.0)

    def waits_since(message: dict[str, Any], hours: float) -> dict[str, Any]:
        """The next message, when the file of this one has waited for so long."""
        since = dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
        worker.handle(intake.services, json.dumps({**message, "since": since.isoformat()}))
        [(following, _)] = intake.queue.sent
        intake.queue.sent.clear()
        return following

    with intake.another() as other, other.postgres.database.transaction() as transaction:
        turns.take_turn(transaction, "departments")
        run = intake.drop("departments.csv", DEPARTMENTS)
        message = intake.queue.sent.pop()[0]
        message = waits_since(message, hours=5.9)
        assert message["tries"] == 0
        tries = []
        with pytest.raises(Unavailable):
            for _ in range(20):
                message = waits_since(message, hours=6.1)
                tries.append(message["tries"])
    assert tries == list(range(1, worker._TRIES + 1))
    run = intake.catalog.kept_runs[run.id]
    assert (run.state, intake.queue.sent) == (RunState.FAILED, [])
    assert run.error is not None
    assert run.error["detail"] == "For 6 hours it was not the file's turn. Another load is at work on departments."
    assert run.error["hint"].endswith("then redrive it.")
    worker.handle(intake.services, brought_back(json.dumps(message)))
    run = intake.catalog.kept_runs[run.id]
    assert (run.state, run.counts.inserted) == (RunState.SUCCEEDED, 3)


# Big loads


@pytest.mark.usefixtures("set_wise")
def test_a_big_load_goes_in_beside_a_long_reader_and_keeps_nobody_waiting(intake: Intake) -> None:
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    event = intake.put("hired_employees.csv", employees(50))
    with intake.another() as one, intake.postgres.database.transaction(snapshot=True) as backup:
        backup.run("SELECT count(*) FROM departments")
        with intake.postgres.as_owner() as reader, at_once(lambda: one.deliver(event)) as [load]:
            reader.execute_simple("SET lock_timeout = '1s'")
            while not load.done():
                reader.execute_simple("SELECT count(*) FROM departments, hired_employees")
        assert backup.run("SELECT count(*) FROM hired_employees") == [(0,)]
    run = max(intake.catalog.kept_runs.values(), key=lambda run: run.id)
    assert (run.state, run.counts.inserted) == (RunState.SUCCEEDED, 50)
    assert intake.queue.sent == []


@pytest.mark.usefixtures("set_wise")
def test_big_loads_readers_and_batches_do_not_block_each_other_for_ever(intake: Intake) -> None:
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    events = [intake.put(f"hired_employees-{n}.csv", employees(2000 + n)) for n in range(3)]
    events += [
        intake.put(f"departments-{n}.csv", b"".join(b"%d,New\n" % k for k in range(10, 40 + n))) for n in range(3)
    ]
    over = threading.Event()

    def read(database: TestDatabase) -> int:
        reads = 0
        while not over.is_set():
            # In both orders, as metrics may have it, and the locks of one statement one after the other.
            database.query("SELECT count(*) FROM departments d JOIN hired_employees h ON h.department_id = d.id")
            database.query("SELECT count(*) FROM hired_employees, jobs j, departments d WHERE j.id = d.id AND j.id = 0")
            reads += 1
        return reads

    def write(database: TestDatabase) -> int:
        batches = 0
        while not over.is_set():
            number = str(100_000 + batches)
            hired = {"id": number, "name": "Cy", "datetime": MOMENT, "department_id": number, "job_id": "1"}
            with database.database.transaction() as transaction:
                rows: dict[str, list[object]] = {
                    "departments": [{"id": number, "department": "Batch"}],
                    "hired_employees": [hired, {**hired, "id": "1"}],
                }
                assert balanced(batch(transaction, database, rows))
            batches += 1
        return batches

    def load(other: Intake, mine: list[dict[str, Any]]) -> None:
        for event in mine:
            other.deliver(event)

    with ExitStack() as stack:
        others = [stack.enter_context(intake.another()) for _ in range(5)]
        reader, writer_ = (lambda: read(others[0].postgres)), (lambda: write(others[1].postgres))
        with at_once(reader, writer_, *[
            lambda other=other, n=n: load(other, events[n::3]) for n, other in enumerate(others[2:])
        ]) as begun:  # fmt: skip
            try:
                for each in begun[2:]:
                    each.result(timeout=60)
            finally:
                over.set()
        assert begun[0].result() > 0
        assert begun[1].result() > 0
    intake.deliver_all()
    runs = list(intake.catalog.kept_runs.values())
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    assert all(balanced(run.counts) for run in runs)
    [(hired, departments, keys)] = intake.postgres.query(
        """SELECT (SELECT count(*) FROM hired_employees WHERE id < 100000),
        (SELECT count(*) FROM departments WHERE id < 100000), (SELECT count(*) FROM pg_constraint
        WHERE conrelid = CAST('hired_employees' AS regclass) AND contype = 'f' AND convalidated)"""
    )
    assert (hired, departments, keys) == (2002, 3 + 32, 2)


# Dying


class Saboteur:
    """A database whose backend is ended when the countdown comes to its end; with ``late`` only behind a commit.

    A step is a statement, half a COPY, or the moment before a COMMIT.
    """

    def __init__(self, postgres: TestDatabase, steps: int, *, late: bool = False) -> None:
        self._postgres = postgres
        self._steps = steps
        self._late = late

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        with self._postgres.database.transaction(snapshot=snapshot) as transaction:
            [(backend,)] = transaction.run("SELECT pg_backend_pid()")
            yield _Sabotaged(transaction, lambda: self._step(backend))
            if not self._late:
                self._step(backend)
        if self._late:
            self._steps -= 1
            if self._steps == 0:
                raise Unavailable("The acknowledgement of the COMMIT was lost.")

    @property
    def struck(self) -> bool:
        return self._steps <= 0

    def _step(self, backend: int) -> None:
        if self._late:
            return
        self._steps -= 1
        if self._steps == 0:
            with self._postgres.as_admin() as admin:
                admin.execute_simple(f"SELECT pg_terminate_backend({backend}, 5000)")


class _Sabotaged(PacedTransaction):
    """Takes a step in the middle of a COPY, too."""

    def copy_in(self, relation: str, rows: Iterable[pa.Table]) -> int:
        return super().copy_in(relation, self._halves(pa.concat_tables(rows)))

    def _halves(self, rows: pa.Table) -> Iterator[pa.Table]:
        yield rows.slice(0, len(rows) // 2)
        self._step()
        yield rows.slice(len(rows) // 2)


@pytest.mark.parametrize(("few", "late", "least_steps"), [(0, False, 20), (choice.FEW, False, 10), (0, True, 2)])
def test_a_backend_that_is_ended_at_any_step_loads_once_in_the_next_try(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, few: int, late: bool, least_steps: int
) -> None:
    monkeypatch.setattr(choice, "FEW", few)
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    struck, steps = True, 0
    while struck:
        steps += 1
        saboteur: Any = Saboteur(intake.postgres, steps, late=late)
        rows = [f"{steps * 10 + n},Ann Lee,{MOMENT},{n},1" for n in range(1, 5)]  # the last has no such department
        event = intake.put(f"hired_employees-{steps}.csv", "\n".join(rows).encode())
        services = replace(intake.services, database=saboteur)
        worker.handle(services, json.dumps({"Records": [event]}))
        struck = saboteur.struck
        run = max(intake.catalog.kept_runs.values(), key=lambda run: run.id)
        assert run.state is (RunState.WAITING if struck else RunState.SUCCEEDED)
        intake.deliver_all()
        run = intake.catalog.kept_runs[run.id]
        assert (run.state, run.counts) == (RunState.SUCCEEDED, Counts(4, 3, 0, 0, 1))
        assert intake.rejections(run) == [(4, "department_id", "foreign-key")]
        found = "SELECT count(*) FROM hired_employees WHERE id BETWEEN :first AND :first + 9"
        assert intake.postgres.query(found, first=steps * 10) == [(3,)]
    assert steps > least_steps


def test_a_worker_that_is_killed_in_the_middle_leaves_nothing_and_its_file_loads_once(intake: Intake) -> None:
    event = intake.put("departments.csv", DEPARTMENTS + b",Nobody\n")
    told = {"account": asdict(intake.postgres.app), "folder": str(intake.folder), "event": event}
    with intake.postgres.as_owner() as owner:
        owner.execute_simple("BEGIN; LOCK TABLE decant.runs IN SHARE MODE")
        program = "from tests.contract.test_concurrency import a_worker; a_worker()"
        with subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True
        ) as process:
            assert process.stdin is not None
            process.stdin.write(json.dumps(told))
            process.stdin.close()
            someone_waits(intake.postgres)  # its rows are in the table; what is left is the ledger's row and COMMIT
            os.kill(process.pid, signal.SIGKILL)
        owner.execute_simple("ROLLBACK")
    intake.deliver(event)
    intake.deliver_all()
    run = intake.the_run()
    assert (run.state, run.counts) == (RunState.SUCCEEDED, Counts(4, 3, 0, 0, 1))
    assert intake.postgres.query("SELECT count(*), sum(inserted) FROM decant.runs") == [(1, 3)]


def a_worker() -> None:
    """Take one event, in a process of its own that is told of it through its standard input."""
    told = json.load(sys.stdin)
    account = Account(**told["account"])
    postgres = TestDatabase(
        load_dictionary(PACKAGED_DICTIONARY), account, account, account, PostgresDatabase(account.connect)
    )
    Intake(postgres, Path(told["folder"])).deliver(told["event"])
