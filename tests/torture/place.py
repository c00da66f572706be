"""Where the torture takes place: a Postgres and an emulator of their own, and two workers before them."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.deployment.target import Target
from infra.local.emulator import Emulator
from tests.conftest import TestDatabase
from tests.torture.crew import Worker

INTAKE, BACKUPS, CATALOG = "intake", "backups", "catalog"


@dataclass
class Place:
    """The parts, as the product's own adapters know them, and plain clients for whoever checks on it."""

    database: TestDatabase
    workers: tuple[Worker, ...]
    s3: Any
    sqs: Any
    dynamodb: Any
    queue: str
    dropped: int = 0

    def drop(self, key: str, content: bytes) -> None:
        """Put a file into the intake bucket, and what S3 says of it into the queue."""
        put = self.s3.put_object(Bucket=INTAKE, Key=f"incoming/{key}", Body=content)
        self.dropped += 1
        stored = {
            "key": f"incoming/{key}",
            "versionId": put["VersionId"],
            "eTag": put["ETag"],
            "size": len(content),
            "sequencer": f"{self.dropped:016X}",
        }
        record = {
            "eventName": "ObjectCreated:Put",
            "eventTime": dt.datetime.now(dt.UTC).isoformat(),
            "s3": {"bucket": {"name": INTAKE}, "object": stored},
        }
        self.send(json.dumps({"Records": [record]}))

    def send(self, body: str) -> None:
        """Put a message into the queue."""
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)


@contextmanager
def make_place(database: TestDatabase, emulator: Emulator, folder: Path, workers: int = 2) -> Iterator[Place]:
    """Make buckets, a queue and a catalogue on a running emulator, and start the workers."""
    target: Target = emulator.target
    s3, sqs, dynamodb = (target.client(name) for name in ("s3", "sqs", "dynamodb"))
    for bucket in (INTAKE, BACKUPS):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    queue = sqs.create_queue(QueueName=f"work-{secrets.token_hex(3)}", Attributes={"VisibilityTimeout": "300"})
    dynamodb.create_table(
        TableName=CATALOG,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("partition", "id")],
        KeySchema=[{"AttributeName": "partition", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
    )
    key = emulator.credentials
    environment = {
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "DECANT_AUTHORIZER": "none",
        "DECANT_STAGE": "local",
    }
    told = {
        "account": asdict(database.app),
        "intake": INTAKE,
        "backups": BACKUPS,
        "catalog": CATALOG,
        "queue": queue["QueueUrl"],
    }
    with ExitStack() as stack:
        crew = [
            stack.enter_context(Worker(told, environment, folder / f"worker-{number}.report"))
            for number in range(workers)
        ]
        crew = [worker.ready() for worker in crew]
        yield Place(database, tuple(crew), s3, sqs, dynamodb, queue["QueueUrl"])
