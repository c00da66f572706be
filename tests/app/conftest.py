"""The API as a client meets it: Chalice's local gateway, over moto and a real Postgres."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import chalice.test
import pytest
from chalice.local import LambdaContext
from chalice.test import Client, HTTPResponse

import app as entry
from chalicelib import queue, wiring, worker
from chalicelib.access.principal import Scope
from chalicelib.access.tokens import new_token
from chalicelib.catalog import DynamoCatalog
from chalicelib.dictionary.model import Dictionary
from chalicelib.queue import SqsQueue
from chalicelib.settings import PACKAGED_DICTIONARY, Settings
from chalicelib.storage import S3Storage
from chalicelib.token_store import DynamoTokens
from chalicelib.wiring import Services, use
from tests.aws import REGION, played_aws
from tests.conftest import TestDatabase
from tests.fakes import FakeAuditLog

CATALOG = "decant-catalog"
TOKENS = "decant-tokens"
# What every request of these tests shows, unless it says otherwise.
TOKEN, KEPT_TOKEN = new_token("tests", Scope, dt.datetime.now(dt.UTC))
CALLER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Api:
    """A client of the API, and what a test may look at behind it."""

    client: Client
    services: Services
    database: TestDatabase
    sqs: Any
    s3: Any

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> HTTPResponse:
        """GET a path."""
        return self.client.http.get(path, headers={**CALLER, **(headers or {})})

    def post(
        self, path: str, body: Any = None, *, raw: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> HTTPResponse:
        """POST a value as JSON, or the raw bytes, or nothing."""
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        given = {**CALLER, "Content-Type": "application/json", **(headers or {})}
        return self.client.http.post(path, headers=given, body=content)

    def messages(self) -> list[dict[str, Any]]:
        """Take what is in the queue."""
        url = self.services.settings.queue_url
        taken = []
        while found := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for each in found:
                taken.append(json.loads(each["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return taken

    def drop(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Put a file into the intake bucket, and what S3 says of it into the queue."""
        put = self.s3.put_object(Bucket="intake", Key=key, Body=content, Metadata=dict(metadata or {}))
        stored = {"key": quote(key), "versionId": put["VersionId"], "eTag": put["ETag"], "size": len(content)}
        record = {
            "eventName": "ObjectCreated:Put",
            "eventTime": dt.datetime.now(dt.UTC).isoformat(),
            "s3": {"bucket": {"name": "intake"}, "object": stored},
        }
        self.sqs.send_message(QueueUrl=self.services.settings.queue_url, MessageBody=json.dumps({"Records": [record]}))

    def work(self) -> None:
        """Let the worker do all that is in the queue."""
        for message in self.messages():
            worker.handle(self.services, json.dumps(message))


@pytest.fixture(scope="session", autouse=True)
def tokens() -> Iterator[DynamoTokens]:
    """The tokens that the app's own authorizer knows, in the table that ``make_api`` makes."""
    wiring._local.tokens = store = DynamoTokens(TOKENS, REGION)
    yield store
    wiring._local.tokens = None


@pytest.fixture(autouse=True)
def as_long_as_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chalice's client gives every function three seconds, whatever the configuration says."""
    monkeypatch.setattr(chalice.test, "LambdaContext", partial(LambdaContext, max_runtime_ms=900_000))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in process, with credentials that are good for nothing else."""
    monkeypatch.setattr(queue, "_LOOK_SECONDS", 0)  # the SQS that is played is one server
    with played_aws(monkeypatch):
        yield


@cache
def clients() -> boto3.session.Session:
    """One session for all tests, for a new one reads botocore's data again, which takes long."""
    return boto3.session.Session()


@cache
def adapters() -> tuple[DynamoCatalog, DynamoTokens]:
    """Catalogue and tokens as one of each for all tests: a new connection of PynamoDB reads that data again as well."""
    return DynamoCatalog(CATALOG, REGION), DynamoTokens(TOKENS, REGION)


@pytest.fixture(scope="session")
def app_database(
    make_database: Callable[[Dictionary], AbstractContextManager[TestDatabase]], dictionary: Dictionary
) -> Iterator[TestDatabase]:
    """One database for all tests of the API: they are many, and to make one takes longer than most of them."""
    with make_database(dictionary) as database:
        yield database


@pytest.fixture
def postgres(app_database: TestDatabase) -> TestDatabase:
    """The database, all its tables empty."""
    empty(app_database)
    return app_database


def empty(database: TestDatabase) -> None:
    """Empty all tables of a database, the ledger's too."""
    names = [f'public."{table.name}"' for table in database.dictionary.tables]
    with database.as_owner() as connection:
        connection.execute_simple(f"TRUNCATE {', '.join(names)}, decant.runs, decant.rejections, decant.idempotency")


def make_api(database: TestDatabase) -> Api:
    """Services over moto and a database, and a client of the API that uses them."""
    s3, sqs, dynamodb = (clients().client(name, region_name=REGION) for name in ("s3", "sqs", "dynamodb"))
    for bucket in ("intake", "backups"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    dead = sqs.create_queue(QueueName="decant-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    queue_url = sqs.create_queue(QueueName="decant-work", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    dynamodb.create_table(
        TableName=CATALOG,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("partition", "id")],
        KeySchema=[{"AttributeName": "partition", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
    )
    dynamodb.create_table(
        TableName=TOKENS,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    catalog, tokens = adapters()
    tokens.add(KEPT_TOKEN)
    settings = Settings(
        "test", "intake", "backups", queue_url, CATALOG, "audit", "secret", "off", PACKAGED_DICTIONARY, 0
    )
    services = Services(
        settings=settings,
        dictionary=database.dictionary,
        database=database.database,
        intake=S3Storage(s3, "intake"),
        backups=S3Storage(s3, "backups"),
        catalog=catalog,
        queue=SqsQueue(sqs, queue_url),
        audit=FakeAuditLog(),
    )
    project = Path(__file__).parents[2]
    return Api(Client(entry.app, stage_name="local", project_dir=str(project)), services, database, sqs, s3)


@pytest.fixture
def api(aws: None, postgres: TestDatabase) -> Iterator[Api]:  # noqa: ARG001 - aws must be there first
    """The API over the shipped dictionary, its tables empty."""
    made = make_api(postgres)
    with use(made.services):
        yield made


@pytest.fixture
def filled(api: Api) -> Api:
    """The API over two departments and two jobs."""
    answer = api.post(
        "/batch",
        {
            "departments": [{"id": 1, "department": "Supply Chain"}, {"id": 2, "department": "Staff"}],
            "jobs": [{"id": 1, "job": "Recruiter"}, {"id": 2, "job": "Analyst"}],
        },
    )
    assert answer.status_code == 201, answer.body
    return api
