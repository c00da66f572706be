"""The deployed stack while its parts are really away: what callers are told, and what becomes of their work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from chalicelib.identifiers import new_id
from chalicelib.ports import RunState
from chalicelib.postgres import PostgresTransaction, close_connection
from chalicelib.work.reporting import now
from infra.local.record import Record
from infra.local.stack import Stack
from tests.conftest import connect_url
from tests.e2e.conftest import Call
from tests.e2e.settling import runs_since, settle
from tests.e2e.shell import shell

FIRST = 70_000_000


@pytest.fixture
def begun(stack: Record, call: Call) -> Iterator[str]:
    """An id of before all runs of the test. What it dropped and ordered ends before its rows are deleted."""
    mark = new_id(now())
    yield mark
    try:
        settle(call, mark)
    finally:
        connection = connect_url(stack.database_url)
        connection.execute_simple(f"DELETE FROM departments WHERE id >= {FIRST}")
        close_connection(connection)


@pytest.fixture
def hasty_queue(stack: Record, begun: str) -> Iterator[None]:  # noqa: ARG001 - to be as usual while work settles
    """Have the queue give up soon on what its worker does not come to an end with."""
    sqs, names = stack.client("sqs"), ["VisibilityTimeout", "RedrivePolicy"]
    usual = sqs.get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=names)["Attributes"]
    policy = json.dumps({**json.loads(usual["RedrivePolicy"]), "maxReceiveCount": 2})
    hasty = {"VisibilityTimeout": "5", "RedrivePolicy": policy}
    sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes=hasty)
    yield
    sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes=usual)
    sqs.purge_queue(QueueUrl=stack.dead_letter_queue_url)


def drop(stack: Record, name: str, content: bytes) -> str:
    """Drop a file; give the version of it that is loaded."""
    put = stack.client("s3").put_object(
        Bucket=stack.intake_bucket, Key=f"incoming/departments/{name}.csv", Body=content
    )
    return str(put["VersionId"])


def until(met: Callable[[], Any]) -> Any:
    """Ask until the answer is not empty, two minutes at most."""
    deadline = time.monotonic() + 120
    while not (answer := met()):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    return answer


def run_of(call: Call, begun: str, version: str, *states: RunState) -> Any:
    """The run that loads a file, once it is in one of these states."""
    found = (run for run in runs_since(call, begun) if (run["source"] or {}).get("version") == version)
    return next((run for run in found if run["state"] in states), None)


def dead(call: Call, order: str) -> list[Any]:
    messages = call("GET", "/dead-letters").json["messages"]
    return [each for each in messages if order in {run["id"] for run in each["runs"]}]


def hidden(stack: Record) -> int:
    """How many dead letters somebody has taken, and neither deleted nor let go of: for a minute none is told."""
    name = "ApproximateNumberOfMessagesNotVisible"
    told = stack.client("sqs").get_queue_attributes(QueueUrl=stack.dead_letter_queue_url, AttributeNames=[name])
    return int(told["Attributes"][name])


def loaded(stack: Record) -> int:
    connection = connect_url(stack.database_url)
    [(count,)] = PostgresTransaction(connection).run(f"SELECT count(*) FROM departments WHERE id >= {FIRST}")
    close_connection(connection)
    return int(count)


@pytest.mark.usefixtures("hasty_queue")
def test_work_for_which_the_database_was_away_is_brought_back_by_an_operator(
    local_stack: Stack, stack: Record, call: Call, begun: str
) -> None:
    """An order at its last try dies; a file that is dropped meanwhile waits, and goes in by itself."""
    order = new_id(now())
    before = {each["id"] for each in call("GET", "/backups?limit=1000").json["backups"]}
    local_stack.postgres.stop()
    try:
        answer = call("GET", "/tables/departments/rows?limit=1")
        assert (answer.status, answer.json["type"]) == (503, "urn:decant:problem:unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        health = call("GET", "/health")
        assert (health.status, health.json["database"], health.json["queue"]) == (503, "down", "ok")
        version = drop(stack, "while-away", f"{FIRST},Away\n".encode())
        message = {"work": "backup", "run": order, "tables": ["departments"], "tries": 6}
        stack.client("sqs").send_message(QueueUrl=stack.queue_url, MessageBody=json.dumps(message))
        until(partial(run_of, call, begun, version, RunState.WAITING))
        [letter] = until(partial(dead, call, order))
        [run] = letter["runs"]
        assert (run["kind"], run["state"], run["error"]["code"]) == ("backup", "failed", "unavailable")
        said = shell(local_stack.folder, "make -s dead-letters")
        assert order in said
        assert run["error"]["detail"] in said
    finally:
        local_stack.postgres.__enter__()  # and guard it again
    assert "1 messages are in the work queue again." in shell(local_stack.folder, f"make -s redrive RUN={order}")
    done = until(lambda: (found := call("GET", f"/runs/{order}").json)["state"] == "succeeded" and found)
    assert done["error"] is None
    made = {each["id"] for each in call("GET", "/backups?limit=1000").json["backups"]} - before
    assert made == set(done["result"]["backups"])
    assert len(made) == 1
    assert (hidden(stack), dead(call, order)) == (0, [])
    run = until(partial(run_of, call, begun, version, *(state for state in RunState if state.final)))
    assert (run["state"], run["inserted"]) == ("succeeded", 1)
    assert loaded(stack) == 1


@pytest.fixture
def locked_table(stack: Record, begun: str) -> Iterator[Callable[[], None]]:  # noqa: ARG001 - free before work settles
    """Keep loads out of the departments until told, or until the test ends."""
    connection = connect_url(stack.database_url)
    connection.execute_simple("BEGIN; LOCK TABLE departments IN ACCESS EXCLUSIVE MODE")
    yield lambda: connection.execute_simple("COMMIT")
    close_connection(connection)


@pytest.mark.usefixtures("impatient_queue")
def test_an_emulator_that_is_stopped_in_mid_work_goes_on_with_it(
    local_stack: Stack, stack: Record, call: Call, begun: str, locked_table: Callable[[], None]
) -> None:
    """One file is being loaded, one is in the queue: both are in the bucket and the queue again, and go in once."""
    if not local_stack.emulator.keeps_state:
        pytest.skip(f"{local_stack.emulator.title} forgets its buckets and queues when it is stopped")
    versions = [drop(stack, f"stopped-{number}", f"{FIRST + number},Stopped\n".encode()) for number in (1, 2)]
    until(partial(run_of, call, begun, versions[0], *RunState))
    try:
        orderly = local_stack.emulator.stop()
    finally:
        local_stack.emulator.__enter__()  # and guard it again
    assert orderly
    locked_table()
    for version in versions:
        run = until(partial(run_of, call, begun, version, *(state for state in RunState if state.final)))
        assert (run["state"], run["inserted"], run["error"]) == ("succeeded", 1, None)
    assert loaded(stack) == 2
