"""AWS fails by plan, over HTTP, as the wired service meets it: once or nothing, a truthful run, tries with an end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import awswrangler
import botocore.endpoint
import pytest
from botocore.endpoint import EndpointCreator

from chalicelib import wiring, worker
from chalicelib.audit_log import DynamoAuditLog
from chalicelib.ports import Run, RunKind, RunState
from chalicelib.postgres import driver
from chalicelib.queue import SqsQueue
from chalicelib.settings import Settings
from chalicelib.token_store import DynamoTokens
from chalicelib.wiring import use
from tests.app.conftest import CATALOG, Api, make_api
from tests.aws import REGION
from tests.conftest import TestDatabase
from tests.fakes import FakeAuditLog
from tests.faulty.endpoint import Answered, Asked, Broken, Endpoint, Fault, Plan, Short, Silent, Times, nothing

DEPARTMENTS = b"".join(b"%d,Department %d\n" % (number, number) for number in range(1, 2001))


class Prompt(SqsQueue):
    """A queue that delivers at once what it should deliver later."""

    def send(self, message: Mapping[str, Any], delay: int = 0) -> None:
        assert 0 <= delay <= 900
        super().send(message)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What botocore would have slept between tries."""
    slept: list[float] = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=slept.append))
    return slept


@pytest.fixture
def endpoint(aws: None) -> Iterator[Endpoint]:  # noqa: ARG001 - moto is what works behind it
    with Endpoint() as made:
        yield made


@pytest.fixture
def service(
    endpoint: Endpoint,
    postgres: TestDatabase,
    monkeypatch: pytest.MonkeyPatch,
    pauses: list[float],  # noqa: ARG001
) -> Iterator[Api]:
    """The service as it is wired, over the endpoint, and another way to AWS beside it."""
    beside = make_api(postgres)
    wiring.token_store().all()  # which keeps its connection, and is to keep one past the endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    for name, value in {
        "DECANT_INTAKE_BUCKET": "intake", "DECANT_BACKUP_BUCKET": "backups", "DECANT_CATALOG_TABLE": CATALOG,
        "DECANT_AUDIT_TABLE": "audit", "DECANT_DATABASE_SECRET": "secret",
        "DECANT_QUEUE_URL": beside.services.settings.queue_url, "DECANT_PARENT_WAIT_SECONDS": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    wired = wiring._from_settings(Settings.from_environment(os.environ))
    prompt = Prompt(wired.queue._client, beside.services.settings.queue_url)
    wired = replace(wired, database=postgres.database, audit=FakeAuditLog(), queue=prompt)
    made = replace(beside, services=wired)
    with use(wired):
        yield made


def dropped(service: Api, endpoint: Endpoint, plan: Plan) -> Run:
    """Drop a file and let the worker take its event while the endpoint fails by a plan; return the run."""
    service.drop("incoming/departments.csv", DEPARTMENTS)
    [event] = service.messages()
    endpoint.fail(plan)
    worker.handle(service.services, json.dumps(event))
    endpoint.plan = nothing
    return the_run(service)


def the_run(service: Api) -> Run:
    [run] = service.services.catalog.runs(limit=9).items
    return run


def truth(service: Api) -> tuple[int, int]:
    """How many rows are in, and how many runs the ledger has."""
    [(rows, runs)] = service.database.query(
        "SELECT (SELECT count(*) FROM departments), (SELECT count(*) FROM decant.runs)"
    )
    return rows, runs


def converges(service: Api, endpoint: Endpoint) -> None:
    """What was put back into the queue does the work, once."""
    endpoint.fail(nothing)
    time_passes(service)
    run = the_run(service)
    assert (run.state, run.counts.inserted, run.error) == (RunState.SUCCEEDED, 2000, None)
    assert truth(service) == (2000, 1)


def time_passes(service: Api) -> None:
    """Let the worker take what waits in the queue, be it delayed."""
    for message in service.messages():
        worker.handle(service.services, json.dumps(message))


