"""Clocks: neither the zone of the host, nor its changes to and from summer time, nor a clock that is off, is seen.

That no code asks for the host's local time is for the linter to see (ruff's DTZ rules).
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib import worker
from chalicelib.backup.retention import YOUNG, Policy, retained
from chalicelib.load.turns import waits_for
from chalicelib.metrics.compute import compute
from chalicelib.metrics.registry import find_metric
from chalicelib.ports import Backup, RunState
from sample_data.workbook import workbook_bytes
from tests.conftest import TestDatabase
from tests.contract.test_loads import DEPARTMENTS, JOBS, Intake

ZONES = ["UTC", "America/New_York", "Pacific/Kiritimati"]
# When New York's clocks go from 02:00 to 03:00, and from 02:00 back to 01:00.
FORWARD, BACK = dt.datetime(2026, 3, 8, 7, tzinfo=dt.UTC), dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone of the host."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(postgres, tmp_path)


@pytest.mark.usefixtures("zone")
def test_a_load_its_metric_its_backup_and_a_restore_tell_the_same_in_any_zone(intake: Intake) -> None:
    """Files come within the hours that New York has twice or lacks, with moments of those hours and of a quarter's end.

    What has no zone is UTC, as text and as a date of a workbook.
    """
    database = intake.postgres
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    hours = b"""1,Ann,2026-11-01T01:30:00-04:00,1,1
2,Bea,2026-11-01T01:30:00-05:00,1,1
3,Cem,2026-03-08T02:30:00,1,1
4,Dan,2026-04-01T03:59:59Z,1,1
5,Eve,2026-03-31T23:59:59.999999Z,1,1
"""
    sheet = workbook_bytes({"s": [[6, "Fay", dt.datetime(2026, 3, 8, 2, 30), 1, 1]]})
    events = [intake.put("hired_employees-1.csv", hours), intake.put("hired_employees-2.xlsx", sheet)]
    for event, moment in zip(events, (FORWARD - HOUR / 2, BACK + HOUR / 2), strict=True):
        event["eventTime"] = moment.isoformat()
        intake.deliver(event)
    told = [[run.id.partition("-")[0], run.counts.inserted] for run in intake.catalog.kept_runs.values()]
    assert told[2:] == [["20260308T063000000000", 5], ["20261101T063000000000", 1]]
    assert all(run.ended and dt.timedelta(0) <= run.ended - run.started < HOUR
               for run in intake.catalog.kept_runs.values() if run.started)  # fmt: skip

    moments = [row[2] for row in database.rows("hired_employees")]
    assert moments[:3] == [BACK - HOUR / 2, BACK + HOUR / 2, dt.datetime(2026, 3, 8, 2, 30, tzinfo=dt.UTC)]
    assert moments[5] == moments[2]
    metric = find_metric(database.dictionary, "hires-by-quarter")
    with database.database.transaction() as transaction:
        [row] = compute(transaction, metric, 2026).rows
    assert [row[f"Q{number}"] for number in range(1, 5)] == [3, 1, 0, 2]

    before = database.rows("hired_employees")
    work(intake, {"work": "backup", "run": "20261101T063000000000-0000000b", "tables": ["hired_employees"]})
    [backup] = intake.catalog.kept_backups.values()
    assert dt.timedelta(0) <= dt.datetime.now(dt.UTC) - backup.created < HOUR / 4
    database.query("WITH moved AS (UPDATE hired_employees SET datetime = datetime + interval '1 hour') SELECT 1")
    order = {"backups": [backup.id], "dry_run": False}
    work(intake, {"work": "restore", "run": "20261101T063000000000-0000000c", **order})
    assert database.rows("hired_employees") == before


def work(intake: Intake, message: dict[str, Any]) -> None:
    worker.handle(intake.services, json.dumps(message))
    run = intake.catalog.kept_runs[message["run"]]
    assert (run.state, run.error) == (RunState.SUCCEEDED, None)


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("change", [FORWARD, BACK])
def test_the_days_of_retention_are_those_of_utc_and_none_is_lost_or_twice_when_clocks_change(
    change: dt.datetime,
) -> None:
    """Every hour for three days around the change; the last of each day stays, in whichever zone it is written."""
    first = change.replace(hour=0) - DAY
    hourly = [first + number * HOUR for number in range(72)]
    for of_backup in (dt.UTC, ZoneInfo("America/New_York")):
        backups = [backup(str(number), each.astimezone(of_backup)) for number, each in enumerate(hourly)]
        kept = retained(backups, Policy(1, daily=3), change + 30 * DAY)
        assert sorted(kept, key=int) == ["23", "47", "71"]


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("change", [FORWARD, BACK])
def test_how_old_something_is_does_not_jump_with_the_clocks_of_the_host(change: dt.datetime) -> None:
    """Neither what is too young to be deleted, nor what arrived lately."""
    old = backup("old", change - YOUNG)
    young = backup("young", change - YOUNG + dt.timedelta(seconds=1))
    newest = backup("newest", change)
    assert set(retained([old, young, newest], Policy(1), change)) == {"young", "newest"}


@pytest.mark.parametrize("ahead", [-DAY, dt.timedelta(0), DAY])
def test_a_backup_of_another_clock_is_never_deleted_for_that_while_it_is_the_newest(ahead: dt.timedelta) -> None:
    """Whose clock is a day behind sees backups of tomorrow, which are young; whose is ahead sees none that is."""
    kept = retained([backup("before", BACK - DAY), backup("newest", BACK)], Policy(1), BACK + ahead)
    assert kept["newest"]
    assert set(kept) == ({"before", "newest"} if ahead < dt.timedelta(0) else {"newest"})


@pytest.mark.parametrize(("off", "waits"), [(-DAY, True), (-HOUR, True), (dt.timedelta(0), True), (DAY, False)])
def test_what_is_on_the_way_is_waited_for_or_not_by_a_clock_that_is_off_and_the_load_ends_well(
    intake: Intake, off: dt.timedelta, waits: bool
) -> None:
    """A clock that is ahead takes it for old; one that is behind waits, though no longer than any file may."""
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    on_the_way = intake.put("departments-2.csv", b"4,Art\n")
    database, table = intake.postgres, intake.postgres.dictionary.table("hired_employees")
    now = dt.datetime.now(dt.UTC) + off
    reason = waits_for(database.database, intake.services.intake, database.dictionary, table, now)
    assert (reason is not None) == waits
    intake.deliver(on_the_way)
    assert waits_for(database.database, intake.services.intake, database.dictionary, table, now) is None


def backup(name: str, created: dt.datetime) -> Backup:
    return Backup(name, "jobs", name, 1, 1, "hash", created, "hash")
