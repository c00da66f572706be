"""A big file on the deployed stack: several Lambdas load its parts, one of them dies, and one message comes twice."""

import json
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from chalicelib.load.split_record import Step
from chalicelib.postgres import PostgresTransaction, close_connection
from chalicelib.work.messages import PartTask
from infra.local.record import Record
from infra.local.stack import Stack
from tests.conftest import connect_url, superuser
from tests.e2e.conftest import Call

FIRST, ROWS = 50_000_000, 60_000
# Bad rows at the end of the file, whose numbers follow from all the parts before, and the row that one repeats.
BAD = ["no number", str(FIRST), str(FIRST + ROWS)]


@pytest.fixture
def owner(stack: Record) -> Iterator[PostgresTransaction]:
    """A session of the database's owner, which leaves the tables as they were."""
    connection = connect_url(stack.database_url)
    session = PostgresTransaction(connection)
    session.run(f"INSERT INTO departments VALUES ({FIRST}, 'Big files')")
    session.run(f"INSERT INTO jobs VALUES ({FIRST}, 'Filler')")
    yield session
    for table in ("hired_employees", "jobs", "departments"):
        session.run(f"DELETE FROM {table} WHERE id >= {FIRST}")
    close_connection(connection)


@pytest.fixture
def admin(local_stack: Stack) -> Iterator[PostgresTransaction]:
    """A session of the server's administrator, who sees what the others wait for."""
    connection = superuser(local_stack.postgres).connect()
    yield PostgresTransaction(connection)
    close_connection(connection)


def content() -> bytes:
    """Some 30 MB of rows: four parts, with a line break in each row."""
    name = f'"Ann\n{"x" * 450}"'
    lines = [f"{FIRST + number},{name},2021-07-27T16:02:08Z,{FIRST},{FIRST}\n" for number in range(ROWS)]
    lines += [f"{key},Ann,2021-07-27T16:02:08Z,{FIRST},{FIRST}\n" for key in BAD]
    return "".join(lines).encode()


def waiting(admin: PostgresTransaction) -> list[int]:
    """The ports of the workers that wait for a table."""
    rows = admin.run("SELECT client_port FROM pg_stat_activity WHERE wait_event = 'relation' AND client_port > 0")
    return [port for (port,) in rows]


def process_of(stack: Stack, port: int) -> psutil.Process:
    """The process of the emulator's that has a connection from a port."""
    emulator = psutil.Process(stack.emulator.pid)
    for process in emulator.children(recursive=True):
        if any(connection.laddr.port == port for connection in process.net_connections()):
            return process
    raise LookupError(port)


def until(met: Any, seconds: float = 60) -> Any:
    """Ask until the answer is not empty."""
    deadline = time.monotonic() + seconds
    while not (answer := met()):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)
    return answer


@pytest.mark.usefixtures("impatient_queue")
def test_several_workers_load_the_parts_of_a_file_and_one_may_die(
    local_stack: Stack, stack: Record, call: Call, owner: PostgresTransaction, admin: PostgresTransaction
) -> None:
    if not local_stack.emulator.runs_workers_at_once:
        pytest.skip(f"{local_stack.emulator.title} runs one worker at a time")
    key = "incoming/hired_employees/big.csv"
    version = stack.client("s3").put_object(Bucket=stack.intake_bucket, Key=key, Body=content())["VersionId"]

    def runs() -> Any:
        listed = call("GET", "/runs?limit=200").json["runs"]
        return [run for run in listed if (run["source"] or {}).get("version") == version]

    until(lambda: owner.run("SELECT run FROM decant.splits"))
    owner.run("BEGIN")
    owner.run("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
    ports = until(lambda: len(found := waiting(admin)) > 1 and found)
    victim = process_of(local_stack, ports[0])
    assert victim.pid != process_of(local_stack, ports[1]).pid
    victim.kill()
    owner.run("COMMIT")
    twice = PartTask(runs()[0]["id"], Step.LOAD, 1).message()
    stack.client("sqs").send_message(QueueUrl=stack.queue_url, MessageBody=json.dumps(twice))

    [run] = until(lambda: [run for run in runs() if run["state"] not in ("queued", "waiting", "running")], 120)
    assert (run["state"], run["read"], run["inserted"], run["rejected"]) == ("succeeded", ROWS + 3, ROWS + 1, 2)
    listed = call("GET", f"/runs/{run['id']}/rejections").json["rejections"]
    assert [(each["row"], each["line"], each["cells"]["id"]) for each in listed] == [
        (ROWS + 1, 2 * ROWS + 1, BAD[0]),
        (ROWS + 2, 2 * ROWS + 2, BAD[1]),
    ]
    assert "row 1 of the source has the same id" in listed[1]["reasons"][0]["message"]
    assert owner.run(f"SELECT count(*) FROM hired_employees WHERE id >= {FIRST}") == [(ROWS + 1,)]
    parts = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^(staged|rejected)_[0-9a-f]{32}$'"
    assert owner.run(f"SELECT (SELECT count(*) FROM decant.splits), ({parts})") == [(0, 0)]
