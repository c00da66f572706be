"""Work whose time runs out: it stops, nothing of it stays, and the rest is done by others, the whole of it once."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chalicelib import worker
from chalicelib.errors import DecantError, OutOfTime
from chalicelib.load import choice, digest
from chalicelib.load.returned import row_column
from chalicelib.ports import RunState
from chalicelib.postgres import PostgresDatabase
from chalicelib.time_left import TimeLeft
from chalicelib.wiring import Services
from chalicelib.work.messages import brought_back, tasks
from sample_data.workbook import workbook_bytes
from tests.conftest import MakeDatabase, TestDatabase
from tests.contract.test_splitting import (
    EMPLOYEES,
    LEAF,
    Split,
    employees,
    nothing_is_left,
    report,
    the_run,
    until,
    whole,
)

SECONDS = 900.0


class Steps:
    """A clock that is looked at so often before the time of the work is over, and goes on from there."""

    def __init__(self) -> None:
        self.left: float = float("inf")

    def __call__(self) -> float:
        self.left -= 1
        return 0.0 if self.left >= 0 else SECONDS - 29


@dataclass
class Timed(Split):
    """Files that are loaded whole, by a worker whose time may run out."""

    above: int = 10**9
    part: int = 10**9

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock = Steps()
        self.database = PostgresDatabase(self.postgres.app.connect, TimeLeft(self.clock))

    @property
    def services(self) -> Services:
        return replace(super().services, database=self.database, time_left=self.database.time_left)

    @contextmanager
    def looked_at(self, times: float) -> Iterator[None]:
        """Have the time run out when it is looked at for one time more."""
        self.clock.left = float("inf")
        with self.database.time_left.ends_in(SECONDS):
            self.clock.left = times
            yield
        self.clock.left = float("inf")

    def untouched(self) -> bool:
        """Whether the database is as it was, but for the parents."""
        [(rows, runs, rejected)] = self.postgres.query(
            """SELECT (SELECT count(*) FROM hired_employees), (SELECT count(*) FROM decant.runs),
                (SELECT count(*) FROM decant.rejections)"""
        )
        return (rows, runs, rejected) == (0, 0, 0)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "LEAF", LEAF)
    monkeypatch.setattr(choice, "FEW", 10)


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Iterator[Timed]:
    postgres.query("INSERT INTO departments SELECT n, 'd' || n FROM generate_series(1, 5) n")
    postgres.query("INSERT INTO jobs SELECT n, 'j' || n FROM generate_series(1, 5) n")
    made = Timed(postgres, tmp_path)
    yield made
    made.database.close()


def test_a_load_that_is_stopped_at_any_look_leaves_nothing_and_is_handed_on(intake: Timed) -> None:
    event = intake.put(EMPLOYEES, employees())
    looks = 0
    while True:
        with intake.looked_at(looks):
            intake.deliver(event)
        run = the_run(intake)
        if run.state.final:
            break
        assert intake.untouched()
        assert run.state is RunState.WAITING
        assert run.phase.startswith("waiting: The worker's time was over")
        [(message, delay)] = intake.queue.sent
        assert (message["work"], message["late"], message["tries"]) == ("load", 1, 0)
        assert delay < 10
        intake.queue.sent.clear()
        looks += 1
    assert looks > 10
    assert run.state is RunState.SUCCEEDED
    assert nothing_is_left(intake)


def test_a_csv_that_took_too_long_is_loaded_in_parts_with_the_same_report(
    make_database: MakeDatabase, intake: Timed, tmp_path: Path
) -> None:
    content = employees(60, seed=2)
    with intake.looked_at(12):
        intake.deliver(intake.put(EMPLOYEES, content))
    assert intake.untouched()
    steps: Counter[str] = Counter()
    while intake.queue.sent:
        steps[intake.take().get("step", "begin")] += 1
    assert set(steps) == {"begin", "scan", "load", "publish"}
    assert steps["load"] == pytest.approx(intake.at_once, abs=1)
    run = the_run(intake)
    assert run.state is RunState.SUCCEEDED
    assert report(intake, run.id) == whole(make_database, intake, tmp_path, content)
    assert nothing_is_left(intake)


def test_parts_that_took_too_long_are_done_by_others(
    make_database: MakeDatabase, intake: Timed, tmp_path: Path
) -> None:
    content, chance = employees(60, seed=3), random.Random(3)
    intake.above = intake.part = 4 * LEAF
    intake.deliver(intake.put(EMPLOYEES, content))
    late = 0
    while intake.queue.sent:
        message, _ = intake.queue.sent[0]
        late += message.get("late", 0)
        with intake.looked_at(float("inf") if message.get("late") else chance.randint(0, 20)):
            intake.take()
    assert late > 10
    assert report(intake, the_run(intake).id) == whole(make_database, intake, tmp_path, content)
    assert nothing_is_left(intake)


@pytest.mark.parametrize(
    ("step", "hint"), [("scan", "See what keeps"), ("load", "See what keeps"), ("publish", "in several files")]
)
def test_a_part_that_takes_too_long_each_time_ends_the_run_and_leaves_nothing(
    intake: Timed, step: str, hint: str
) -> None:
    intake.above = intake.part = 4 * LEAF
    intake.deliver(intake.put(EMPLOYEES, employees(60)))
    until(intake, step)
    for _ in range(worker._LATE - 1):
        with intake.looked_at(3):
            message = intake.take()
        intake.queue.sent.insert(0, intake.queue.sent.pop())
    with intake.looked_at(3), pytest.raises(OutOfTime, match="longer than a worker may"):
        intake.take()
    run = the_run(intake)
    assert run.error is not None
    assert (run.state, run.error["code"]) == (RunState.FAILED, "out-of-time")
    assert hint in run.error["hint"]
    assert "redrive" in run.error["hint"]
    intake.deliver_all()
    assert intake.postgres.query("SELECT state FROM decant.runs") == [("failed",)]
    assert nothing_is_left(intake)
    worker.handle(intake.services, brought_back(json.dumps(message)))
    intake.deliver_all()
    assert the_run(intake).state is RunState.SUCCEEDED


def test_what_can_not_be_divided_fails_after_some_workers_and_can_be_brought_back(intake: Timed) -> None:
    content = workbook_bytes({"departments": [[number, f"Department {number}"] for number in range(10, 40)]})
    body = json.dumps({"Records": [intake.put("departments.xlsx", content)]})
    for _ in ("dropped", "brought back"):
        for _ in range(worker._LATE - 1):
            with intake.looked_at(12):
                worker.handle(intake.services, body)
            message, _ = intake.queue.sent.pop()
            body = json.dumps(message)
        with intake.looked_at(12), pytest.raises(OutOfTime):
            worker.handle(intake.services, body)
        failed = the_run(intake)
        assert failed.error is not None
        assert (failed.state, failed.error["code"]) == (RunState.FAILED, "out-of-time")
        assert "longer than a worker may" in failed.error["detail"]
        assert "smaller files" in failed.error["hint"]
        with pytest.raises(DecantError, match="longer than a worker may"):  # the queue gives it out until it is dead
            worker.handle(intake.services, body, 2)
        assert (intake.queue.sent, the_run(intake).state) == ([], RunState.FAILED)
        body = brought_back(body)
    worker.handle(intake.services, body)
    assert (the_run(intake).id, the_run(intake).state) == (failed.id, RunState.SUCCEEDED)
    assert the_run(intake).counts.inserted == 30


def test_a_load_that_went_in_after_all_ends_so_when_its_message_comes_again(intake: Timed) -> None:
    """The time of its last worker was over at COMMIT, and the run was given up before the server had done it."""
    intake.deliver(event := intake.put(EMPLOYEES, employees()))
    done = the_run(intake)
    error = OutOfTime("It takes longer than a worker may.", hint="").told()
    intake.catalog.kept_runs[done.id] = replace(done, state=RunState.FAILED, error=error)
    [task] = tasks(json.dumps({"Records": [event]}))
    worker.handle(intake.services, json.dumps(task.handed_on().handed_on().message()), deliveries=2)
    assert (the_run(intake).state, the_run(intake).error) == (RunState.SUCCEEDED, None)
    assert the_run(intake).counts == done.counts


def test_corrected_rows_that_took_too_long_are_not_divided_for_they_put_others_right(intake: Timed) -> None:
    rejecting = intake.drop("departments.csv", b"id,department\n7,\n8,\n")
    corrected = f"id,department,{row_column(rejecting.id)}\n7,Seven,1\n8,Eight,2\n".encode()
    with intake.looked_at(12):
        intake.deliver(intake.put("departments/corrected.csv", corrected))
    [(message, _)] = intake.queue.sent
    assert message["late"] == 1
    intake.take()
    assert not intake.queue.sent
    returned = intake.postgres.query("SELECT count(*) FROM decant.rejections WHERE corrected_by IS NOT NULL")
    assert returned == [(2,)]


def test_a_statement_that_would_outlast_the_time_ends_in_time(postgres: TestDatabase) -> None:
    begun: list[float] = []  # when 869 of the 900 seconds are over, of which the last 30 are kept back

    def clock() -> float:
        return 869.0 + time.monotonic() - begun[0] if begun else 0.0

    database = PostgresDatabase(postgres.app.connect, TimeLeft(clock))
    with database.transaction():  # to connect may take a slow machine as long
        pass
    with pytest.raises(OutOfTime, match="57014"), database.time_left.ends_in(SECONDS):
        begun.append(time.monotonic())
        with database.transaction() as transaction:
            transaction.run("SELECT pg_sleep(60)")
    assert time.monotonic() - begun[0] < 30
    with database.transaction() as transaction:  # with all the time of another invocation
        assert transaction.run("SHOW statement_timeout") == [("0",)]
        assert transaction.run("SELECT pg_sleep(0.1), 1")[0][1] == 1
    database.close()


def test_the_server_is_told_again_of_a_time_that_grows_shorter(postgres: TestDatabase) -> None:
    now = iter([0.0] * 8 + [600.0] * 99)
    database = PostgresDatabase(postgres.app.connect, TimeLeft(lambda: next(now)))
    told = []
    with database.time_left.ends_in(SECONDS), database.transaction(snapshot=True) as transaction:
        for _ in range(6):
            told += transaction.run("SELECT CAST(setting AS integer) FROM pg_settings WHERE name = 'statement_timeout'")
    assert [milliseconds for (milliseconds,) in dict.fromkeys(told)] == [870_000, 270_000]
    database.close()


def test_the_server_is_told_anew_once_a_roll_back_made_it_forget(postgres: TestDatabase) -> None:
    moment = 0.0
    database = PostgresDatabase(postgres.app.connect, TimeLeft(lambda: moment))
    with database.time_left.ends_in(SECONDS), database.transaction() as transaction:
        transaction.run("SAVEPOINT tried")
        assert transaction.run("SHOW statement_timeout") == [("870s",)]
        moment = 600.0
        assert transaction.run("SHOW statement_timeout") == [("270s",)]
        transaction.roll_back_to("tried")
        assert transaction.run("SHOW statement_timeout") == [("270s",)]
    database.close()


def test_a_commit_is_tried_though_the_time_is_over(intake: Timed) -> None:
    with intake.looked_at(9), intake.database.transaction() as transaction:
        transaction.run("INSERT INTO jobs VALUES (9, 'Cook')")
        intake.clock.left = 0
    assert (9, "Cook") in intake.postgres.rows("jobs")
