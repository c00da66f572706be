"""The deployed stack while its parts are really away: what callers are told, and what becomes of their work."""

import json
import time
from collections.abc import Callable, Iterator
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
from tests.e2e.shell import shell

FIRST = 70_000_000


@pytest.fixture
def hasty_queue(stack: Record) -> Iterator[None]:
    """Have the queue give up within seconds on what its worker does not come to an end with."""
    sqs = stack.client("sqs")
    usual = sqs.get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes={"VisibilityTimeout": "2"})
    yield
    sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes=usual)


@pytest.fixture
def owner(stack: Record) -> Iterator[Callable[[], PostgresTransaction]]:
    """Open a session of the database's owner. The tables are left as they were."""
    opened: list[Any] = []

    def connect() -> PostgresTransaction:
        opened.append(connect_url(stack.database_url))
        return PostgresTransaction(opened[-1])

    yield connect
    connect().run(f"DELETE FROM departments WHERE id >= {FIRST}")
    for each in opened:
        close_connection(each)


def drop(stack: Record, name: str, content: bytes) -> str:
    """Drop a file; give the version of it that is loaded."""
    put = stack.client("s3").put_object(
        Bucket=stack.intake_bucket, Key=f"incoming/departments/{name}.csv", Body=content
    )
    return str(put["VersionId"])


def run_of(call: Call, version: str) -> Any:
    listed = call("GET", "/runs?limit=100").json["runs"]
    return next((run for run in listed if (run["source"] or {}).get("version") == version), None)


def until(met: Callable[[], Any], seconds: float = 90) -> Any:
    """Ask until the answer is not empty."""
    deadline = time.monotonic() + seconds
    while not (answer := met()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


def ended(run: Any) -> Any:
    return run if run and RunState(run["state"]).final else None


@pytest.mark.usefixtures("hasty_queue")
def test_work_for_which_the_database_was_away_is_brought_back_by_an_operator(
    local_stack: Stack, stack: Record, call: Call, owner: Callable[[], PostgresTransaction]
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

        def dead() -> Any:
            messages = call("GET", "/dead-letters").json["messages"]
            return [each for each in messages if order in {run["id"] for run in each["runs"]}]

        assert until(lambda: (found := run_of(call, version)) and found["state"] == "waiting")
        [letter] = until(dead)
        [run] = letter["runs"]
        assert (run["kind"], run["state"], run["error"]["code"]) == ("backup", "failed", "unavailable")
        said = shell(local_stack.folder, "make -s dead-letters")
        assert order in said
        assert run["error"]["detail"] in said
    finally:
        local_stack.postgres.__enter__()  # and guard it again
    assert ended(call("GET", f"/runs/{order}").json)
    assert "1 messages are in the work queue again." in shell(local_stack.folder, f"make -s redrive RUN={order}")
    done = until(lambda: (found := call("GET", f"/runs/{order}").json)["state"] == "succeeded" and found)
    assert done["error"] is None
    made = {each["id"] for each in call("GET", "/backups?limit=1000").json["backups"]} - before
    assert made == set(done["result"]["backups"])
    assert len(made) == 1
    assert dead() == []
    loaded = until(lambda: ended(run_of(call, version)))
    assert (loaded["state"], loaded["inserted"]) == ("succeeded", 1)
    assert owner().run(f"SELECT count(*) FROM departments WHERE id >= {FIRST}") == [(1,)]


@pytest.mark.usefixtures("impatient_queue")
def test_an_emulator_that_is_stopped_in_mid_work_goes_on_with_it(
    local_stack: Stack, stack: Record, call: Call, owner: Callable[[], PostgresTransaction]
) -> None:
    """One file is being loaded, one is in the queue: both are in the bucket and the queue again, and go in once."""
    if not local_stack.emulator.keeps_state:
        pytest.skip(f"{local_stack.emulator.title} forgets its buckets and queues when it is stopped")
    locking = owner()
    locking.run("BEGIN")
    locking.run("LOCK TABLE departments IN ACCESS EXCLUSIVE MODE")
    versions = [drop(stack, f"stopped-{number}", f"{FIRST + number},Stopped\n".encode()) for number in (1, 2)]
    assert until(lambda: all(run_of(call, version) for version in versions))
    assert local_stack.emulator.stop()
    local_stack.emulator.__enter__()  # and guard it again
    locking.run("COMMIT")
    for version in versions:
        run = until(lambda version=version: ended(run_of(call, version)))
        assert (run["state"], run["inserted"], run["error"]) == ("succeeded", 1, None)
    assert locking.run(f"SELECT count(*) FROM departments WHERE id > {FIRST}") == [(2,)]
