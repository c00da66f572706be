"""Runs whose messages are lost: nobody comes back to them, so the sweep that follows a schedule's work ends them."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import worker
from chalicelib.ports import Run, RunKind, RunState
from tests.app.conftest import Api

NOW = dt.datetime.now(dt.UTC)
LONG_AGO, LATELY = NOW - dt.timedelta(days=15), NOW - dt.timedelta(days=13)


def lost(api: Api, name: str, created: dt.datetime, state: RunState = RunState.RUNNING, **more: Any) -> Run:
    run = Run(f"20261101T000000000000-{name}", RunKind.LOAD, "jobs", state, "digest", created=created, **more)
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
    unended = replace(run, state=RunState.RUNNING, created=LONG_AGO, counts=type(run.counts)())
    filled.services.catalog._save(_item(filled, unended), None)  # type: ignore[attr-defined]
    scheduled(filled)
    again = filled.services.catalog.run(run.id)
    assert again is not None
    assert (again.state, again.counts) == (RunState.SUCCEEDED, run.counts)


def _item(api: Api, run: Run) -> Any:
    from chalicelib.catalog import _run_item

    catalog: Any = api.services.catalog
    return _run_item(catalog._item, run)


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
