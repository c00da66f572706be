"""Backups and restores, ordered through the API and done by the worker."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from dataclasses import replace
from typing import Any

import boto3
import fastavro
import pytest

from chalicelib import worker
from chalicelib.errors import Unavailable
from chalicelib.ports import RunState
from chalicelib.queue import SqsQueue
from chalicelib.wiring import use
from chalicelib.work.messages import tasks
from chalicelib.work.reporting import claim
from tests.app.conftest import CATALOG, Api
from tests.aws import REGION


def backup_of(api: Api, table: str) -> dict[str, Any]:
    assert api.post(f"/tables/{table}/backups").status_code == 202
    api.work()
    found: dict[str, Any] = api.get(f"/backups?table={table}").json_body["backups"][0]
    return found


def test_a_backup_of_a_table_is_ordered_done_and_listed(filled: Api) -> None:
    answer = filled.post("/tables/jobs/backups")
    assert answer.status_code == 202
    run = answer.json_body["id"]
    assert answer.headers["Location"] == f"../../runs/{run}"
    assert (answer.json_body["kind"], answer.json_body["table"], answer.json_body["state"]) == (
        "backup", "jobs", "queued",
    )  # fmt: skip
    filled.work()
    assert filled.get(f"/runs/{run}").json_body["state"] == "succeeded"
    backups = filled.get("/backups").json_body
    assert backups["next"] is None
    backup = backups["backups"][0]
    assert (backup["table"], backup["rows"], backup["state"]) == ("jobs", 2, "complete")
    assert set(backup) == {
        "id", "table", "snapshot", "state", "rows", "bytes", "sha256", "created", "dictionary", "pinned", "verified",
    }  # fmt: skip
    assert (backup["pinned"], backup["verified"]) == (False, None)


def test_all_tables_are_backed_up_in_one_snapshot(filled: Api) -> None:
    answer = filled.post("/backups")
    assert (answer.status_code, answer.json_body["table"]) == (202, None)
    assert answer.headers["Location"] == f"runs/{answer.json_body['id']}"
    filled.work()
    backups = filled.get("/backups").json_body["backups"]
    assert {backup["table"] for backup in backups} == {"departments", "jobs", "hired_employees"}
    assert len({backup["snapshot"] for backup in backups}) == 1


def test_a_backup_tells_its_manifest_and_leads_to_its_file(filled: Api) -> None:
    backup = backup_of(filled, "jobs")
    told = filled.get(f"/backups/{backup['id']}").json_body
    assert {name: told[name] for name in backup} == backup
    assert told["manifest"]["sha256"] == backup["sha256"]
    answer = filled.get(f"/backups/{backup['id']}/file")
    assert answer.status_code == 303
    assert "Signature" in answer.headers["Location"]
    content = filled.s3.get_object(Bucket="backups", Key=told["manifest"]["file"])["Body"].read()
    assert list(fastavro.reader(io.BytesIO(content))) == [{"id": 1, "job": "Recruiter"}, {"id": 2, "job": "Analyst"}]


def test_a_backup_of_several_files_leads_to_each(filled: Api) -> None:
    small = replace(filled.services.settings, backup_part_bytes=1)
    with use(replace(filled.services, settings=small)) as services:
        filled.post("/tables/jobs/backups")
        [order] = filled.messages()
        worker.handle(services, json.dumps(order))
    offered = filled.messages()
    assert [message["work"] for message in offered] == ["backup-part", "backup-part"]
    for message in offered:  # too late, for it is made already
        worker.handle(filled.services, json.dumps(message))
    backup = filled.get("/backups?table=jobs").json_body["backups"][0]
    manifest = filled.get(f"/backups/{backup['id']}").json_body["manifest"]
    assert (manifest["format"], manifest["sha256"], backup["rows"]) == (2, backup["sha256"], 2)
    rows = []
    for part, file in enumerate(manifest["files"], start=1):
        answer = filled.get(f"/backups/{backup['id']}/file?part={part}")
        assert answer.status_code == 303
        assert file["file"] in answer.headers["Location"]
        assert f"jobs-{backup['id']}-{part:04}.avro" in answer.headers["Location"]
        content = filled.s3.get_object(Bucket="backups", Key=file["file"])["Body"].read()
        rows += list(fastavro.reader(io.BytesIO(content)))
    assert rows == [{"id": 1, "job": "Recruiter"}, {"id": 2, "job": "Analyst"}]
    assert done(filled, f"/backups/{backup['id']}/verify")["state"] == "succeeded"
    for asked in ("?part=0", "?part=x", "?part=3", ""):
        answer = filled.get(f"/backups/{backup['id']}/file{asked}")
        assert (answer.status_code, answer.json_body["errors"][0]["parameter"]) == (400, "part")
    assert "The backup has 2 files. Ask for each with part, from 1 to 2." in answer.json_body["detail"]


def test_a_backup_of_one_file_has_no_second(filled: Api) -> None:
    path = f"/backups/{backup_of(filled, 'jobs')['id']}/file"
    assert [filled.get(f"{path}{part}").status_code for part in ("", "?part=1", "?part=2")] == [303, 303, 400]


def test_who_can_not_follow_to_a_file_is_told_its_url(filled: Api) -> None:
    path = f"/backups/{backup_of(filled, 'jobs')['id']}/file"
    answer = filled.get(f"{path}?redirect=false")
    assert (answer.status_code, set(answer.json_body)) == (200, {"url", "expires_in"})
    assert "Signature" in answer.json_body["url"]
    assert answer.json_body["expires_in"] == 300
    assert answer.headers["Cache-Control"] == "no-store"
    assert filled.get(f"{path}?redirect=true").status_code == 303
    refused = filled.get(f"{path}?redirect=no")
    assert (refused.status_code, refused.json_body["errors"][0]["parameter"]) == (400, "redirect")


def done(api: Api, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    """The run of an order, after the worker has done it."""
    answer = api.post(path, body, headers=headers)
    assert answer.status_code == 202, answer.body
    api.work()
    run: dict[str, Any] = api.get(f"/runs/{answer.json_body['id']}").json_body
    return run


def damage(api: Api, backup: dict[str, Any]) -> None:
    key = api.get(f"/backups/{backup['id']}").json_body["manifest"]["file"]
    api.s3.put_object(Bucket="backups", Key=key, Body=b"x" * backup["bytes"])


def test_a_backup_is_verified_and_the_listing_tells_when(filled: Api) -> None:
    backup = backup_of(filled, "jobs")
    run = done(filled, f"/backups/{backup['id']}/verify")
    assert (run["kind"], run["table"], run["state"], run["progress"]) == ("verify", "jobs", "succeeded", 2)
    told = run["result"]
    assert (told["backups"], told["rows"], told["restorable"], told["notes"]) == ([backup["id"]], 2, True, [])
    assert filled.get("/backups").json_body["backups"][0]["verified"] == run["started"]


def test_a_verification_takes_an_idempotency_key_like_every_post(filled: Api) -> None:
    path = f"/backups/{backup_of(filled, 'jobs')['id']}/verify"
    key = {"Idempotency-Key": "k"}
    first, second = (filled.post(path, headers=key) for _ in range(2))
    assert (first.status_code, first.json_body) == (202, second.json_body)
    assert filled.post(path, {}, headers=key).status_code == 422
    assert filled.post(path, headers={"Idempotency-Key": ""}).status_code == 400


def test_a_damaged_backup_does_not_verify(filled: Api) -> None:
    backup = backup_of(filled, "jobs")
    damage(filled, backup)
    run = done(filled, f"/backups/{backup['id']}/verify")
    assert (run["state"], run["error"]["code"]) == ("failed", "backup-damaged")
    assert filled.get("/backups").json_body["backups"][0]["verified"] is None


def test_a_backup_is_pinned_and_unpinned(filled: Api) -> None:
    backup = backup_of(filled, "jobs")
    for order, pinned in (("pin", True), ("pin", True), ("unpin", False)):
        answer = filled.post(f"/backups/{backup['id']}/{order}")
        assert (answer.status_code, answer.json_body) == (200, {**backup, "pinned": pinned})
        assert filled.get("/backups?table=jobs").json_body["backups"] == [{**backup, "pinned": pinned}]
    assert filled.post("/backups/20261122T022045123456-4f2a9c1b/pin").status_code == 404
    assert filled.post(f"/backups/{backup['id']}/pin", {"pinned": True}).status_code == 400


def test_a_drill_restores_the_newest_snapshot_for_practice(filled: Api) -> None:
    done(filled, "/backups")
    filled.post("/tables/jobs/rows?on_conflict=update", [{"id": 1, "job": "Changed"}, {"id": 3, "job": "New"}])
    before = filled.database.rows("jobs")
    run = done(filled, "/drills")
    assert (run["kind"], run["state"], run["progress"]) == ("drill", "succeeded", 4)
    by_table = {each["table"]: each for each in run["result"]["tables"]}
    assert by_table["jobs"]["differences"] == {"inserted": 0, "updated": 1, "deleted": 1, "unchanged": 1}
    assert by_table["departments"]["differences"]["unchanged"] == 2
    assert filled.database.rows("jobs") == before
    listed = filled.get("/backups").json_body["backups"]
    assert {each["id"] for each in listed} == set(run["result"]["backups"])
    assert {each["verified"] for each in listed} == {run["started"]}


def test_a_drill_of_a_damaged_snapshot_fails_and_rings(filled: Api, capsys: pytest.CaptureFixture[str]) -> None:
    done(filled, "/backups")
    jobs = filled.get("/backups?table=jobs").json_body["backups"][0]
    damage(filled, jobs)
    run = done(filled, "/drills")
    assert (run["state"], run["error"]["code"]) == ("failed", "drill-failed")
    assert [(each["table"], each["code"]) for each in run["error"]["errors"]] == [("jobs", "backup-damaged")]
    assert re.search(r'"DrillFailed":\[?1', capsys.readouterr().out.replace(" ", ""))


def test_a_drill_without_a_backup_fails(filled: Api, capsys: pytest.CaptureFixture[str]) -> None:
    run = done(filled, "/drills")
    assert (run["state"], run["error"]["code"]) == ("failed", "not-found")
    assert re.search(r'"DrillFailed":\[?1', capsys.readouterr().out.replace(" ", ""))


def test_a_lost_catalogue_is_filled_again_with_backups_pins_and_runs(filled: Api) -> None:
    backup = backup_of(filled, "jobs")
    pinned = filled.post(f"/backups/{backup['id']}/pin").json_body
    restored = done(filled, "/tables/jobs/restores")
    lose_the_catalogue()
    assert filled.get("/backups").json_body["backups"] == []
    run = done(filled, "/backups/rebuild")
    assert (run["kind"], run["state"]) == ("rebuild", "succeeded")
    assert (run["result"]["backups_listed"], run["result"]["runs_listed"]) == (1, 2)  # the batch and the restore
    assert filled.get("/backups").json_body["backups"] == [pinned]
    listed = {each["id"]: each for each in filled.get("/runs").json_body["runs"]}
    assert (listed[restored["id"]]["kind"], listed[restored["id"]]["state"]) == ("restore", "succeeded")
    assert listed[restored["id"]]["result"] == restored["result"]


def lose_the_catalogue() -> None:
    table = boto3.resource("dynamodb", region_name=REGION).Table(CATALOG)
    for item in table.scan()["Items"]:
        table.delete_item(Key={"partition": item["partition"], "id": item["id"]})


def test_a_schedule_makes_one_backup_of_all_tables_however_often_it_fires(filled: Api) -> None:
    message = json.dumps({"work": "backup", "scheduled": "2026-11-22T02:00:00Z"})
    for _ in range(2):
        worker.handle(filled.services, message)
    backups = filled.get("/backups").json_body["backups"]
    assert sorted(each["table"] for each in backups) == ["departments", "hired_employees", "jobs"]
    worker.handle(filled.services, json.dumps({"work": "backup", "scheduled": "2026-11-23T02:00:00Z"}))
    assert len(filled.get("/backups").json_body["backups"]) == 6


def test_two_messages_of_one_moment_make_one_backup_though_they_come_at_once(filled: Api) -> None:
    """The second is taken while the first is at work; the first comes again when its worker dies."""
    message = json.dumps({"work": "backup", "scheduled": "2026-11-22T02:00:00Z"})
    [task] = tasks(message)
    assert claim(filled.services, task)
    worker.handle(filled.services, message)
    assert filled.get("/backups").json_body["backups"] == []
    worker.handle(filled.services, message, deliveries=2)
    assert len(filled.get("/backups").json_body["backups"]) == 3


def test_an_order_names_the_backups_that_it_needs(filled: Api) -> None:
    """So that retention leaves them alone."""
    backup = backup_of(filled, "jobs")["id"]
    for path in ("/tables/jobs/restores", f"/backups/{backup}/verify"):
        assert filled.post(path).json_body["result"] == {"backups": [backup]}


def test_an_order_that_the_queue_does_not_take_is_a_failed_run(filled: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one that is queued for ever, and keeps its backups from retention."""
    backup = backup_of(filled, "jobs")["id"]

    def down(*_: Any, **__: Any) -> None:
        raise Unavailable("The queue is down.")

    monkeypatch.setattr(SqsQueue, "send", down)
    assert filled.post(f"/backups/{backup}/verify").status_code == 503
    [run] = [each for each in filled.get("/runs").json_body["runs"] if each["kind"] == "verify"]
    assert (run["state"], run["error"]["detail"]) == ("failed", "The queue is down.")


