"""Runs whose messages are lost: nobody comes back to them, so the sweep that follows a schedule's work ends them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import worker
from chalicelib.dictionary.ddl import foreign_key_indexes
from chalicelib.ports import Run, RunKind, RunState, whole
from chalicelib.work.messages import brought_back
from tests.app.conftest import Api
from tests.contract.test_worker import DownDatabase

NOW = dt.datetime.now(dt.UTC)
LONG_AGO, LATELY = NOW - dt.timedelta(days=15), NOW - dt.timedelta(days=13)


def old_id(created: dt.datetime, name: str = "0000000c") -> str:
    return f"{created:%Y%m%dT%H%M%S%f}-{name}"


def lost(api: Api, name: str, created: dt.datetime, state: RunState = RunState.RUNNING, **more: Any) -> Run:
    kept = {"kind": RunKind.LOAD, "created": created, **more}
    run = Run(old_id(created, name), table="jobs", state=state, dictionary="digest", **kept)
    api.services.catalog.put_run(run)
    return run


def shown(api: Api, run: Run) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/runs/{run.id}").json_body
    return found


def scheduled(api: Api, work: str = "backup") -> None:
    worker.handle(api.services, json.dumps({"work": work, "scheduled": dt.datetime.now(dt.UTC).isoformat()}))


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.WAITING, RunState.RUNNING])
def test_a_run_whose_message_can_not_be_there_any_more_fails_and_says_so(filled: Api, state: RunState) -> None:
    run, young = lost(filled, "0000000a", LONG_AGO, state), lost(filled, "0000000b", LATELY, state)
    scheduled(filled)
    told = shown(filled, run)
    assert told["state"] == "failed"
    assert f"was {state.value} for 14 days" in told["error"]["detail"]
    assert shown(filled, young)["state"] == state.value


def test_a_run_that_the_ledger_has_ends_as_that_says(filled: Api) -> None:
    filled.drop("incoming/jobs.csv", b"7,Cook\n")
    filled.work()
    [ended] = [each for each in filled.get("/runs").json_body["runs"] if each["kind"] == "load"]
    run = filled.services.catalog.run(ended["id"])
    assert run is not None
    old = replace(run, id=old_id(LONG_AGO), created=LONG_AGO, started=LONG_AGO)
    filled.services.catalog.put_run(replace(old, state=RunState.RUNNING, counts=type(run.counts)(), ended=None))
    filled.database.query("UPDATE decant.runs SET id = :new WHERE id = :id RETURNING id", new=old.id, id=run.id)
    scheduled(filled)
    again = filled.services.catalog.run(old.id)
    assert again is not None
    assert (again.state, again.counts) == (RunState.SUCCEEDED, run.counts)


def test_a_form_that_nobody_used_is_told_as_such(filled: Api) -> None:
    order = {"filename": "jobs.csv", "table": "jobs"}
    run = filled.services.catalog.run(filled.post("/uploads", order).json_body["run"])
    assert run is not None
    old = replace(run, id=old_id(LONG_AGO), created=LONG_AGO)
    filled.services.catalog.add_run(old)
    scheduled(filled)
    told = shown(filled, old)
    assert (told["state"], told["error"]["code"]) == ("failed", "not-found")
    assert "No file came" in told["error"]["detail"]
    assert shown(filled, run)["state"] == "queued"


def test_what_is_over_long_since_is_measured_neither_as_a_failure_nor_by_its_days(
    filled: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    lost(filled, "0000000a", LONG_AGO, started=LONG_AGO)
    scheduled(filled)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"RunsFailed"' in line]
    assert [(line["kind"], line["RunsFailed"]) for line in lines if line["kind"] != "batch"] == [("backup", [0])]


@pytest.mark.parametrize(("kind", "said"), [(RunKind.LOAD, True), (RunKind.RESTORE, True), (RunKind.BACKUP, False)])
def test_that_nothing_was_done_is_told_of_what_is_done_as_a_whole_only(filled: Api, kind: RunKind, said: bool) -> None:
    run = lost(filled, "0000000a", LONG_AGO, kind=kind)
    scheduled(filled)
    assert ("Nothing of it was done" in shown(filled, run)["error"]["hint"]) is said


@pytest.mark.parametrize("moment", ["started", "reopened"])
def test_a_run_that_was_taken_up_since_is_not_over(filled: Api, moment: str) -> None:
    run = lost(filled, "0000000a", LONG_AGO, RunState.WAITING, **{moment: LATELY})
    long = lost(filled, "0000000b", LONG_AGO, RunState.WAITING, **{moment: LONG_AGO})
    scheduled(filled)
    assert [shown(filled, each)["state"] for each in (run, long)] == ["waiting", "failed"]


def test_what_is_brought_back_on_its_last_day_is_not_over_the_day_after(filled: Api) -> None:
    run = lost(filled, "0000000a", LONG_AGO, RunState.FAILED, kind=RunKind.BACKUP, ended=LONG_AGO)
    message = {"work": "backup", "run": run.id, "tables": ["jobs"]}
    down: Any = DownDatabase()
    worker.handle(replace(filled.services, database=down), brought_back(json.dumps(message)))
    scheduled(filled)
    assert shown(filled, run)["state"] == "waiting"


def test_of_the_runs_only_those_are_read_that_may_have_to_be_ended(
    filled: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = [dt.timedelta(days=days) for days in (1, 15, 61, 62)]
    for number, age in enumerate(ages):
        lost(filled, f"0000000{number}", NOW - age)
    read: list[Run] = []

    def noted(*arguments: Any, **named: Any) -> Iterator[Run]:
        for run in whole(*arguments, **named):
            read.append(run)
            yield run

    monkeypatch.setattr("chalicelib.work.sweeping.whole", noted)
    scheduled(filled)
    assert [run.id[-8:] for run in read] == ["00000001", "00000002"]


def test_a_load_in_parts_that_nobody_goes_on_with_ends_though_no_other_big_file_comes(filled: Api) -> None:
    filled.services = replace(filled.services, settings=replace(filled.services.settings, split_above_bytes=10))
    filled.drop("incoming/jobs.csv", b"7,Cook\n8,Baker\n9,Smith\n")
    [message] = filled.messages()
    worker.handle(filled.services, json.dumps(message))
    filled.messages()  # and so the words for its parts are lost
    [(run,)] = filled.database.query("UPDATE decant.splits SET touched = touched - interval '25 hours' RETURNING run")
    scheduled(filled)
    assert filled.get(f"/runs/{run}").json_body["state"] == "failed"
    assert filled.database.query("SELECT count(*) FROM decant.splits") == [(0,)]


def test_indexes_that_no_worker_came_back_to_make_are_made(filled: Api) -> None:
    there = "SELECT indexdef FROM pg_indexes WHERE tablename = 'hired_employees' ORDER BY 1"
    before = filled.database.query(there)
    with filled.database.as_owner() as owner:
        for index in foreign_key_indexes(filled.database.dictionary.table("hired_employees")):
            owner.execute_simple(f'DROP INDEX "{index}"')
    assert filled.database.query(there) != before
    scheduled(filled)
    assert filled.database.query(there) == before


def test_a_catalogue_that_fails_in_the_sweep_costs_no_scheduled_backup(
    filled: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(filled, "0000000a", LONG_AGO)

    def down(*_: object) -> None:
        from chalicelib.errors import Unavailable

        raise Unavailable("The ledger is busy.")

    monkeypatch.setattr("chalicelib.work.sweeping.recorded", down)
    scheduled(filled)
    [run] = [each for each in filled.get("/runs").json_body["runs"] if each["kind"] == "backup"]
    assert run["state"] == "succeeded"
