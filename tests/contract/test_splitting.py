"""Files that are loaded in parts: the same as whole ones, in whatever order the parts come, and whoever dies."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import worker
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import DecantError, Unavailable
from chalicelib.load import digest, parts, turns
from chalicelib.load.split_ending import Ending
from chalicelib.load.turns import NotItsTurn
from chalicelib.load.writer import stage
from chalicelib.ports import Run, RunState
from chalicelib.postgres import PostgresDatabase, PostgresTransaction
from chalicelib.wiring import Services
from chalicelib.work.messages import brought_back
from chalicelib.work.reporting import wait
from tests.conftest import MakeDatabase, TestDatabase
from tests.contract.test_loads import Intake
from tests.contract.test_worker import DownDatabase, Versioned
from tests.fakes import FakeCatalog
from tests.left_behind import left_behind, schema_of
from tests.other_dictionary import OTHER

LEAF = 64
EMPLOYEES = "hired_employees.csv"


@dataclass
class Split(Intake):
    """An intake of which every CSV of more than some bytes is loaded in parts."""

    above: int = LEAF
    part: int = LEAF
    at_once: int = 3

    def __post_init__(self) -> None:
        self.storage = Versioned(self.folder)
        self.schema = schema_of(self.postgres)

    @property
    def services(self) -> Services:
        services = super().services
        storage: Any = self.storage
        settings = replace(
            services.settings, split_above_bytes=self.above, split_part_bytes=self.part, parts_at_once=self.at_once
        )
        return replace(services, settings=settings, intake=storage)

    def put(self, key: str, content: bytes, **metadata: str) -> dict[str, Any]:
        event = super().put(key, content, **metadata)
        self.storage.version = event["s3"]["object"]["versionId"] = f"v{self.dropped}"
        return event

    def take(self, number: int = 0, deliveries: int = 1) -> dict[str, Any]:
        """Let the worker take one message of the queue; return it."""
        message, _ = self.queue.sent.pop(number)
        worker.handle(self.services, json.dumps(message), deliveries)
        return message


@pytest.fixture(autouse=True)
def small_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "LEAF", LEAF)


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Split:
    postgres.query("INSERT INTO departments SELECT n, 'd' || n FROM generate_series(1, 5) n")
    postgres.query("INSERT INTO jobs SELECT n, 'j' || n FROM generate_series(1, 5) n")
    return Split(postgres, tmp_path)


def employees(rows: int = 40, *, seed: int = 1, header: bool = True, first: int = 1) -> bytes:
    """A file with all that may be wrong with a row, and line breaks in its cells."""
    chance = random.Random(seed)
    lines = ["id,name,datetime,department_id,job_id"] if header else []
    for number in range(first, first + rows):
        cells = [str(number), f"Name {number}", "2021-07-27T16:02:08Z", str(number % 5 + 1), str(number % 4 + 1)]
        match chance.randrange(10):
            case 0:
                cells[1] = '"Two\nlines, and ""quotes"""'
            case 1:
                cells[0] = str(chance.randrange(first, number + 1))  # perhaps the key of a row before
            case 2:
                cells[3] = "99"  # no such department
            case 3:
                cells[2] = "yesterday"
            case 4:
                cells.pop()
            case 5:
                lines.append("")
        lines.append(",".join(cells))
    return ("\r\n".join(lines) + "\r\n").encode()


def report(intake: Intake, run: str) -> tuple[Any, ...]:
    """What a run left behind, but for its name and moments."""
    rejections = intake.postgres.query(
        "SELECT row, line, cells, reasons FROM decant.rejections WHERE run = :run ORDER BY row", run=run
    )
    [entry] = intake.postgres.query(
        """SELECT state, sha256, on_conflict, read, inserted, updated, unchanged, rejected, error
        FROM decant.runs WHERE id = :run""",
        run=run,
    )
    return (entry, rejections, intake.postgres.rows("hired_employees"))


def nothing_is_left(intake: Split) -> bool:
    """Asserts that nothing is left in the database; gives whether the queue is empty as well."""
    [(temporary,)] = intake.postgres.query(
        "SELECT count(*) FROM pg_class WHERE relname LIKE 'staged%' OR relname LIKE 'rejected%'"
    )
    assert temporary == 0
    assert left_behind(intake.postgres, intake.schema) == []
    return not intake.queue.sent


