"""The worker when parts are down, when it dies, and when messages are odd: bounded, truthful, and converging."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import worker
from chalicelib.errors import BadRequest, DecantError, Unavailable
from chalicelib.ports import Run, RunKind, RunState, Source, StoredObject
from chalicelib.storage import FolderStorage
from chalicelib.work.messages import RestoreTask
from chalicelib.work.reporting import Progress, fail
from tests.conftest import TestDatabase
from tests.contract.test_catalog import BACKUP
from tests.contract.test_loads import DEPARTMENTS, JOBS, Intake
from tests.fakes import FakeCatalog


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(postgres, tmp_path)


@dataclass
class Failing(FakeCatalog):
    """A catalogue of which one call fails, counted from 1; 0: none, -1: all."""

    call: int = 0
    calls: int = 0
    error: type[DecantError] = Unavailable

    def _count(self) -> None:
        self.calls += 1
        if self.call in (-1, self.calls):
            raise self.error("The catalogue is out of reach.")

    def put_run(self, run: Run) -> None:
        self._count()
        super().put_run(run)

    def run(self, run_id: str) -> Run | None:
        self._count()
        return super().run(run_id)


class DownDatabase:
    """A database that is down."""

    def transaction(self, *, snapshot: bool = False) -> Any:  # noqa: ARG002
        raise Unavailable("The database can't be reached.")


class Versioned(FolderStorage):
    """A folder whose objects have the version that was last put."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.version = "v1"

    def head(self, key: str, version: str | None = None) -> StoredObject:
        return replace(super().head(key), version=version or self.version)

    def open(self, key: str, version: str | None = None, *, first: int = 0, last: int | None = None) -> Any:  # noqa: ARG002
        return super().open(key, first=first, last=last)


def test_a_catalogue_that_fails_at_any_call_delays_a_load_and_nothing_more(intake: Intake) -> None:
    call = 0
    while True:
        call += 1
        catalog = intake.catalog = Failing(call=call)
        run_ = intake.put(f"departments-{call}.csv", b"%d,Sales\n,Nobody\n" % call)
        intake.deliver(run_)
        intake.deliver_all()
        run = intake.the_run()
        assert (run.state, run.counts.inserted, run.counts.rejected) == (RunState.SUCCEEDED, 1, 1)
        if catalog.calls < call:
            break
    assert call > 3
    assert intake.postgres.query("SELECT count(*), sum(inserted) FROM decant.runs") == [(call, call)]


def test_a_database_that_stays_down_ends_in_a_failed_run_and_a_message_that_is_kept(intake: Intake) -> None:
    down: Any = DownDatabase()
    services = replace(intake.services, database=down)
    worker.handle(services, json.dumps({"Records": [intake.put("departments.csv", DEPARTMENTS)]}))
    delays = []
    while True:
        assert intake.the_run().state is RunState.WAITING
        assert "The database can't be reached." in intake.the_run().phase
        message, delay = intake.queue.sent.pop()
        delays.append(delay)
        if len(delays) == worker._TRIES:
            break
        worker.handle(services, json.dumps(message))
    with pytest.raises(Unavailable):
        worker.handle(services, json.dumps(message))
    assert delays == sorted(delays)
    assert intake.queue.sent == []
    run = intake.the_run()
    assert run.error is not None
    assert (run.state, run.error["code"]) == (RunState.FAILED, "unavailable")
    worker.handle(intake.services, json.dumps(message))  # from the dead-letter queue, once the database is back
    assert intake.the_run().state is RunState.SUCCEEDED
    assert intake.the_run().error is None


def test_a_run_is_not_called_failed_when_the_ledger_has_it(intake: Intake) -> None:
    event = intake.put("departments.csv", DEPARTMENTS)
    intake.catalog = Failing(call=-1)
    intake.deliver(event)
    [(message, _)] = intake.queue.sent
    ledgerless = Failing()
    intake.catalog = ledgerless
    intake.deliver(event)
    ledgerless.kept_runs = {key: replace(run, state=RunState.RUNNING) for key, run in ledgerless.kept_runs.items()}
    ledgerless.call = ledgerless.calls + 3  # the run's end, on the last try
    with pytest.raises(Unavailable):
        worker.handle(intake.services, json.dumps({**message, "tries": worker._TRIES}))
    assert (intake.the_run().state, intake.the_run().counts.inserted) == (RunState.SUCCEEDED, 3)


