"""The wire to Postgres fails at any turn, before, at and after COMMIT: once or nothing, and a retry that converges.

The server is a real one; see ``tests.faulty.wire``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import worker
from chalicelib.api import ingest
from chalicelib.api.ingest import Batch, write_batch
from chalicelib.backup.verification import verify
from chalicelib.dictionary.model import Dictionary
from chalicelib.idempotency import IdempotencyKey
from chalicelib.load.options import OnConflict
from chalicelib.ports import Backup, RunState
from chalicelib.postgres import PostgresDatabase, WrongPassword, connecting, transactions
from chalicelib.postgres.connecting import Login, connect_with_login
from chalicelib.storage import FolderStorage
from chalicelib.time_left import TimeLeft
from chalicelib.wiring import Services
from tests.conftest import MakeDatabase, TestDatabase
from tests.contract.backup_support import fill, take
from tests.contract.test_loads import Intake
from tests.fakes import FakeCatalog
from tests.faulty.extent import WHOLE, examples
from tests.faulty.wire import Cut, Fault, Plan, Raised, Silent, Turn, Wire, at, nothing, refusing
from tests.left_behind import Schema, left_behind, schema_of
from tests.seeds import tally

JOBS = [(1, "Clerk"), (2, "Chief"), (3, "Cook")]
# What a statement may end with, and what a connection may: https://www.postgresql.org/docs/current/errcodes-appendix.html
STATEMENTS = ["40001", "40P01", "25006", "53100", "55P03", "57014"]
CONNECTIONS = ["57P01", "08006", "53300"]
MORE_STATEMENTS = ["53200", "58030"]
MORE_CONNECTIONS = ["57P02", "57P03", "57P05"]


# Each fault by when it comes: at the last turn before COMMIT, instead of it, or between it and its answer.
FAULTS: dict[str, tuple[str, Fault]] = {
    "before 40001": ("before", Raised("40001")),
    **{f"during {state}": ("during", Raised(state)) for state in STATEMENTS},
    "during 57P01": ("during", Cut(state="57P01")),
    **{f"unknown {state}": ("unknown", Cut(heard=True, state=state)) for state in CONNECTIONS},
    "before cut": ("before", Cut()),
    "during cut": ("during", Cut()),
    "unknown cut": ("unknown", Cut(heard=True)),
}
if WHOLE:
    FAULTS |= {f"before {state}": ("before", Raised(state)) for state in STATEMENTS + MORE_STATEMENTS}
    FAULTS |= {f"during {state}": ("during", Raised(state)) for state in MORE_STATEMENTS}
    FAULTS |= {f"unknown {state}": ("unknown", Cut(heard=True, state=state)) for state in MORE_CONNECTIONS}


@dataclass
class Company:
    """A worker and an API whose way to the database goes over a wire, and a look at the database beside it."""

    wire: Wire
    beside: TestDatabase
    intake: Intake
    backups: Path
    jobs: Backup
    numbers: Iterator[int]
    schema: Schema

    @property
    def services(self) -> Services:
        """Those of the worker, with the folder of the backups that outlive a test."""
        folder: Any = FolderStorage(self.backups)
        return replace(self.intake.services, backups=folder)

    def anew(self, folder: Path) -> Company:
        """The same with an empty bucket, catalogue and queue."""
        return replace(self, intake=Intake(self.intake.postgres, folder))

    def file(self) -> tuple[int, bytes]:
        """Three departments that no other file has."""
        number = next(self.numbers)
        return number, b"".join(b"%d,Department %d\n" % (10 * number + each, number) for each in range(3))

    def rows_of(self, number: int) -> int:
        """How many rows of a file are in."""
        [(count,)] = self.beside.query("SELECT count(*) FROM departments WHERE id / 10 = :number", number=number)
        return int(count)

    def recorded(self, run: str) -> int:
        """How often the ledger has a run."""
        [(count,)] = self.beside.query("SELECT count(*) FROM decant.runs WHERE id = :id", id=run)
        return int(count)

    def mended(self, plan: Plan) -> list[Turn]:
        """Let the wire work again, once the fault of the plan came; return the turns until then."""
        turns = self.wire.turns
        assert self.wire.faults == (plan is not nothing), turns
        tally({"faults on the wire": self.wire.faults})
        assert not self.wire.outlasted, "a silent server was waited for without end"
        self.wire.fail(nothing)
        return turns


@pytest.fixture(scope="module")
def company_of_all(
    make_database: MakeDatabase, dictionary: Dictionary, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    """One for all tests, whose files have rows of their own."""
    backups = tmp_path_factory.mktemp("backups")
    with make_database(dictionary) as beside, Wire(beside.app.host, beside.app.port) as wire:
        fill(beside, "jobs", [{"id": number, "job": name} for number, name in JOBS])
        [jobs] = take(beside, FolderStorage(backups), FakeCatalog(), "jobs")
        database = PostgresDatabase(replace(beside.app, host="127.0.0.1", port=wire.port).connect)
        intake = Intake(replace(beside, database=database), backups)
        yield Company(wire, beside, intake, backups, jobs, itertools.count(1), schema_of(beside))
        wire.fail(nothing)
        database.close()


@pytest.fixture
def company(company_of_all: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    monkeypatch.setattr(ingest, "_PAUSE_SECONDS", 0)
    company_of_all.wire.fail(nothing)
    yield company_of_all.anew(tmp_path)
    company_of_all.wire.fail(nothing)


def load(company: Company, plan: Plan) -> list[Turn]:
    """Load a file while the wire fails by a plan, then as the queue says; return the turns of the first try."""
    number, content = company.file()
    event = company.intake.put(f"departments-{number}.csv", content)
    known = set(company.intake.catalog.kept_runs)
    company.wire.fail(plan)
    company.intake.deliver(event)
    turns = company.mended(plan)
    [run] = set(company.intake.catalog.kept_runs) - known
    shown = company.intake.catalog.kept_runs[run]
    done = company.recorded(run)
    assert (company.rows_of(number), done) in ((0, 0), (3, 1))
    assert not shown.state.final or done
    assert len(company.intake.queue.sent) == (not shown.state.final)
    company.intake.deliver_all()
    company.intake.deliver(event)  # and the event once more, late
    assert (company.rows_of(number), company.recorded(run)) == (3, 1)
    ended = company.intake.catalog.kept_runs[run]
    assert (ended.state, ended.error) == (RunState.SUCCEEDED, None)
    assert (ended.counts.read, ended.counts.inserted) == (3, 3)
    return turns


def batch(company: Company, plan: Plan) -> list[Turn]:
    """Send a batch while the wire fails by a plan, and send it again with its key; return the turns."""
    number = next(company.numbers)
    rows = [{"id": 10 * number + each, "department": f"Department {number}"} for each in range(3)]
    made = Batch({"departments": rows}, OnConflict.REJECT, atomic=False, by_table=False)
    key = IdempotencyKey("POST /tables/departments/rows", str(number), "digest")
    company.wire.fail(plan)
    first = write_batch(company.intake.services, lambda _: made, key)
    turns = company.mended(plan)
    again = write_batch(company.intake.services, lambda _: made, key)
    assert (first.status, first.run, json.loads(first.body)["inserted"]) == (201, again.run, 3)
    assert first.body == again.body
    assert (company.rows_of(number), company.recorded(str(first.run))) == (3, 1)
    return turns


def restore(company: Company, plan: Plan) -> list[Turn]:
    """Restore a changed table while the wire fails by a plan, then as the queue says; return the turns."""
    number = next(company.numbers)
    company.intake.catalog.put_backup(company.jobs)
    company.beside.query("WITH changed AS (UPDATE jobs SET job = :name WHERE id < 3) SELECT 1", name=str(number))
    run = f"20260101T000000000000-{number:08x}"
    message = {"work": "restore", "run": run, "backups": [company.jobs.id], "dry_run": False}
    company.wire.fail(plan)
    worker.handle(company.services, json.dumps(message))
    turns = company.mended(plan)
    changed = company.beside.rows("jobs") != JOBS
    shown = company.intake.catalog.kept_runs[run]
    assert changed == (company.recorded(run) == 0)
    assert not shown.state.final or not changed
    while company.intake.queue.sent:
        worker.handle(company.services, json.dumps(company.intake.queue.sent.pop(0)[0]))
    worker.handle(company.services, json.dumps(message))
    assert company.beside.rows("jobs") == JOBS
    assert company.recorded(run) == 1
    ended = company.intake.catalog.kept_runs[run]
    assert (ended.state, ended.counts.updated, ended.error) == (RunState.SUCCEEDED, 2, None)
    return turns


def back_up(company: Company, plan: Plan) -> list[Turn]:
    """Back a table up while the wire fails by a plan, then as the queue says; return the turns of the first try."""
    run = f"20260101T000000000000-{next(company.numbers):08x}"
    message = {"work": "backup", "run": run, "tables": ["jobs"]}
    company.intake.catalog.kept_backups.clear()
    company.wire.fail(plan)
    worker.handle(company.services, json.dumps(message))
    turns = company.mended(plan)
    assert len(company.intake.catalog.kept_backups) == company.intake.catalog.kept_runs[run].state.final
    while company.intake.queue.sent:
        worker.handle(company.services, json.dumps(company.intake.queue.sent.pop(0)[0]))
    worker.handle(company.services, json.dumps(message))
    ended = company.intake.catalog.kept_runs[run]
    assert (ended.state, ended.error) == (RunState.SUCCEEDED, None)
    [backup] = company.intake.catalog.kept_backups.values()
    assert ended.result is not None
    assert (ended.result["backups"], backup.rows) == ([backup.id], len(JOBS))
    found = verify(company.services.backups, company.beside.dictionary, backup)
    assert found.refusal is None
    return turns


FLOWS: dict[str, Callable[[Company, Plan], list[Turn]]] = {
    "load": load,
    "batch": batch,
    "restore": restore,
    "backup": back_up,
}


def nothing_is_left(company: Company) -> bool:
    """Neither what may never be left, nor a temporary table: the session that keeps its own is closed before."""
    company.intake.postgres.database.close()
    assert left_behind(company.beside, company.schema) == []
    temporary = "SELECT relname FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'"
    return company.beside.query(temporary) == []


@pytest.fixture(scope="module")
def turns_of(company_of_all: Company, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bool], list[Turn]]:
    """The turns that each kind of work takes when nothing fails, over a connection that is warm or has to be made."""

    @cache
    def count(flow: str, warm: bool) -> list[Turn]:
        company = company_of_all.anew(tmp_path_factory.mktemp("counted"))
        FLOWS[flow](company, nothing)
        if not warm:
            company.intake.postgres.database.close()
        return FLOWS[flow](company, nothing)

    return count


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("fault", FAULTS)
def test_all_work_is_once_whatever_the_database_says_around_its_commit(
    company: Company, turns_of: Callable[[str, bool], list[Turn]], fault: str, flow: str
) -> None:
    when, what = FAULTS[fault]
    commit = max(turn.number for turn in turns_of(flow, False) if turn.commits)
    company.intake.postgres.database.close()
    turns = FLOWS[flow](company, at(commit - (when == "before"), what))
    assert turns[commit - 1 - (when == "before")].commits == (when != "before")
    assert nothing_is_left(company)
    tally({"of them around COMMIT": 1})


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flow=st.sampled_from(sorted(FLOWS)),
    place=st.floats(0, 1),
    fault=st.sampled_from(
        [Cut(), Cut(heard=True), Cut(state="57P01"), Raised("40001"), Raised("40P01"), Raised("57014")]
    ),
    warm=st.booleans(),
)
def test_all_work_is_once_wherever_the_wire_fails(
    company: Company, turns_of: Callable[[str, bool], list[Turn]], flow: str, place: float, fault: Fault, warm: bool
) -> None:
    """Logging in and the middle of a COPY are among the places."""
    turns = turns_of(flow, warm)
    if not warm:
        company.intake.postgres.database.close()
    FLOWS[flow](company, at(1 + int(place * (len(turns) - 1)), fault))


@pytest.mark.parametrize("fault", [Cut(), Cut(heard=True), Raised("53100"), Raised("57014")], ids=str)
def test_a_copy_that_fails_at_any_of_its_turns_is_once(
    company: Company, turns_of: Callable[[str, bool], list[Turn]], fault: Fault
) -> None:
    copying = [turn.number for turn in turns_of("restore", False) if b"d" in turn.kinds or b"c" in turn.kinds]
    assert len(copying) > 1
    for number in copying:
        company.intake.postgres.database.close()
        restore(company, at(number, fault))


@pytest.mark.parametrize("place", ["first turn", "last turn"])
def test_a_server_that_is_silent_while_a_session_begins_is_given_up_and_tried_again(
    company: Company, turns_of: Callable[[str, bool], list[Turn]], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(connecting, "_CONNECT_SECONDS", 0.3)
    setting = next(turn.number for turn in turns_of("load", False) if b"SET timezone" in turn.content)
    app = company.beside.app
    login = Login("127.0.0.1", company.wire.port, app.user, app.password, app.database)
    database = PostgresDatabase(lambda: connect_with_login(login, "off"))
    company.intake.postgres = replace(company.beside, database=database)
    load(company, at(1 if place == "first turn" else setting, Silent()))
    assert nothing_is_left(company)


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "new"])
def test_a_connection_that_is_silent_when_a_transaction_begins_is_given_up(
    company: Company, monkeypatch: pytest.MonkeyPatch, warm: bool
) -> None:
    """A warm one is replaced at once: its environment was frozen for so long that the network has forgotten it."""
    monkeypatch.setattr(transactions, "_BEGIN_SECONDS", 0.5)
    if warm:
        company.intake.postgres.query("SELECT 1")
    else:
        company.intake.postgres.database.close()
    silences = iter([Silent()])
    turns = load(company, lambda turn: next(silences, None) if b"BEGIN" in turn.content else None)
    logins = [turn.number for turn in turns if turn.kinds == b""]
    commits = any(turn.commits for turn in turns)
    assert (logins, commits) == (([2], True) if warm else ([1], False))
    assert nothing_is_left(company)


@pytest.mark.parametrize("place", ["in mid COPY", "at COMMIT"])
def test_a_server_that_is_silent_in_mid_work_is_given_up_when_the_time_is_over(company: Company, place: str) -> None:
    """It is frozen, or the network is gone without a word. The clock of the worker stands still until then."""
    time_left = TimeLeft(lambda: 100.0 if company.wire.faults else 0.0)
    account = replace(company.beside.app, host="127.0.0.1", port=company.wire.port)
    company.intake.postgres = replace(company.beside, database=PostgresDatabase(account.connect, time_left))
    silenced: list[Turn] = []

    def plan(turn: Turn) -> Fault | None:
        if silenced or not (b"d" in turn.kinds if place == "in mid COPY" else turn.commits):
            return None
        silenced.append(turn)
        return Silent()

    with time_left.ends_in(0.6):
        restore(company, plan)
    assert nothing_is_left(company)


def test_a_login_that_is_refused_fetches_the_password_once_more(company: Company) -> None:
    """It was rotated while the connection was warm. The server says so and hangs up, whoever is still talking."""
    fetched: list[int] = []

    account = replace(company.beside.app, host="127.0.0.1", port=company.wire.port)

    def connect() -> Any:
        fetched.append(1)
        return account.connect()

    for refusals, connects in ((1, 2), (9, 2)):
        fetched.clear()
        company.wire.fail(refusing(refusals, "28P01"))
        database = PostgresDatabase(connect)
        if refusals == 1:
            with database.transaction() as transaction:
                assert transaction.run("SELECT 1") == [(1,)]
        else:
            with pytest.raises(WrongPassword), database.transaction():
                pass
        database.close()
        assert len(fetched) == connects
