"""Backups by schedule, drills and retention on the deployed stack, with the roles of its functions enforced."""

import datetime as dt
import io
import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import fastavro
import pytest

from chalicelib.backup.manifest import file_key, part_manifest_key
from chalicelib.backup.sharing import Part
from chalicelib.backup.verification import verify
from chalicelib.dictionary.package import load_dictionary
from chalicelib.identifiers import new_id
from chalicelib.postgres import PostgresDatabase
from chalicelib.queue import SqsQueue
from chalicelib.settings import PACKAGED_DICTIONARY
from chalicelib.storage import S3Storage
from chalicelib.work.messages import BackupPartTask
from infra.local.record import Record
from tests.conftest import connect_url
from tests.contract.backup_support import back_up_at
from tests.e2e.conftest import Call
from tests.fakes import FakeCatalog

WAIT = {"Prefer": "wait=20"}


def runs(call: Call, kind: str) -> list[dict[str, Any]]:
    return [run for run in call("GET", "/runs?limit=1000").json["runs"] if run["kind"] == kind]


def test_what_a_schedule_sends_makes_one_backup_however_often_it_is_sent(stack: Record, call: Call) -> None:
    """The rule's own target, behind a rule that takes an event: a schedule would fire in a minute at the soonest."""
    events = stack.client("events")
    [rule] = [each["Name"] for each in events.list_rules()["Rules"] if "BackupRule" in each["Name"]]
    targets = events.list_targets_by_rule(Rule=rule)["Targets"]
    before = {run["id"] for run in runs(call, "backup")}
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0)
    event = {"Source": "decant.test", "DetailType": "test", "Detail": "{}", "Time": moment}
    events.put_rule(Name="as-scheduled", EventPattern=json.dumps({"source": ["decant.test"]}))
    try:
        events.put_targets(Rule="as-scheduled", Targets=targets)
        events.put_events(Entries=[event, event])
    finally:
        events.remove_targets(Rule="as-scheduled", Ids=[target["Id"] for target in targets])
        events.delete_rule(Name="as-scheduled")
    name = f"{moment:%Y%m%dT%H%M%S}000000-"
    run = _ended(call, lambda run: run["kind"] == "backup" and run["id"].startswith(name))
    assert run["state"] == "succeeded"
    time.sleep(1)  # for the second message, were it taken for another order
    assert {each["id"] for each in runs(call, "backup")} == before | {run["id"]}
    listed = [each for each in call("GET", "/backups?limit=1000").json["backups"] if each["created"] >= run["started"]]
    assert {each["id"] for each in listed} == set(run["result"]["backups"])
    assert len(listed) == 3


def test_a_drill_restores_the_newest_snapshot_for_practice(call: Call) -> None:
    made = call("POST", "/backups", **WAIT).json
    run = call("POST", "/drills", **WAIT)
    assert run.status == 200
    assert (run.json["kind"], run.json["state"], run.json["error"]) == ("drill", "succeeded", None)
    assert run.json["result"]["snapshot"] == made["result"]["snapshot"]
    for backup in made["result"]["backups"]:
        assert call("GET", f"/backups/{backup}").json["verified"] == run.json["started"]


@pytest.fixture
def database(stack: Record) -> Iterator[PostgresDatabase]:
    found = PostgresDatabase(lambda: connect_url(stack.app_database_url))
    yield found
    found.close()


def test_retention_deletes_what_it_should_and_pins_and_versions_stay(
    stack: Record, call: Call, database: PostgresDatabase
) -> None:
    """Nine backups of one old day: seven are the most that stay as the newest, the last of the day stays for it."""
    bucket, dictionary = S3Storage(stack.client("s3"), stack.backup_bucket), load_dictionary(PACKAGED_DICTIONARY)
    day = dt.datetime.now(dt.UTC).replace(hour=1, minute=0) - dt.timedelta(days=40)
    moments = [day + dt.timedelta(minutes=number) for number in range(9)]
    old = [back_up_at(database, bucket, FakeCatalog(), dictionary, ["jobs"], moment)[0] for moment in moments]
    assert call("POST", "/backups/rebuild", **WAIT).json["state"] == "succeeded"
    assert call("POST", f"/backups/{old[0].id}/pin").json["pinned"] is True
    version = bucket.head(file_key("jobs", old[1].id)).version
    answer = stack.client("lambda").invoke(FunctionName=stack.retention_function, Payload=b"{}")
    told = json.load(answer["Payload"])
    assert "FunctionError" not in answer, told
    assert old[1].id in told["deleted_backups"]
    assert not {old[0].id, old[-1].id} & set(told["deleted_backups"])
    assert call("GET", f"/backups/{old[1].id}").status == 404
    assert call("GET", f"/backups/{old[0].id}").json["pinned"] is True
    assert bucket.head(file_key("jobs", old[1].id), version).size == old[1].bytes
    [run, *_] = runs(call, "retention")
    assert (run["state"], run["result"]) == ("succeeded", told)


