"""The messages of the queue."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from chalicelib.errors import BadRequest
from chalicelib.load.events import Arrival
from chalicelib.work.messages import BackupTask, LoadTask, RestoreTask, Task, tasks

MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC)
ARRIVAL = Arrival("intake", "incoming/ñ a.csv", "v", "e", "00A", MOMENT)


@pytest.mark.parametrize(
    "task",
    [
        LoadTask(None, ARRIVAL),
        LoadTask("r", ARRIVAL, again=True, since=MOMENT, tries=3),
        BackupTask("r", ("departments", "jobs"), tries=1),
        RestoreTask("r", ("b",), dry_run=True, tries=2),
    ],
)
def test_a_task_comes_back_from_its_message(task: Task) -> None:
    assert tasks(json.dumps(task.message())) == [task]
    assert tasks(json.dumps(task.tried().message())) == [task.tried()]
    assert task.tried().tries == task.tries + 1


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
        '{"work": "restore", "run": "r", "backups": null, "dry_run": true}',
        '{"work": "restore", "run": "r", "backups": ["b"], "dry_run": true, "tries": "many"}',
    ],
)
def test_what_is_no_message_of_ours_is_refused_with_the_reason(body: str) -> None:
    with pytest.raises(BadRequest, match="The queue holds a message"):
        tasks(body)