PASSING: dict[str, Times] = {
    "S3 is slow to be asked": Times(Answered(503, "SlowDown"), "s3", "GET", times=2),
    "S3 has an error": Times(Answered(500, "InternalError"), "s3", "HEAD", times=2),
    "S3 resets a connection": Times(Broken(), "s3", "GET"),
    "DynamoDB is throttled": Times(Answered(400, "ProvisionedThroughputExceededException"), "dynamodb", times=2),
    "DynamoDB resets a connection": Times(Broken(), "dynamodb", "PutItem"),
    "DynamoDB's answer is lost": Times(Broken(heard=True), "dynamodb", "PutItem"),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_at_once_is_met_by_another_try_and_nobody_sees_it(
    service: Api, endpoint: Endpoint, pauses: list[float], fault: str
) -> None:
    plan = copy(PASSING[fault])
    assert dropped(service, endpoint, plan).state is RunState.SUCCEEDED
    assert len(pauses) == plan.met
    assert truth(service) == (2000, 1)
    assert service.messages() == []


# What does not pass at once, with how often it is tried before the work goes back to the queue.
STAYING: dict[str, tuple[Times, int]] = {
    "S3 stays slow to be asked": (Times(Answered(503, "SlowDown"), "s3", "GET", times=-1), 4),
    "S3 resets each connection": (Times(Broken(), "s3", "GET", times=-1), 4),
    "the body is reset": (Times(Broken(sent=9000), "s3", "GET"), 1),
    "the body is reset before its first byte": (Times(Broken(sent=0), "s3", "GET"), 1),
    "the body ends early": (Times(Short(9000), "s3", "GET"), 1),
    "the clock is wrong": (Times(Answered(403, "RequestTimeTooSkewed"), "s3", "GET", times=-1), 1),
    "the credentials ran out": (Times(Answered(400, "ExpiredToken"), "s3", "GET", times=-1), 1),
    "DynamoDB stays throttled": (Times(Answered(400, "ThrottlingException"), "dynamodb", "PutItem", times=4), 4),
    "DynamoDB stays broken": (Times(Answered(500, "InternalServerError"), "dynamodb", "PutItem", times=4), 4),
    "DynamoDB resets each connection": (Times(Broken(), "dynamodb", "PutItem", times=4), 4),
}


@pytest.mark.parametrize("fault", STAYING)
def test_what_stays_is_tried_a_few_times_then_later_and_nothing_is_half_done(
    service: Api, endpoint: Endpoint, pauses: list[float], fault: str
) -> None:
    given, tries = STAYING[fault]
    plan = copy(given)
    run = dropped(service, endpoint, plan)
    assert plan.met == tries
    assert len(pauses) == tries - 1
    assert all(0 < pause <= 2**number for number, pause in enumerate(pauses))
    assert len(set(pauses)) == len(pauses), "tries have jitter"
    assert run.state is RunState.WAITING
    assert truth(service) == (0, 0)
    converges(service, endpoint)


def test_a_file_that_can_not_even_be_looked_at_stays_in_the_queue(service: Api, endpoint: Endpoint) -> None:
    """Whose run it has is in its metadata, so no run is shown before."""
    service.drop("incoming/departments.csv", DEPARTMENTS)
    [event] = service.messages()
    endpoint.fail(Times(Answered(503, "ServiceUnavailable"), "s3", "HEAD", times=-1))
    worker.handle(service.services, json.dumps(event))
    endpoint.plan = nothing
    assert service.services.catalog.runs(limit=9).items == []
    assert truth(service) == (0, 0)
    converges(service, endpoint)


def test_the_end_of_a_run_that_the_catalogue_does_not_take_is_told_by_the_next_try(
    service: Api, endpoint: Endpoint
) -> None:
    """The rows are in then, and the ledger says so."""
    service.drop("incoming/departments.csv", DEPARTMENTS)
    [event] = service.messages()

    def plan(asked: Asked) -> Fault | None:
        if asked.service != "dynamodb":
            return None
        with service.database.as_owner() as owner:
            [[runs]] = owner.execute_simple("SELECT count(*) FROM decant.runs").rows
        return Answered(500, "InternalServerError") if runs else None

    endpoint.fail(plan)
    worker.handle(service.services, json.dumps(event))
    endpoint.plan = nothing
    assert truth(service) == (2000, 1)
    assert the_run(service).state is RunState.RUNNING
    converges(service, endpoint)


@pytest.mark.parametrize("code", ["AccessDenied", "AllAccessDisabled"])
@pytest.mark.parametrize("operation", ["HEAD", "GET"])
def test_what_may_not_be_read_fails_its_run_with_the_reason_and_is_loaded_once_it_may(
    service: Api, endpoint: Endpoint, code: str, operation: str
) -> None:
    """Be it a policy, or an object of another owner."""
    run = dropped(service, endpoint, Times(Answered(403, code), "s3", operation, times=-1))
    assert run.error is not None
    assert run.state is RunState.FAILED
    assert "s3://intake/incoming/departments.csv" in run.error["detail"]
    assert "s3:GetObject" in run.error["hint"]
    assert (truth(service), service.messages()) == ((0, 1), [])
    assert service.post(f"/runs/{run.id}/replay").status_code == 202
    time_passes(service)
    assert truth(service) == (2000, 2)


def test_an_object_that_is_overwritten_while_it_is_loaded_is_loaded_as_it_was(service: Api, endpoint: Endpoint) -> None:
    """Its version is asked for; the newer one has an event of its own."""

    def plan(asked: Asked) -> None:
        if asked.operation == "GET" and not newer:
            newer.append(1)
            service.s3.put_object(Bucket="intake", Key="incoming/departments.csv", Body=b"1,Another\n9999,New\n")

    newer: list[int] = []
    run = dropped(service, endpoint, plan)
    assert newer
    assert (run.state, run.counts.read, run.counts.inserted) == (RunState.SUCCEEDED, 2000, 2000)


@pytest.mark.parametrize("for_good", [False, True])
def test_an_object_that_is_deleted_between_the_look_and_the_load(
    service: Api, endpoint: Endpoint, for_good: bool
) -> None:
    """A version that was only marked as deleted is still there; one that is gone fails its run."""

    def plan(asked: Asked) -> None:
        if asked.operation == "GET":
            listed = service.s3.list_object_versions(Bucket="intake", Prefix="incoming/")["Versions"]
            version = {"VersionId": listed[0]["VersionId"]} if for_good else {}
            service.s3.delete_object(Bucket="intake", Key="incoming/departments.csv", **version)

    run = dropped(service, endpoint, plan)
    if for_good:
        assert run.error is not None
        assert (run.state, run.error["code"], truth(service)) == (RunState.FAILED, "object-gone", (0, 1))
    else:
        assert (run.state, truth(service)) == (RunState.SUCCEEDED, (2000, 1))


def test_a_run_is_added_once_though_the_answer_is_lost_and_another_may_not_take_its_place(
    service: Api, endpoint: Endpoint
) -> None:
    catalog = service.services.catalog
    run = Run("20260101T000000000000-00000001", RunKind.BACKUP, None, RunState.QUEUED, "")
    endpoint.fail(Times(Broken(heard=True), "dynamodb", "PutItem"))
    assert catalog.add_run(run) is True
    assert catalog.add_run(replace(run, kind=RunKind.DRILL)) is False
    assert catalog.run(run.id) == run


# Every part at its worst, by the service that it is.
DOWN: dict[str, Times] = {
    "S3": Times(Answered(503, "SlowDown"), "s3", times=-1),
    "S3 cut off": Times(Broken(), "s3", times=-1),
    "DynamoDB": Times(Answered(400, "ThrottlingException"), "dynamodb", times=-1),
    "DynamoDB cut off": Times(Broken(), "dynamodb", times=-1),
    "SQS": Times(Answered(503, "ServiceUnavailable"), "sqs", times=-1),
    "SQS throttled": Times(Answered(400, "RequestThrottled"), "sqs", times=-1),
    "SQS cut off": Times(Broken(), "sqs", times=-1),
}
ROUTES = [
    ("GET", "/health"), ("GET", "/runs"), ("GET", "/runs/{run}"), ("GET", "/runs/{run}/reasons"),
    ("GET", "/runs/{run}/rejections"), ("GET", "/runs/{run}/rejections?format=xlsx"), ("GET", "/backups"),
    ("GET", "/tables"), ("GET", "/tables/departments/rows"), ("POST", "/backups"), ("POST", "/uploads"),
    ("POST", "/tables/departments/backups"), ("POST", "/tables/departments/rows"),
]  # fmt: skip


NEEDS = {
    "s3": {("GET", "/health"), ("GET", "/runs/{run}/rejections?format=xlsx")},
    "dynamodb": {
        ("GET", "/health"), ("GET", "/runs"), ("GET", "/backups"), ("POST", "/backups"), ("POST", "/uploads"),
        ("POST", "/tables/departments/backups"),
    },
    "sqs": {("GET", "/health"), ("POST", "/backups"), ("POST", "/tables/departments/backups")},
}  # fmt: skip


@pytest.mark.parametrize("part", DOWN)
def test_a_part_that_is_down_is_503_and_says_when_to_come_back_never_500(
    service: Api, endpoint: Endpoint, part: str
) -> None:
    run = service.post("/tables/departments/rows", [{"id": "x", "department": "A"}]).json_body["run"]
    plan = copy(DOWN[part])
    endpoint.fail(plan)
    refused = set()
    for method, path in ROUTES:
        body = {"/uploads": {"filename": "jobs.csv"}, "/tables/departments/rows": [{"id": 1, "department": "A"}]}
        given = path.format(run=run)
        answer = service.get(given) if method == "GET" else service.post(given, body.get(path))
        assert answer.status_code < 400 or answer.status_code == 503, (method, path, answer.body)
        if answer.status_code == 503:
            refused.add((method, path))
            if path != "/health":
                assert answer.headers["Retry-After"] == "1"
                assert answer.json_body["type"] == "urn:decant:problem:unavailable"
    assert refused == NEEDS[plan.service], "what needs the part, and nothing else"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that are made from now on wait half a second for an answer, as if that were all their time."""
    create = EndpointCreator.create_endpoint

    def soon(*given: Any, **named: Any) -> Any:
        return create(*given, **{**named, "timeout": (0.5, 0.5)})

    monkeypatch.setattr(EndpointCreator, "create_endpoint", soon)


# What is silent until the client gives up, and how often it is asked in all.
SILENT: dict[str, tuple[Times, int]] = {
    "S3 once": (Times(Silent(), "s3", "GET"), 1),
    "S3": (Times(Silent(), "s3", "GET", times=-1), 4),
    "DynamoDB once": (Times(Silent(heard=True), "dynamodb", "PutItem"), 1),
    "DynamoDB": (Times(Silent(), "dynamodb", "PutItem", times=4), 4),
}


@pytest.mark.parametrize("part", SILENT)
def test_a_part_that_is_silent_is_given_up_and_asked_again(
    impatient: None,  # noqa: ARG001
    service: Api,
    endpoint: Endpoint,
    part: str,
) -> None:
    given, tries = SILENT[part]
    plan = copy(given)
    run = dropped(service, endpoint, plan)
    assert plan.met == tries
    assert run.state is (RunState.SUCCEEDED if tries == 1 else RunState.WAITING)
    assert truth(service) == ((2000, 1) if tries == 1 else (0, 0))
    converges(service, endpoint)


def test_a_queue_that_is_silent_is_503_and_the_order_can_be_given_again(
    impatient: None,  # noqa: ARG001
    service: Api,
    endpoint: Endpoint,
) -> None:
    plan = Times(Silent(), "sqs", "SendMessage", times=-1)
    endpoint.fail(plan)
    answer = service.post("/backups")
    assert (answer.status_code, plan.met) == (503, 3)
    assert service.messages() == []
    endpoint.fail(nothing)
    assert service.post("/backups").status_code == 202
    assert len(service.messages()) == 1


def test_nothing_that_a_request_waits_for_is_waited_for_longer_than_the_gateway_does(service: Api) -> None:
    """Each try may take all its time and each pause its longest. S3 alone may take longer: it moves files."""
    wired: Any = service.services
    clients = {
        "catalogue": wired.catalog._item._get_connection().connection.client,
        "tokens": DynamoTokens("tokens", REGION)._item._get_connection().connection.client,
        "audit log": DynamoAuditLog("audit", REGION)._connection.client,
        "queue": wired.queue._client,
        "secret": awswrangler._utils.client("secretsmanager", botocore_config=driver().config.botocore_config),
    }
    for name, client in clients.items():
        config = client.meta.config
        tries = config.retries["total_max_attempts"]
        assert config.retries["mode"] == "standard", name
        pauses = sum(min(20, 2**number) for number in range(tries - 1))
        assert tries * max(config.connect_timeout, config.read_timeout) + pauses < 29, name