def test_work_that_no_worker_survives_is_failed_and_goes_to_the_dead_letters(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"Records": [intake.put("departments.csv", DEPARTMENTS)]})

    def dies(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("chalicelib.load.loader.write", lambda *_args, **_named: dies())
        for delivery in range(1, worker._DELIVERIES + 1):
            with pytest.raises(SystemExit):
                worker.handle(intake.services, body, delivery)
            assert intake.the_run().state is RunState.RUNNING
    with pytest.raises(DecantError, match="out of memory"):
        worker.handle(intake.services, body, worker._DELIVERIES + 1)
    run = intake.the_run()
    assert run.error is not None
    assert run.state is RunState.FAILED
    assert "out of memory" in run.error["detail"]
    assert intake.postgres.rows("departments") == []


def test_a_defect_fails_the_run_keeps_the_message_and_spares_the_next_record(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform = worker._perform

    def defective(services: Any, task: Any) -> None:
        if "departments" in task.arrival.key:
            raise ZeroDivisionError
        perform(services, task)

    monkeypatch.setattr(worker, "_perform", defective)
    with pytest.raises(ZeroDivisionError):
        intake.deliver(intake.put("departments.csv", DEPARTMENTS), intake.put("jobs.csv", JOBS))
    assert sorted(run.state for run in intake.catalog.kept_runs.values()) == [RunState.FAILED, RunState.SUCCEEDED]
    assert len(intake.postgres.rows("jobs")) == 2


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"work": "dance"}', '{"Event": "other"}', '{"Records": [{}]}'])
def test_a_message_that_is_none_is_raised_with_the_reason(intake: Intake, body: str) -> None:
    with pytest.raises(BadRequest, match="The queue holds"):
        worker.handle(intake.services, body)


def test_an_object_that_can_not_be_looked_at_fails_its_run_with_the_reason(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = intake.put("departments.csv", DEPARTMENTS)

    def denied(*_: object) -> StoredObject:
        raise DecantError("S3 denied access.", hint="Grant it.")

    monkeypatch.setattr(FolderStorage, "head", denied)
    intake.deliver(event)
    assert intake.the_run().state is RunState.FAILED
    assert intake.the_run().error == {"code": "internal-error", "detail": "S3 denied access.", "hint": "Grant it."}


def test_an_upload_has_the_run_it_was_promised_once_and_another_the_second_time(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Versioned(intake.folder)
    services = replace(intake.services, intake=storage)  # type: ignore[arg-type]
    source = Source(storage.name, "incoming/departments/u/a.csv")
    intake.catalog.add_run(Run("promised", RunKind.LOAD, "departments", RunState.QUEUED, "", source=source))

    def deliver(version: str, content: bytes) -> Callable[[], None]:
        storage.version = version
        event = intake.put("departments/u/a.csv", content, run="promised")
        event["s3"]["object"]["versionId"] = version
        return lambda: worker.handle(services, json.dumps({"Records": [event]}))

    first = deliver("v1", DEPARTMENTS)
    first()
    first()
    assert list(intake.catalog.kept_runs) == ["promised"]
    second = deliver("v2", b"9,Research\n")
    second()
    second()
    assert len(intake.catalog.kept_runs) == 2
    assert len(intake.postgres.rows("departments")) == 4
    monkeypatch.setitem(
        intake.catalog.kept_runs, "promised", replace(intake.catalog.kept_runs["promised"], state=RunState.RUNNING)
    )
    deliver("v3", b"10,Care\n")()  # while the first is at work
    assert len(intake.postgres.rows("departments")) == 5


def test_a_form_that_is_sent_twice_at_once_has_both_versions_loaded(intake: Intake) -> None:
    storage = Versioned(intake.folder)
    services = replace(intake.services, intake=storage)  # type: ignore[arg-type]
    key = "incoming/departments/u/a.csv"
    promised = Run("promised", RunKind.LOAD, "departments", RunState.QUEUED, "", source=Source(storage.name, key))
    for storage.version, content in (("v1", DEPARTMENTS), ("v2", b"9,Research\n")):
        intake.catalog.kept_runs["promised"] = promised  # as both workers find it
        event = intake.put("departments/u/a.csv", content, run="promised")
        event["s3"]["object"]["versionId"] = storage.version
        worker.handle(services, json.dumps({"Records": [event]}))
    assert len(intake.postgres.rows("departments")) == 4
    told = {(run.source.version, run.state) for run in intake.catalog.kept_runs.values() if run.source is not None}
    assert told == {("v1", RunState.SUCCEEDED), ("v2", RunState.SUCCEEDED)}
    assert intake.catalog.kept_runs["promised"].source == Source(storage.name, key, "v1")


def test_a_failure_of_work_that_the_catalogue_does_not_know_is_shown(intake: Intake) -> None:
    fail(intake.services, RestoreTask("r", ("b",), dry_run=False), DecantError("No."))
    assert (intake.the_run().kind, intake.the_run().state) == (RunKind.RESTORE, RunState.FAILED)


@pytest.mark.parametrize("error", [Unavailable, DecantError])
def test_progress_that_can_not_be_told_is_left_alone_for_a_while(intake: Intake, error: type[DecantError]) -> None:
    catalog = intake.catalog = Failing(call=-1, error=error)
    moments = iter([0.0, 1.5, 1.5, 3.0, 60.0, 62.0, 62.0])
    started = dt.datetime.now(dt.UTC)
    run = Run("r", RunKind.LOAD, "departments", RunState.RUNNING, "", started=started)
    progress = Progress(intake.services, run, lambda: next(moments))
    for rows in range(4):
        progress.tell("validating", rows)
    assert catalog.calls == 2


def test_a_second_try_of_a_backup_is_another_snapshot(intake: Intake) -> None:
    intake.drop("departments.csv", DEPARTMENTS)
    catalog = intake.catalog = Failing(call=3)  # the run's progress is told by the second and the last
    body = json.dumps({"work": "backup", "run": "b", "tables": ["departments", "jobs"]})
    worker.handle(intake.services, body)
    catalog.call = 0
    catalog.kept_runs.clear()
    worker.handle(intake.services, body)
    snapshots = [backup.snapshot for backup in catalog.kept_backups.values()]
    assert len(snapshots) == 4
    assert {snapshots.count(each) for each in snapshots} == {2}


@pytest.mark.parametrize("hours", [-25, -1, 1, 25])
def test_a_clock_that_is_wrong_or_put_forward_neither_fails_a_file_that_waits_nor_keeps_it(
    intake: Intake, hours: int
) -> None:
    """The worker that let it wait had another clock than the one that looks next."""
    intake.parent_wait = 48 * 3600
    intake.deliver(intake.put("hired_employees.csv", b"1,Ann Lee,2021-01-01T00:00:00Z,1,2\n"))
    message, _ = intake.queue.sent.pop()
    message["since"] = (dt.datetime.fromisoformat(message["since"]) + dt.timedelta(hours=hours)).isoformat()
    worker.handle(intake.services, json.dumps(message))
    [(message, delay)] = intake.queue.sent
    assert 2 <= delay <= 45
    assert intake.the_run().state is RunState.WAITING
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    intake.deliver_all()
    assert [run.state for run in intake.catalog.kept_runs.values()] == [RunState.SUCCEEDED] * 3


def test_a_restore_waits_for_longer_than_a_load_may_hold_its_table(intake: Intake) -> None:
    down: Any = DownDatabase()
    services = replace(intake.services, database=down)
    catalog = intake.catalog
    catalog.put_backup(BACKUP)
    message = RestoreTask("20261122T022045123456-4f2a9c1b", (BACKUP.id,), dry_run=False).message()
    waited = 0
    while True:
        try:
            worker.handle(services, json.dumps(message))
        except Unavailable:
            break
        message, delay = intake.queue.sent.pop()
        waited += delay
    assert waited > 15 * 60
    assert intake.the_run().state is RunState.FAILED
