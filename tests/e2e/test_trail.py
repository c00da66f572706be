"""What a deployed Decant leaves behind of what was done: audit entries, lines of its functions, alarms."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from infra.local.record import Record
from infra.local.stack import Stack
from tests.e2e.conftest import Call
from tests.e2e.test_stack import _session

ROOT = Path(__file__).parents[2]
# What the platform says itself; the last one MiniStack says of a process that was killed, as one test does.
# How the platform tells that a function has failed, as it does with work that goes to the dead letters.
_FAILED = re.compile(
    r"Traceback \(most recent call last\):\n(?: .*\n)*chalicelib\.telemetry\.invocation\.FunctionFailed: .*"
)
_FRAMES = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START", "Worker process died")


def command(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run what `make audit` and `make audit-verify` do, on this stack."""
    return subprocess.run(
        [sys.executable, "-m", "infra.audit", *arguments],
        cwd=ROOT,
        env={**os.environ, "DECANT_FOLDER": str(stack.folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def audit_table(stack: Record) -> str:
    function = stack.client("lambda").get_function_configuration(FunctionName=stack.api_function)
    return str(function["Environment"]["Variables"]["DECANT_AUDIT_TABLE"])


def entries(stack: Record) -> list[dict[str, Any]]:
    """All entries of principals, as they stand in the table."""
    items = stack.client("dynamodb").scan(TableName=audit_table(stack))["Items"]
    return [json.loads(item["text"]["S"]) for item in items if item["chain"]["S"].startswith("principal/")]


def lines(stack: Record, function: str) -> list[dict[str, Any]]:
    """What a function has written, without the frames of the platform; each line must be JSON."""
    pages = stack.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
    told = "\n".join(event["message"].rstrip("\n") for page in pages for event in page["events"])
    texts = [text for text in _FAILED.sub("", told).splitlines() if not text.startswith(_FRAMES)]
    return [json.loads(text) for text in texts if text.strip()]


def test_a_batch_leaves_an_entry_of_its_caller_and_its_run(local_stack: Stack, stack: Record, call: Call) -> None:
    answer = call("POST", "/tables/jobs/rows?mode=atomic", [{"id": 9501, "job": ""}])
    run = answer.json["run"]
    [entry] = [each for each in entries(stack) if each["run"] == run]
    assert (entry["action"], entry["resource"]) == ("POST /tables/{table}/rows", "/tables/jobs/rows")
    assert entry["outcome"] == str(answer.status)
    assert entry["principal"]
    assert (entry["principal"] == "anonymous") == (stack.token is None)
    listed = command(local_stack, "audit", "--principal", entry["principal"])
    assert run in listed.stdout, listed.stderr


@pytest.fixture
def changed(stack: Record, call: Call) -> Iterator[str]:
    """Change the newest entry behind the application's back, for a while; give its place."""
    call("POST", "/tables/jobs/rows", [])
    client, table = stack.client("dynamodb"), audit_table(stack)
    items = [each for each in client.scan(TableName=table)["Items"] if each["chain"]["S"].startswith("principal/")]
    item = max(items, key=lambda each: json.loads(each["text"]["S"])["moment"])
    forged = {**item, "text": {"S": item["text"]["S"].replace('"outcome":"400"', '"outcome":"201"')}}
    assert forged != item
    client.put_item(TableName=table, Item=forged)
    yield f"{item['chain']['S']}, entry {item['number']['N']}"
    client.put_item(TableName=table, Item=item)


def test_an_entry_that_was_changed_is_found(local_stack: Stack, changed: str) -> None:
    found = command(local_stack, "audit-verify")
    assert found.returncode == 1, found.stderr
    assert changed in found.stdout


def test_chains_that_nobody_touched_are_whole(local_stack: Stack, call: Call) -> None:
    call("POST", "/tables/jobs/rows", [])
    found = command(local_stack, "audit-verify")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.enforced("roles")
@pytest.mark.parametrize(
    ("role", "operation"),
    [
        ("api_role", "delete_item"), ("api_role", "update_item"), ("api_role", "delete_table"),
        ("worker_role", "put_item"), ("worker_role", "query"), ("worker_role", "delete_item"),
    ],
)  # fmt: skip
def test_nobody_may_do_more_to_the_audit_log_than_append(stack: Record, role: str, operation: str) -> None:
    key = {"chain": {"S": "test"}, "number": {"N": "1"}}
    others: dict[str, dict[str, Any]] = {
        "put_item": {"Item": key},
        "query": {
            "KeyConditionExpression": "#c = :c",
            "ExpressionAttributeNames": {"#c": "chain"},
            "ExpressionAttributeValues": {":c": {"S": "test"}},
        },
        "delete_table": {},
    }
    client = _session(stack, getattr(stack, role)).client("dynamodb", endpoint_url=stack.endpoint_url)
    with pytest.raises(ClientError, match=r"not authorized|AccessDenied"):
        getattr(client, operation)(TableName=audit_table(stack), **others.get(operation, {"Key": key}))


def test_the_worker_s_lines_are_json_and_name_their_run(stack: Record, call: Call) -> None:
    secret = uuid4().hex
    key = f"incoming/jobs/{secret[:8]}.csv"
    content = f"9510,{secret}\n{secret},x\n".encode()
    stack.client("s3").put_object(Bucket=stack.intake_bucket, Key=key, Body=content)
    deadline = time.monotonic() + 60
    while True:
        runs = [each for each in call("GET", "/runs").json["runs"] if (each["source"] or {}).get("key") == key]
        if runs and runs[0]["ended"]:
            break
        assert time.monotonic() < deadline, runs
        time.sleep(0.2)
    while True:  # the emulator keeps the lines once the function has answered
        found = [each for each in lines(stack, stack.worker_function) if each.get("run_id") == runs[0]["id"]]
        if found or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    [told] = [each for each in found if "message" in each]
    assert (told["level"], told["message"]) == ("INFO", "load of jobs succeeded")
    assert (told["stage"], told["function"]) == ("local", stack.worker_function)
    assert told["request_id"]
    [measured] = [each for each in found if "_aws" in each]
    assert (measured["RowsRead"], measured["RowsRejected"]) == ([2.0], [1.0])
    assert secret not in json.dumps(found)


def test_no_line_of_any_function_shows_a_secret(stack: Record, call: Call) -> None:
    planted = uuid4().hex
    call("POST", "/tables/jobs/rows", [{"id": planted, "job": planted}])
    call("GET", f"/tables/jobs/rows?job={planted}", Authorization=f"Bearer {planted}")
    functions = (stack.api_function, stack.authorizer_function, stack.worker_function)
    written = json.dumps([lines(stack, function) for function in functions])
    password = stack.app_database_url.partition("://")[2].partition("@")[0].partition(":")[2]
    for secret in filter(None, (planted, password, stack.token, stack.secret_access_key)):
        assert secret not in written


def test_the_deployed_alarms_reach_the_topic(stack: Record) -> None:
    alarms = stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    topics = {action for alarm in alarms for action in alarm["AlarmActions"]}
    [topic] = [each["TopicArn"] for each in stack.client("sns").list_topics()["Topics"]]
    assert topics == {topic}


def test_the_deployed_dashboard_is_one(stack: Record) -> None:
    client = stack.client("cloudwatch")
    [dashboard] = client.list_dashboards()["DashboardEntries"]
    body = json.loads(client.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"])
    assert stack.worker_function in json.dumps(body)
