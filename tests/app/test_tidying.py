"""The function that may delete backups, as its schedule calls it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import Unavailable
from chalicelib.identifiers import new_id
from chalicelib.ports import RunState
from chalicelib.telemetry.invocation import FunctionFailed
from chalicelib.wiring import use
from tests.app.conftest import Api
from tests.contract.backup_support import take
from tests.fakes import FakeAuditLog

EVENT = {"time": "2026-11-22T02:00:00Z", "detail-type": "Scheduled Event"}


@pytest.fixture
def keeping_one(filled: Api) -> Any:
    settings = replace(filled.services.settings, keep_last=1, keep_daily=0, keep_weekly=0, keep_monthly=0)
    filled.services = replace(filled.services, settings=settings)
    with use(filled.services):
        yield filled


def tidied(api: Api, event: dict[str, Any] | None = None) -> Any:
    return api.client.lambda_.invoke("retention", event or {}).payload


def backups(api: Api, *days_ago: int) -> list[str]:
    made = []
    for days in days_ago:
        now = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        [backup] = take(api.database, api.services.backups, api.services.catalog, "jobs", now=now)
        made.append(backup.id)
    return made


def figures(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, float]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if f'"{name}"' in line]
    return {line["table"]: line[name][0] if isinstance(line[name], list) else line[name] for line in lines}


def test_old_backups_go_and_a_run_tells_which(keeping_one: Api) -> None:
    oldest, newest = backups(keeping_one, 9, 2)
    told = tidied(keeping_one, EVENT)
    assert (told["kept"], told["deleted"], told["deleted_backups"]) == (1, 1, [oldest])
    assert [each["id"] for each in keeping_one.get("/backups").json_body["backups"]] == [newest]
    [run] = [each for each in keeping_one.get("/runs").json_body["runs"] if each["kind"] == "retention"]
    assert (run["state"], run["result"], run["id"][:16]) == ("succeeded", told, "20261122T0200000")
    assert keeping_one.get(f"/runs/{run['id']}").status_code == 200


def test_a_pass_anchors_the_audit_log_once_a_day(keeping_one: Api) -> None:
    backups(keeping_one, 2)
    tidied(keeping_one)
    tidied(keeping_one)
    [anchored] = keeping_one.services.backups.list("audit/")
    with keeping_one.services.backups.open(anchored.key) as stream:
        assert list(json.load(stream)["heads"]) == list(keeping_one.services.audit.heads())


def test_what_a_pass_did_is_told_though_the_audit_log_is_down(
    keeping_one: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    oldest, _ = backups(keeping_one, 9, 2)
    keeping_one.services = replace(keeping_one.services, audit=FakeAuditLog(down=True))
    with use(keeping_one.services), pytest.raises(FunctionFailed):
        tidied(keeping_one)
    [run] = [each for each in keeping_one.get("/runs").json_body["runs"] if each["kind"] == "retention"]
    assert (run["state"], run["result"]["deleted_backups"]) == ("succeeded", [oldest])
    assert "jobs" in figures(capsys, "BackupAgeSeconds")


def test_a_pass_that_changes_nothing_leaves_no_run(keeping_one: Api) -> None:
    backups(keeping_one, 2)
    assert tidied(keeping_one)["deleted"] == 0
    assert keeping_one.get("/runs").json_body["runs"] == []


def test_the_age_of_the_newest_backup_of_each_table_is_measured(
    keeping_one: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    backups(keeping_one, 9, 2)
    tidied(keeping_one)
    ages = figures(capsys, "BackupAgeSeconds")
    assert set(ages) == {"departments", "jobs", "hired_employees"}
    assert 2 * 86400 <= ages["jobs"] < 2 * 86400 + 60
    assert ages["departments"] == 3650 * 86400, "never backed up is older than any threshold"


def test_work_that_is_ordered_keeps_its_backups_and_releases_them_when_it_has_ended(keeping_one: Api) -> None:
    oldest, older, _ = backups(keeping_one, 9, 8, 2)
    keeping_one.post("/tables/jobs/restores", {"backup": older, "dry_run": True})
    assert tidied(keeping_one)["deleted_backups"] == [oldest]
    keeping_one.work()
    assert tidied(keeping_one)["deleted_backups"] == [older]


@pytest.mark.parametrize(("days", "reopened", "kept"), [(13, None, True), (15, None, False), (20, 3, True)])
def test_work_keeps_its_backups_for_as_long_as_its_message_may_come_also_one_that_was_brought_back(
    keeping_one: Api, days: int, reopened: int | None, kept: bool
) -> None:
    older, _ = backups(keeping_one, 8, 2)
    run_id = keeping_one.post("/tables/jobs/restores", {"backup": older, "dry_run": True}).json_body["id"]
    run = keeping_one.services.catalog.run(run_id)
    assert run is not None
    now = dt.datetime.now(dt.UTC)
    created = now - dt.timedelta(days=days)
    brought_back = None if reopened is None else now - dt.timedelta(days=reopened)
    keeping_one.services.catalog.put_run(replace(run, state=RunState.FAILED))
    keeping_one.services.catalog.put_run(replace(run, id=new_id(created), created=created, reopened=brought_back))
    assert tidied(keeping_one)["deleted_backups"] == ([] if kept else [older])


def test_a_pass_that_fails_is_told_and_raised(keeping_one: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise Unavailable("The bucket is busy.")

    monkeypatch.setattr(type(keeping_one.services.backups), "list", down)
    with pytest.raises(FunctionFailed):
        tidied(keeping_one)
    [run] = [each for each in keeping_one.get("/runs").json_body["runs"] if each["kind"] == "retention"]
    assert (run["state"], run["error"]["detail"]) == ("failed", "The bucket is busy.")