@pytest.mark.parametrize("choose", ["latest", "id", "as_of"])
def test_a_table_is_restored(filled: Api, choose: str) -> None:
    backup = backup_of(filled, "jobs")
    before = filled.database.rows("jobs")
    filled.post("/tables/jobs/rows?on_conflict=update", [{"id": 1, "job": "Changed"}, {"id": 3, "job": "New"}])
    body = {"latest": None, "id": {"backup": backup["id"]}, "as_of": {"as_of": backup["created"]}}[choose]
    answer = filled.post("/tables/jobs/restores", body)
    assert (answer.status_code, answer.json_body["kind"]) == (202, "restore")
    filled.work()
    assert filled.get(f"/runs/{answer.json_body['id']}").json_body["state"] == "succeeded"
    assert filled.database.rows("jobs") == before


def test_a_dry_run_tells_what_would_change_and_changes_nothing(filled: Api) -> None:
    backup_of(filled, "jobs")
    filled.post("/tables/jobs/rows?on_conflict=update", [{"id": 1, "job": "Changed"}, {"id": 3, "job": "New"}])
    before = filled.database.rows("jobs")
    answer = filled.post("/tables/jobs/restores", {"dry_run": True})
    filled.work()
    run = filled.get(f"/runs/{answer.json_body['id']}").json_body
    assert (run["state"], run["result"]["dry_run"]) == ("succeeded", True)
    assert filled.database.rows("jobs") == before


