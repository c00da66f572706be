"""The dead-letter queue: what is in it, and back to work with it.

AWS moves messages by itself (`aws sqs start-message-move-task`); emulators don't know that call.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_BATCH = 10
_LOOK_SECONDS = 2
_MOVE_SECONDS = 30


@dataclass(frozen=True)
class Letter:
    """A message that failed as often as it may, and when it was first sent."""

    id: str
    sent: datetime
    body: str
    receipt: str


def look(sqs: Any, queue_url: str) -> list[Letter]:
    """Give the messages of a queue, oldest first, and leave them there; they are hidden for two seconds."""
    return sorted(_received(sqs, queue_url, _LOOK_SECONDS), key=lambda letter: (letter.sent, letter.id))


def redrive(sqs: Any, source_url: str, target_url: str) -> int:
    """Move all messages from one queue to another; give their number.

    Each is sent before it is deleted, so that none is lost; the work of one that comes twice is done once.
    """
    moved = 0
    for letter in _received(sqs, source_url, _MOVE_SECONDS):
        sqs.send_message(QueueUrl=target_url, MessageBody=letter.body)
        sqs.delete_message(QueueUrl=source_url, ReceiptHandle=letter.receipt)
        moved += 1
    return moved


def _received(sqs: Any, queue_url: str, hidden_seconds: int) -> Iterator[Letter]:
    while True:
        messages = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=_BATCH,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=0,
            AttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        if not messages:
            return
        for message in messages:
            sent = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
            yield Letter(message["MessageId"], sent, message["Body"], message["ReceiptHandle"])
