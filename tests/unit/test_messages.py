"""The messages of the queue."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from chalicelib.backup.ranges import EVERYTHING, KeyRange
from chalicelib.backup.sharing import Part
from chalicelib.errors import BadRequest
from chalicelib.identifiers import is_id
from chalicelib.load.events import Arrival
from chalicelib.load.split_record import Step
from chalicelib.work.messages import (
    BackupPartTask,
    BackupTask,
    DrillTask,
    LoadTask,
    PartTask,
    RebuildTask,
    RestoreTask,
    Task,
    VerifyTask,
    tasks,
)

MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC)
ARRIVAL = Arrival("intake", "incoming/ñ a.csv", "v", "e", "00A", MOMENT)
PART = Part("b", "shelves", 7, KeyRange(("ñ'", "1"), ("z", "2")), "00000003-0000001B-1", "d" * 64)


@pytest.mark.parametrize(
    "task",
    [
        LoadTask(None, ARRIVAL),
        LoadTask("r", ARRIVAL, again=True, since=MOMENT, tries=3),
        PartTask("r", Step.SCAN, 7, tries=1),
        LoadTask("r", ARRIVAL, tries=1, late=2),
        PartTask("r", Step.PUBLISH, since=MOMENT),
        BackupTask("r", ("departments", "jobs"), tries=1),
        RestoreTask("r", ("b",), dry_run=True, tries=2),
        VerifyTask("r", "b", tries=1),
        DrillTask("r"),
        RebuildTask("r"),
        BackupPartTask("r", replace(PART, within=EVERYTHING)),
        BackupPartTask("r", PART, tries=1),
    ],
)
def test_a_task_comes_back_from_its_message(task: Task) -> None:
    assert tasks(json.dumps(task.message())) == [task]
    assert tasks(json.dumps(task.tried().message())) == [task.tried()]
    assert task.tried().tries == task.tries + 1
    assert replace(task.handed_on(), late=task.late) == replace(task, scheduled=False)
    assert task.handed_on().late == task.late + 1


def test_what_a_load_does_not_say_is_unknown() -> None:
    [task] = tasks(json.dumps({"work": "load", "run": "r", "source": {"bucket": "b", "key": "k"}}))
    assert isinstance(task, LoadTask)
    assert (task.arrival.version, task.arrival.etag, task.arrival.order) == (None, "", "")
    assert (task.again, task.since, task.tries) == (False, None, 0)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"work": null}',
        '{"work": "load"}',
        '{"work": "load", "run": "r", "source": {"bucket": "b"}}',
        '{"work": "backup", "run": "r"}',
        '{"work": "backup"}',
        '{"work": "backup", "scheduled": "today"}',
        '{"work": "backup", "scheduled": null}',
        '{"work": "drill"}',
        '{"work": "verify", "run": "r"}',
        '{"work": "rebuild"}',
        '{"work": "backup-part", "run": "r"}',
        '{"work": "backup-part", "run": "r", "part": {"within": null}}',
        '{"work": "backup-part", "run": "r", "part": {"within": {"after": null, "upto": null}}}',
        '{"work": "restore", "run": "r", "backups": null, "dry_run": true}',
        '{"work": "restore", "run": "r", "backups": ["b"], "dry_run": true, "tries": "many"}',
    ],
)
def test_what_is_no_message_of_ours_is_refused_with_the_reason(body: str) -> None:
    with pytest.raises(BadRequest, match="The queue holds a message"):
        tasks(body)


@pytest.mark.parametrize("work", ["backup", "drill"])
def test_the_run_of_a_schedule_follows_from_its_moment(work: str) -> None:
    def run(scheduled: str) -> str:
        [task] = tasks(json.dumps({"work": work, "scheduled": scheduled}))
        assert isinstance(task, BackupTask | DrillTask)
        assert task.scheduled
        assert not task.tried().scheduled
        assert tasks(json.dumps(task.tried().message())) == [task.tried()]
        return task.run

    night = run("2026-11-22T02:00:00Z")
    assert night == run("2026-11-22T03:00:00+01:00")
    assert is_id(night)
    assert night < run("2026-11-22T02:00:01Z")
    [other] = tasks(
        json.dumps({"work": "drill" if work == "backup" else "backup", "scheduled": "2026-11-22T02:00:00Z"})
    )
    assert other.run != night