def the_run(intake: Intake) -> Run:
    return max(intake.catalog.kept_runs.values(), key=lambda run: run.id)


def whole(
    make_database: MakeDatabase, intake: Split, tmp_path: Path, content: bytes, **metadata: str
) -> tuple[Any, ...]:
    """The report of the same file, loaded whole."""
    with make_database(intake.postgres.dictionary) as database:
        database.query("INSERT INTO departments SELECT n, 'd' || n FROM generate_series(1, 5) n")
        database.query("INSERT INTO jobs SELECT n, 'j' || n FROM generate_series(1, 5) n")
        other = Split(database, tmp_path / "whole", above=0)
        other.deliver(other.put(EMPLOYEES, content, **metadata))
        assert not other.queue.sent
        return report(other, the_run(other).id)


@pytest.mark.parametrize("set_wise", [False, True])
@pytest.mark.parametrize("metadata", [{}, {"on-conflict": "update"}, {"on-conflict": "skip"}, {"max-rejected": "0.01"}])
def test_a_file_in_parts_has_the_report_of_a_whole_one(
    intake: Split,
    make_database: MakeDatabase,
    tmp_path: Path,
    metadata: dict[str, str],
    set_wise: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = employees()
    if set_wise:
        monkeypatch.setattr("chalicelib.load.writer.SET_WISE_FROM", 1)
    intake.deliver(intake.put(EMPLOYEES, content, **metadata))
    assert the_run(intake).state is RunState.RUNNING
    assert [message["step"] for message, _ in intake.queue.sent] == ["scan"] * intake.at_once
    intake.deliver_all()
    found = report(intake, the_run(intake).id)
    assert found == whole(make_database, intake, tmp_path, content, **metadata)
    assert found[0][7] > 5
    assert the_run(intake).state.value == found[0][0]
    assert the_run(intake).counts.read == found[0][3]
    assert nothing_is_left(intake)


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_may_come_in_any_order_and_more_than_once(
    intake: Split, make_database: MakeDatabase, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    content = employees(seed=seed, header=bool(seed % 2))
    intake.at_once = 50
    event = intake.put(EMPLOYEES, content)
    intake.deliver(event)
    intake.deliver(event)
    taken = []
    while intake.queue.sent:
        taken.append(intake.take(chance.randrange(len(intake.queue.sent)), chance.choice([1, 1, 1, 2])))
        if chance.random() < 0.2:
            worker.handle(intake.services, json.dumps(chance.choice(taken)))
    assert report(intake, the_run(intake).id) == whole(make_database, intake, tmp_path, content)
    assert nothing_is_left(intake)


def test_the_parts_that_are_loaded_tell_how_many_rows_to_expect(intake: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int | None] = []
    put_run = intake.catalog.put_run

    def put(run: Run) -> None:
        put_run(run)
        if run.progress and "parts are done" in run.phase:
            told.append(run.expected)

    monkeypatch.setattr(intake.catalog, "put_run", put)
    monkeypatch.setattr("chalicelib.work.reporting._TELL_EVERY", 0)
    intake.deliver(intake.put(EMPLOYEES, employees()))
    intake.deliver_all()
    assert len(told) > 10
    assert all(expected is not None and 20 <= expected <= 80 for expected in told), told
    assert (the_run(intake).expected, the_run(intake).counts.read) == (None, 40)


class Dying:
    """Ends the worker at one of the moments in which it could die: before and after each commit, and each message."""

    def __init__(self, intake: Split) -> None:
        self._database = intake.postgres.database
        self._queue = intake.queue
        self.moment = 0
        self.dies_at = -1

    def services(self, services: Services) -> Services:
        dying: Any = self
        return replace(services, database=dying, queue=dying)

    def send(self, message: Mapping[str, Any], delay: int = 0) -> None:
        self._next()
        self._queue.send(message, delay)
        self._next()

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[PostgresTransaction]:
        with self._database.transaction(snapshot=snapshot) as transaction:
            yield transaction
            self._next()
        self._next()

    def _next(self) -> None:
        self.moment += 1
        if self.moment == self.dies_at:
            raise SystemExit


def test_a_worker_may_die_at_any_moment(intake: Split) -> None:
    intake.part, intake.at_once = 1024, 1
    dies_at, counts = -1, None
    while True:
        dying = Dying(intake)
        dying.dies_at = dies_at
        event = intake.put(EMPLOYEES, employees(first=1000 * intake.dropped + 1))
        waiting = [({"Records": [event]}, 1)]
        while waiting or intake.queue.sent:
            waiting += [(message, 1) for message, _ in intake.queue.sent]
            intake.queue.sent.clear()
            message, deliveries = waiting.pop(0)
            try:
                worker.handle(dying.services(intake.services), json.dumps(message), deliveries)
            except SystemExit:
                waiting.append((message, deliveries + 1))
        run = the_run(intake)
        assert run.state is RunState.SUCCEEDED, dies_at
        counts = counts or run.counts
        assert run.counts == counts, dies_at
        assert nothing_is_left(intake), dies_at
        if dies_at > dying.moment:
            break
        dies_at = max(1, dies_at + 1)
    assert dies_at > 30
    assert intake.postgres.query("SELECT count(*), sum(inserted) FROM decant.runs") == [
        (intake.dropped, intake.dropped * counts.inserted)
    ]
    assert len(intake.postgres.rows("hired_employees")) == intake.dropped * counts.inserted


def crash_loses(intake: Split) -> None:
    """Empty what is staged, as a crash of the server does with every unlogged table."""
    with intake.postgres.as_owner() as owner:
        transaction = PostgresTransaction(owner)
        for (name,) in transaction.run(
            "SELECT oid::regclass::text FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'"
        ):
            transaction.run_script(f"TRUNCATE {name}")


def until(intake: Split, step: str) -> None:
    """Let the worker take messages until the next one is of a step."""
    while intake.queue.sent[0][0]["step"] != step:
        intake.take()


def test_what_a_crash_of_the_server_loses_is_staged_again(
    intake: Split, make_database: MakeDatabase, tmp_path: Path
) -> None:
    content = employees()
    intake.deliver(intake.put(EMPLOYEES, content))
    until(intake, "publish")
    crash_loses(intake)
    intake.take()
    assert intake.queue.sent[0][0]["step"] == "load"
    intake.deliver_all()
    assert report(intake, the_run(intake).id) == whole(make_database, intake, tmp_path, content)
    assert nothing_is_left(intake)


def test_a_server_that_crashes_each_time_ends_the_run(intake: Split) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    while intake.queue.sent:
        until(intake, "publish")
        crash_loses(intake)
        intake.take()
    assert the_run(intake).state is RunState.FAILED
    assert "loaded 3 times, and what they had staged was lost" in str(the_run(intake).error)
    assert nothing_is_left(intake)


def test_two_workers_that_meet_the_same_loss_begin_again_once(intake: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    until(intake, "publish")
    crash_loses(intake)
    message = json.dumps(intake.queue.sent.pop()[0])
    publish, others = Ending._publish, [message]

    def and_another(*arguments: Any) -> Any:
        try:
            return publish(*arguments)
        finally:
            if others:
                worker.handle(intake.services, others.pop())

    with monkeypatch.context() as patch:
        patch.setattr(Ending, "_publish", and_another)
        worker.handle(intake.services, message)
    assert not others
    assert intake.postgres.query("SELECT round, step FROM decant.splits") == [(2, "load")]
    intake.deliver_all()
    assert the_run(intake).state is RunState.SUCCEEDED
    assert nothing_is_left(intake)


def test_what_a_row_refers_to_may_vanish_before_it_is_published(intake: Split) -> None:
    intake.deliver(intake.put(EMPLOYEES, b"".join(b"%d,Ann,2021-07-27T16:02:08Z,1,%d\n" % (n, n) for n in (1, 2, 3))))
    until(intake, "publish")
    intake.postgres.query("DELETE FROM jobs WHERE id = 2")
    intake.deliver_all()
    counts = the_run(intake).counts
    assert (the_run(intake).state, counts.inserted, counts.rejected) == (RunState.SUCCEEDED, 2, 1)
    assert nothing_is_left(intake)


def test_what_rows_refer_to_may_vanish_so_often_that_the_run_ends(intake: Split) -> None:
    intake.deliver(intake.put(EMPLOYEES, b"".join(b"%d,Ann,2021-07-27T16:02:08Z,1,%d\n" % (n, n) for n in (1, 2, 3))))
    while intake.queue.sent:
        until(intake, "publish")
        intake.postgres.query("DELETE FROM jobs WHERE id = 2")
        intake.take()
        intake.postgres.query("INSERT INTO jobs VALUES (2, 'back')")
    assert the_run(intake).state is RunState.FAILED
    assert "was deleted" in str(the_run(intake).error)
    assert "lost" not in str(the_run(intake).error)
    assert nothing_is_left(intake)


@contextmanager
def at_work_on(intake: Split, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another worker has the turn of a run or a table, and nobody has the patience to wait for it."""
    with monkeypatch.context() as patch, intake.postgres.as_owner() as other:
        patch.setattr(turns, "_TURN_SECONDS", 0.0)
        other.execute_simple(f"BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('decant load {name}', 0))")
        yield


def test_a_publish_that_another_worker_is_at_is_left_to_it(intake: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    intake.deliver(event := intake.put(EMPLOYEES, employees()))
    until(intake, "publish")
    run = the_run(intake)
    with at_work_on(intake, run.id, monkeypatch):
        message = intake.take()
        assert not intake.queue.sent
        intake.deliver(event)
        assert [message["work"] for message, _ in intake.queue.sent] == ["load"]
        assert the_run(intake).state is RunState.RUNNING
    worker.handle(intake.services, json.dumps(message))
    intake.deliver_all()
    assert the_run(intake).state is RunState.SUCCEEDED
    assert nothing_is_left(intake)


@pytest.mark.parametrize("name", ["run", "hired_employees"])
def test_a_publish_that_outlives_its_workers_is_tried_a_bounded_number_of_times(
    intake: Split, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    until(intake, "publish")
    run = the_run(intake)
    tries = []
    with at_work_on(intake, run.id if name == "run" else name, monkeypatch), pytest.raises(NotItsTurn):
        for _ in range(20):
            tries.append(intake.take(deliveries=2)["tries"])
            if name == "run":
                assert the_run(intake).state is RunState.RUNNING
    assert tries == list(range(6))
    assert the_run(intake).state is RunState.FAILED


def test_a_publish_that_waits_for_its_turn_is_not_silent_and_asks_less_and_less_often(
    intake: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    until(intake, "publish")
    intake.postgres.query("UPDATE decant.splits SET touched = touched - interval '25 hours'")
    with at_work_on(intake, "hired_employees", monkeypatch):
        before = intake.take()
        [(message, delay)] = intake.queue.sent
        assert (before["since"], message["tries"]) == (None, 0)
        assert 15 <= delay <= 23
        assert intake.postgres.query("SELECT touched > now() - interval '1 hour' FROM decant.splits") == [(True,)]
        assert the_run(intake).state is RunState.WAITING
        since = dt.datetime.fromisoformat(message["since"]) - dt.timedelta(minutes=4)
        message["since"] = since.isoformat()
        intake.take()
        [(message, delay)] = intake.queue.sent
        assert message["since"] == since.isoformat()
        assert 75 <= delay <= 135
        message["since"] = (since - dt.timedelta(hours=5)).isoformat()
        intake.take()
        [(message, delay)] = intake.queue.sent
        assert 300 <= delay <= 450
        message["since"] = (since + dt.timedelta(days=1)).isoformat()  # by a clock that is a day ahead
        intake.take()
        assert 15 <= intake.queue.sent[0][1] <= 23
    intake.deliver_all()
    assert the_run(intake).state is RunState.SUCCEEDED


def test_a_publish_whose_turn_has_not_come_for_six_hours_counts_its_tries_and_fails(
    intake: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    until(intake, "publish")
    tries: list[int] = []
    with at_work_on(intake, "hired_employees", monkeypatch), pytest.raises(Unavailable):
        for _ in range(20):
            message, _ = intake.queue.sent[0]
            hours = 5.9 if not tries else 6.1
            message["since"] = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)).isoformat()
            tries.append(intake.take()["tries"])
    assert tries == [0, *range(6)]
    run = the_run(intake)
    assert run.state is RunState.FAILED
    assert run.error is not None
    assert run.error["detail"].startswith("For 6 hours it was not the file's turn. Another load is at work on hired")
    assert run.error["hint"].endswith("then redrive it.")
    assert nothing_is_left(intake)
    worker.handle(intake.services, brought_back(json.dumps(message)))
    intake.deliver_all()
    assert the_run(intake).state is RunState.SUCCEEDED
    assert nothing_is_left(intake)


@dataclass
class Told(FakeCatalog):
    """A catalogue that keeps the states it was told."""

    told: list[RunState] = field(default_factory=list)

    def put_run(self, run: Run) -> None:
        self.told.append(run.state)
        super().put_run(run)


@pytest.mark.parametrize("step", ["scan", "load", "publish"])
def test_a_run_that_goes_on_after_it_had_to_wait_is_shown_as_running(intake: Split, step: str) -> None:
    intake.at_once = 1
    intake.deliver(intake.put(EMPLOYEES, employees()))
    until(intake, step)
    wait(intake.services, the_run(intake), "the database was away")
    intake.catalog = Told(kept_runs=intake.catalog.kept_runs)
    intake.take()
    assert intake.catalog.told[0] is RunState.RUNNING


@pytest.mark.parametrize("above", [0, LEAF], ids=["whole", "in parts"])
def test_a_file_of_children_waits_for_one_of_parents_that_is_loaded_in_parts(intake: Split, above: int) -> None:
    intake.parent_wait = 0
    intake.deliver(intake.put("jobs.csv", b"".join(b"%d,Clerk\n" % number for number in range(100, 150))))
    intake.above = above
    until(intake, "publish")
    intake.deliver(intake.put(EMPLOYEES, b"".join(b"%d,Ann,2021-07-27T16:02:08Z,1,10%d\n" % (n, n) for n in (1, 2, 3))))
    child = the_run(intake).id
    assert intake.catalog.kept_runs[child].state is RunState.WAITING
    assert "jobs" in intake.catalog.kept_runs[child].phase
    intake.deliver_all()
    run = intake.catalog.kept_runs[child]
    assert (run.state, run.counts.inserted, run.counts.rejected) == (RunState.SUCCEEDED, 3, 0)
    assert nothing_is_left(intake)


GOOD = b"".join(b"%d,Ann,2021-07-27T16:02:08Z,1,1\n" % number for number in range(1, 13))


@pytest.mark.parametrize(
    "content",
    [
        GOOD + b"13,\xff,2021-07-27T16:02:08Z,1,1\n" + GOOD + b"14,\xfe,2021-07-27T16:02:08Z,1,1\n",
        GOOD + b'13,"Ann,2021-07-27T16:02:08Z,1,1\n' + GOOD,
        b"".join(b"%d;Ann;2021-07-27T16:02:08Z\n" % number for number in range(1, 13)),
        b"id,nonsense\n" + GOOD,
        b"\n" * 300,
        b"id\xff,name,datetime,department_id,job_id\n" + GOOD,
        GOOD.decode().encode("utf-16"),
    ],
    ids=["bytes", "quote", "width", "header", "empty", "bytes of the header", "UTF-16"],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_file_that_can_not_be_read_is_told_as_a_whole_one_is(
    intake: Split,
    make_database: MakeDatabase,
    tmp_path: Path,
    content: bytes,
    backwards: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "PEEK", LEAF)
    intake.at_once = 50
    intake.deliver(intake.put(EMPLOYEES, content))
    while intake.queue.sent:
        intake.take(-1 if backwards else 0)
    found = report(intake, the_run(intake).id)
    assert found[0][0] == "failed"
    expected = whole(make_database, intake, tmp_path, content)
    assert found == expected
    assert nothing_is_left(intake)


def test_what_is_behind_a_part_that_can_not_be_read_is_not_read(intake: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PEEK", LEAF)
    intake.deliver(intake.put(EMPLOYEES, GOOD + b"13,\xff,2021-07-27T16:02:08Z,1,1\n" + GOOD * 3))
    until(intake, "publish")
    [(rows, count)] = intake.postgres.query("SELECT sum(rows), count(*) FROM decant.parts")
    assert rows < 12 < count


def test_content_that_stands_in_the_table_is_known_again_whole_or_in_parts(intake: Split) -> None:
    content = employees()
    intake.deliver(intake.put(EMPLOYEES, content))
    intake.deliver_all()
    for above in (LEAF, 0):
        intake.above = above
        intake.deliver(intake.put(f"again-{above}-{EMPLOYEES}".replace("again", "hired_employees"), content))
        intake.deliver_all()
        assert the_run(intake).state is RunState.DUPLICATE
    assert nothing_is_left(intake)


def test_a_newer_version_wins_over_one_that_is_still_loaded_in_parts(intake: Split) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    older = the_run(intake).id
    until(intake, "publish")
    waiting, intake.queue.sent = intake.queue.sent, []
    intake.above = 0
    intake.deliver(intake.put(EMPLOYEES, GOOD))
    intake.queue.sent = waiting
    intake.deliver_all()
    assert intake.catalog.kept_runs[older].state is RunState.REFUSED
    assert len(intake.postgres.rows("hired_employees")) == 12
    assert nothing_is_left(intake)


def test_a_part_that_another_worker_has_is_left_to_it(intake: Split) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    with intake.postgres.as_owner() as other:
        other.execute_simple("BEGIN; SELECT FROM decant.parts WHERE part = 0 FOR UPDATE")
        message = intake.take()
        again, delay = intake.queue.sent.pop()
        assert again == message
        assert 60 <= delay <= 90
        other.execute_simple("COMMIT")
    worker.handle(intake.services, json.dumps(message))
    intake.deliver_all()
    assert the_run(intake).state is RunState.SUCCEEDED


def test_a_part_that_no_worker_survives_ends_the_run(intake: Split) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    until(intake, "load")
    with pytest.raises(DecantError, match="came to no end"):
        intake.take(1, deliveries=4)
    assert the_run(intake).state is RunState.FAILED
    intake.deliver_all()
    assert the_run(intake).state is RunState.FAILED
    assert intake.postgres.rows("hired_employees") == []
    assert nothing_is_left(intake)


def test_a_part_that_comes_again_after_its_file_was_refused_is_no_dead_letter(
    intake: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PEEK", LEAF)
    intake.deliver(intake.put(EMPLOYEES, GOOD + b"13,\xff,2021-07-27T16:02:08Z,1,1\n"))
    messages = []
    while intake.queue.sent:
        messages.append(intake.take())
    failed = the_run(intake)
    assert failed.error is not None
    assert (failed.state, failed.error["code"]) == (RunState.FAILED, "undecodable-bytes")
    assert {message["step"] for message in messages} == {"scan", "load", "publish"}
    for message in messages:
        worker.handle(intake.services, json.dumps(message), 2)
    assert the_run(intake) == failed
    assert nothing_is_left(intake)


def test_a_load_in_parts_that_was_given_up_is_brought_back_as_a_whole(intake: Split) -> None:
    """Several of its messages may be dead letters: whoever comes first begins anew, and the others go on with it."""
    content = employees(header=False)
    intake.deliver(intake.put(EMPLOYEES, content))
    first, second = (intake.queue.sent[number][0] for number in range(2))
    for message, _ in intake.queue.sent[:2]:
        for delivery in (4, 5):
            with pytest.raises(DecantError, match="no end"):
                worker.handle(intake.services, json.dumps(message), delivery)
    while intake.queue.sent:
        intake.take()
    failed = the_run(intake)
    assert failed.state is RunState.FAILED
    for message in (first, second):
        worker.handle(intake.services, brought_back(json.dumps(message)))
    while intake.queue.sent:
        intake.take()
    done = the_run(intake)
    assert (done.id, done.state, done.error) == (failed.id, RunState.SUCCEEDED, None)
    assert done.counts.read == done.counts.inserted + done.counts.rejected > 0
    assert len(intake.postgres.rows("hired_employees")) == done.counts.inserted
    assert nothing_is_left(intake)


def test_a_part_that_was_done_before_its_message_died_goes_on_when_it_is_brought_back(intake: Split) -> None:
    """Its worker died each time between the commit and the word for the next part, and the message is a dead letter."""
    intake.at_once = 1
    for seed, step in enumerate(("scan", "load")):
        intake.deliver(intake.put(EMPLOYEES, employees(seed=seed, header=False)))
        until(intake, step)
        message = intake.take()
        intake.queue.sent.clear()
        worker.handle(intake.services, brought_back(json.dumps(message)))
        intake.deliver_all()
        assert the_run(intake).state is RunState.SUCCEEDED
        assert nothing_is_left(intake)


def test_a_run_that_can_not_be_ended_as_the_database_is_away_is_ended_later(intake: Split) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    [message, *_] = [json.dumps(message) for message, _ in intake.queue.sent]
    away: Any = DownDatabase()
    with pytest.raises(Unavailable):
        worker.handle(replace(intake.services, database=away), message, 4)
    assert the_run(intake).state is RunState.RUNNING
    with pytest.raises(DecantError, match="came to no end"):
        worker.handle(intake.services, message, 5)
    assert the_run(intake).state is RunState.FAILED
    intake.deliver_all()
    assert nothing_is_left(intake)


def test_a_run_that_ends_while_a_part_is_loaded_is_over_for_it(intake: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    until(intake, "load")

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        made = stage(*arguments, **named)
        other = PostgresDatabase(intake.postgres.app.connect)
        services = replace(intake.services, database=other)
        with pytest.raises(DecantError):
            worker.handle(services, json.dumps(intake.queue.sent[0][0]), 4)
        other.close()
        return made

    with monkeypatch.context() as patch:
        patch.setattr("chalicelib.load.splitting.stage", meanwhile)
        intake.take()
    intake.deliver_all()
    assert the_run(intake).state is RunState.FAILED
    assert nothing_is_left(intake)  # though the worker held the tables when the run ended


def test_a_run_that_is_silent_for_a_day_is_ended_when_another_begins(intake: Split) -> None:
    intake.deliver(intake.put(EMPLOYEES, employees()))
    silent = the_run(intake).id
    intake.queue.sent.clear()
    intake.postgres.query("UPDATE decant.splits SET touched = touched - interval '25 hours'")
    intake.deliver(intake.put(EMPLOYEES, employees(seed=2)))
    assert intake.catalog.kept_runs[silent].state is RunState.FAILED
    intake.deliver_all()
    assert the_run(intake).state is RunState.SUCCEEDED
    assert nothing_is_left(intake)


def test_a_silent_run_that_can_not_be_ended_keeps_no_other_from_beginning(
    intake: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(*_: object) -> None:
        raise DecantError("The run can't be ended.")

    intake.deliver(intake.put(EMPLOYEES, employees()))
    intake.queue.sent.clear()
    intake.postgres.query("UPDATE decant.splits SET touched = touched - interval '25 hours'")
    monkeypatch.setattr(Ending, "abandon", unable)
    intake.deliver(intake.put(EMPLOYEES, employees(seed=2)))
    intake.deliver_all()
    assert the_run(intake).state is RunState.SUCCEEDED


def test_small_files_others_and_those_without_versions_are_not_split(intake: Split) -> None:
    intake.above = len(GOOD)
    intake.deliver(intake.put(EMPLOYEES, GOOD))
    assert the_run(intake).state is RunState.SUCCEEDED
    intake.above = LEAF
    event = intake.put(EMPLOYEES, employees())
    event["s3"]["object"]["versionId"] = None
    intake.deliver(event)
    assert the_run(intake).state is RunState.SUCCEEDED


def test_references_within_a_table_and_keys_of_several_columns_hold_across_parts(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    chance = random.Random(3)
    codes = [f"{chance.choice('ABC')}{chance.choice('ABC')}{number % 40:02}" for number in range(60)]
    lines = [f"{code},north,{chance.choice([*codes, 'ZZ99', ''])},true" for code in codes]
    content = "\n".join(lines).encode()
    found = []
    for above in (LEAF, 0):
        with make_database(parse_dictionary(OTHER)) as database:
            other = Split(database, tmp_path / str(above), above=above)
            other.deliver(other.put("branches.csv", content))
            other.deliver_all()
            rejections = database.query("SELECT row, line, cells, reasons FROM decant.rejections ORDER BY row")
            found.append((the_run(other).counts, rejections, database.rows("branches")))
    assert found[0] == found[1]
    assert found[0][0].rejected > 5


def test_the_app_makes_no_staging_for_a_run_that_is_not_split(intake: Split) -> None:
    with pytest.raises(DecantError, match="no load in parts has this run"):
        intake.postgres.query("SELECT decant.stage_parts('any', 'jobs')")
    assert nothing_is_left(intake)