def test_a_whole_snapshot_is_restored(filled: Api) -> None:
    filled.post("/backups")
    filled.work()
    snapshot = filled.get("/backups").json_body["backups"][0]["snapshot"]
    filled.database.query("DELETE FROM jobs")
    for body in (None, {"snapshot": snapshot}):
        answer = filled.post("/restores", body)
        assert answer.status_code == 202
        filled.work()
        assert filled.get(f"/runs/{answer.json_body['id']}").json_body["state"] == "succeeded"
    assert len(filled.database.rows("jobs")) == 2


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/tables/jobs/restores", {"backup": "20261122T022045123456-4f2a9c1b"}, 404),
        ("/tables/jobs/restores", {"backup": "../../x"}, 404),
        ("/tables/jobs/restores", {"as_of": "2001-01-01"}, 404),
        ("/tables/jobs/restores", {}, 404),
        ("/restores", {"snapshot": "20261122T022045123456-4f2a9c1b"}, 404),
        ("/restores", {}, 404),
        ("/tables/jobs/restores", {"backup": []}, 400),
        ("/tables/jobs/restores", {"as_of": "yesterday"}, 400),
        ("/tables/jobs/restores", {"as_of": ["2021-01-01"]}, 400),
        ("/tables/jobs/restores", {"as_of": "2021-01-01", "backup": "x"}, 400),
        ("/tables/jobs/restores", {"dry_run": "yes"}, 400),
        ("/tables/jobs/restores", {"tables": []}, 400),
        ("/tables/jobs/backups", {"run_id": "mine"}, 400),
        ("/restores", [], 400),
    ],
)
def test_an_order_that_can_not_be_is_refused(api: Api, path: str, body: Any, status: int) -> None:
    assert api.post(path, body).status_code == status
    assert api.messages() == []


def test_a_backup_of_another_table_restores_no_table(filled: Api) -> None:
    backup = backup_of(filled, "jobs")
    assert filled.post("/tables/departments/restores", {"backup": backup["id"]}).status_code == 404


def test_a_client_that_waits_gets_the_run_when_it_has_ended(filled: Api) -> None:
    def work() -> None:
        with use(filled.services):
            while not filled.services.queue.waiting():
                time.sleep(0.05)
            filled.work()

    worker = threading.Thread(target=work)
    worker.start()
    answer = filled.post("/tables/jobs/backups", headers={"Prefer": "respond-async, wait=20"})
    worker.join()
    assert (answer.status_code, answer.json_body["state"]) == (200, RunState.SUCCEEDED)
    assert answer.headers["Preference-Applied"] == "wait=20"


def test_a_client_that_waits_in_vain_gets_202(filled: Api) -> None:
    answer = filled.post("/tables/jobs/backups", headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json_body["state"]) == (202, "queued")
    assert "Location" in answer.headers
