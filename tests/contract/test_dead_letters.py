"""Work that the queue gave up on: its reason is its run's, and what is brought back is done once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import worker
from chalicelib.errors import DecantError, Unavailable
from chalicelib.load.split_record import Step
from chalicelib.ports import RunState
from chalicelib.work.messages import PartTask, brought_back
from tests.conftest import TestDatabase
from tests.contract.test_loads import DEPARTMENTS, Intake
from tests.contract.test_worker import DownDatabase

RUN = "20261122T022045123456-4f2a9c1b"
LAST_TRY = {"tries": worker._TRIES_OF_RESTORES}


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(postgres, tmp_path)


def die(intake: Intake, body: str) -> None:
    """Let a message be given out as often as the queue does while the database is down; none is taken for done."""
    down: Any = DownDatabase()
    for delivery in range(1, 6):
        with pytest.raises(DecantError):
            worker.handle(replace(intake.services, database=down), body, delivery)


def order(work: str, **message: Any) -> str:
    return json.dumps({"work": work, "run": RUN, **message, **LAST_TRY})


ORDERS: Mapping[str, str] = {
    "backup": order("backup", tables=["departments"]),
    "rebuild": order("rebuild"),
    "part": order("part", step="scan", part=0),
}


@pytest.mark.parametrize("work", ["backup", "rebuild"])
def test_an_order_for_which_a_part_was_down_is_kept_until_it_is_brought_back(intake: Intake, work: str) -> None:
    """Its run ends as failed with the reason; its message is no message of work that was done."""
    die(intake, ORDERS[work])
    failed = intake.the_run()
    assert failed.state is RunState.FAILED
    assert failed.error is not None
    assert failed.error["detail"] == "The database can't be reached."
    worker.handle(intake.services, brought_back(ORDERS[work]))
    run = intake.the_run()
    assert (run.id, run.state, run.error) == (RUN, RunState.SUCCEEDED, None)
    assert run.ended is not None
    assert failed.ended is not None
    assert run.ended > failed.ended


def test_a_file_for_which_the_database_was_down_is_loaded_once_when_it_is_brought_back(intake: Intake) -> None:
    event = {"Records": [intake.put("departments.csv", DEPARTMENTS)]}
    worker.handle(replace(intake.services, database=DownDatabase()), json.dumps(event))
    [(message, _)] = intake.queue.sent
    body = json.dumps({**message, **LAST_TRY})
    die(intake, body)
    assert intake.the_run().state is RunState.FAILED
    again = brought_back(body)
    for delivery in (1, 2):
        worker.handle(intake.services, again, delivery)
        assert (intake.the_run().state, intake.the_run().error) == (RunState.SUCCEEDED, None)
        assert len(intake.postgres.rows("departments")) == 3
    worker.handle(intake.services, brought_back(body))
    assert intake.postgres.query("SELECT state, inserted FROM decant.runs") == [("succeeded", 3)]


def test_what_is_brought_back_too_early_is_a_dead_letter_again(intake: Intake) -> None:
    body = ORDERS["backup"]
    die(intake, body)
    again = brought_back(body)
    down: Any = DownDatabase()
    services = replace(intake.services, database=down)
    worker.handle(services, again)
    states = [intake.the_run().state]
    while True:
        message, _ = intake.queue.sent.pop()
        try:
            worker.handle(services, json.dumps(message))
        except Unavailable:
            break
        states.append(intake.the_run().state)
    assert set(states) == {RunState.WAITING}
    assert len(states) == worker._TRIES
    assert intake.the_run().state is RunState.FAILED
    die(intake, json.dumps(message))
    worker.handle(intake.services, brought_back(json.dumps(message)))
    assert intake.the_run().state is RunState.SUCCEEDED


def test_a_catalogue_that_was_lost_meanwhile_is_no_reason_to_drop_it(intake: Intake) -> None:
    die(intake, ORDERS["backup"])
    intake.catalog.kept_runs.clear()
    worker.handle(intake.services, brought_back(ORDERS["backup"]))
    assert intake.the_run().state is RunState.SUCCEEDED


@pytest.mark.parametrize("work", ["backup", "rebuild"])
def test_what_went_through_is_not_done_again(intake: Intake, work: str) -> None:
    worker.handle(intake.services, ORDERS[work])
    done = intake.the_run()
    worker.handle(intake.services, brought_back(ORDERS[work]))
    assert intake.the_run() == done


def test_an_order_of_a_schedule_is_brought_back_under_its_own_run(intake: Intake) -> None:
    body = json.dumps({"work": "backup", "scheduled": "2026-11-22T02:30:00Z"})
    worker.handle(replace(intake.services, database=DownDatabase()), body)
    [(message, _)] = intake.queue.sent
    die(intake, json.dumps({**message, **LAST_TRY}))
    name = intake.the_run().id
    worker.handle(intake.services, brought_back(body))
    assert (intake.the_run().id, intake.the_run().state) == (name, RunState.SUCCEEDED)


def test_one_that_no_worker_survives_comes_back_with_its_reason(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = brought_back(json.dumps({"Records": [intake.put("departments.csv", DEPARTMENTS)]}))

    def dies(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("chalicelib.load.loader.write", dies)
        for _ in range(2):
            for delivery in range(1, worker._DELIVERIES + 1):
                with pytest.raises(SystemExit):
                    worker.handle(intake.services, body, delivery)
            with pytest.raises(DecantError, match="out of memory"):
                worker.handle(intake.services, body, worker._DELIVERIES + 1)
            run = intake.the_run()
            assert run.error is not None
            assert (run.state, "out of memory" in run.error["detail"]) == (RunState.FAILED, True)
    worker.handle(intake.services, body)
    assert (intake.the_run().state, intake.the_run().error) == (RunState.SUCCEEDED, None)


@pytest.mark.parametrize("body", ["", "[]", "no JSON", '{"work": "dance"}', '{"Records": [{}]}'])
def test_a_message_that_is_none_comes_back_for_the_same_reason(intake: Intake, body: str) -> None:
    def refusal(of: str) -> str:
        with pytest.raises(DecantError) as found:
            worker.handle(intake.services, of)
        return found.value.detail

    assert refusal(brought_back(body)) == refusal(body)


def test_a_run_that_is_done_is_told_so_whatever_its_message_died_of(intake: Intake) -> None:
    """The load committed, and its end could not be told to the catalogue: the ledger counts."""
    event = intake.put("departments.csv", DEPARTMENTS)
    intake.deliver(event)
    done = intake.the_run()
    failed = replace(done, state=RunState.FAILED, error={"code": "unavailable", "detail": "d", "hint": None})
    intake.catalog.kept_runs[done.id] = failed
    worker.handle(intake.services, brought_back(json.dumps({"Records": [event]})))
    assert (intake.the_run().state, intake.the_run().error) == (RunState.SUCCEEDED, None)
    assert len(intake.postgres.rows("departments")) == 3


def test_brought_back_messages_begin_anew_and_say_so() -> None:
    task = PartTask(RUN, Step.SCAN, 3, tries=6)
    again = json.loads(brought_back(json.dumps(task.message())))
    assert again == {"work": "part", "run": RUN, "step": "scan", "part": 3, "redriven": True}
