"""The queue, over SQS as moto plays it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.errors import DecantError, Unavailable
from chalicelib.queue import SqsQueue
from tests.aws import REGION


@pytest.fixture
def client(aws: None) -> Any:  # noqa: ARG001 - AWS must be there first
    return boto3.client("sqs", region_name=REGION)


@pytest.fixture
def queue(client: Any) -> SqsQueue:
    return SqsQueue(client, client.create_queue(QueueName="decant-work")["QueueUrl"])


def received(client: Any) -> list[dict[str, Any]]:
    url = client.get_queue_url(QueueName="decant-work")["QueueUrl"]
    return [json.loads(each["Body"]) for each in client.receive_message(QueueUrl=url).get("Messages", [])]


def test_a_message_arrives_as_it_was_sent(client: Any, queue: SqsQueue) -> None:
    message = {"work": "load", "source": {"key": "incoming/ñ '\".csv", "version": None}, "force": True}
    queue.send(message)
    assert received(client) == [message]


def test_a_delayed_message_is_not_there_yet(client: Any, queue: SqsQueue) -> None:
    queue.send({"work": "backup"}, delay=900)
    assert received(client) == []


def test_what_waits_is_counted(queue: SqsQueue) -> None:
    assert queue.waiting() == 0
    queue.send({})
    assert queue.waiting() == 1


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ClientError({"Error": {"Code": "RequestThrottled"}}, "SendMessage"), Unavailable),
        (ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "SendMessage"), Unavailable),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), Unavailable),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage"), DecantError),
    ],
    ids=["throttled", "503", "timeout", "denied"],
)
def test_errors_are_told_as_ours(error: Exception, raised: type[DecantError]) -> None:
    class Failing:
        def send_message(self, **_: Any) -> None:
            raise error

    with pytest.raises(DecantError) as found:
        SqsQueue(Failing(), "url").send({})
    assert found.type is raised