@pytest.fixture
def many_jobs(database: PostgresDatabase) -> Iterator[range]:
    """Enough jobs for several parts, under ids of their own, and a department."""
    ids = range(10**8, 10**8 + 12_000)
    with database.transaction() as transaction:
        transaction.run(f"INSERT INTO departments VALUES ({ids[0]}, 'with many jobs')")
        transaction.run(f"INSERT INTO jobs SELECT n, 'job ' || n FROM generate_series({ids[0]}, {ids[-1]}) n")
    yield ids
    with database.transaction() as transaction:
        transaction.run(f"DELETE FROM jobs WHERE id BETWEEN {ids[0]} AND {ids[-1]}")
        transaction.run(f"DELETE FROM departments WHERE id = {ids[0]}")


@pytest.mark.usefixtures("impatient_queue")
def test_lambdas_make_the_parts_of_a_backup_in_its_snapshot(
    stack: Record, database: PostgresDatabase, many_jobs: range
) -> None:
    """The backup runs here, loses some rows behind its snapshot, and waits until the workers have made all parts."""
    bucket, dictionary = S3Storage(stack.client("s3"), stack.backup_bucket), load_dictionary(PACKAGED_DICTIONARY)
    queue = SqsQueue(stack.client("sqs"), stack.queue_url)
    run = new_id(dt.datetime.now(dt.UTC))
    offered: list[Part] = []
    # Other tests have left their traces in the departments, whose backup is to be one file all the same.
    with database.transaction() as transaction:
        [(small, big)] = transaction.run("SELECT pg_table_size('departments'), pg_table_size('jobs')")

    def offer(part: Part) -> None:
        offered.append(part)
        queue.send(BackupPartTask(run, part).message())

    def wait(phase: str, _rows: int) -> None:
        if phase == "backup departments":
            with closing(connect_url(stack.app_database_url)) as another:
                another.execute_simple(f"DELETE FROM jobs WHERE id IN ({many_jobs[0]}, {many_jobs[-1]})")
            keys = {part_manifest_key(part.table, part.backup, part.number) for part in offered}
            deadline = time.monotonic() + 180
            while not keys <= {each.key for each in bucket.list(f"backups/jobs/{offered[0].backup}/")}:
                assert time.monotonic() < deadline, "the workers don't make the parts"
                time.sleep(0.1)

    now = dt.datetime.now(dt.UTC)
    _, backup = back_up_at(
        database, bucket, FakeCatalog(), dictionary, ["departments", "jobs"], now,
        part_bytes=max(small, big // 6), offer=offer, progress=wait,
    )  # fmt: skip
    manifest = verify(bucket, dictionary, backup).manifest
    assert len(manifest.files) == len(offered) >= 4
    saved = [row["id"] for each in manifest.files for row in _rows(bucket, each.file)]
    assert [each for each in saved if each in many_jobs] == list(many_jobs)
    group = f"/aws/lambda/{stack.worker_function}"
    lines = stack.client("logs").filter_log_events(logGroupName=group)["events"]
    made = [each["message"] for each in lines if run in each["message"] and "made" in each["message"]]
    assert len(made) == len(offered)


def _rows(bucket: S3Storage, key: str) -> list[Any]:
    with bucket.open(key) as stream:
        return list(fastavro.reader(io.BytesIO(stream.read())))


def _ended(call: Call, wanted: Any) -> dict[str, Any]:
    """The run, once it has ended."""
    deadline = time.monotonic() + 180
    while True:
        found: list[dict[str, Any]] = [run for run in call("GET", "/runs?limit=1000").json["runs"] if wanted(run)]
        if found and found[0]["ended"]:
            return found[0]
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
