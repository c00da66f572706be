"""The queue of work, an SQS queue."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_errors import code_of, is_transient
from chalicelib.errors import DecantError, Unavailable
from chalicelib.ports import DeadLetter

logger = logging.getLogger(__name__)

_AT_ONCE = 10  # SQS's own limit
_LOOK_SECONDS = 1  # without waiting SQS asks some of its servers only, and may find none


class SqsQueue:
    """See ``ports.Queue``. ``client`` is a boto3 client of SQS."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: Mapping[str, Any], delay: int = 0) -> None:
        """See ``ports.Queue``."""
        self.put(json.dumps(message), delay)

    def put(self, body: str, delay: int = 0) -> None:
        """Put a message that is written already into the queue."""
        self._call("send_message", MessageBody=body, DelaySeconds=delay)

    def waiting(self) -> int:
        """Roughly how many messages wait to be delivered."""
        answer = self._call("get_queue_attributes", AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def dead_letters(self) -> SqsDeadLetters:
        """The queue of the messages that this one gave up on."""
        given = self._call("get_queue_attributes", AttributeNames=["RedrivePolicy"]).get("Attributes", {})
        if "RedrivePolicy" not in given:
            raise DecantError("The work queue has no dead-letter queue.", hint="Deploy the application's template.")
        *_, account, name = json.loads(given["RedrivePolicy"])["deadLetterTargetArn"].split(":")
        found = self._ask("get_queue_url", QueueName=name, QueueOwnerAWSAccountId=account)
        return SqsDeadLetters(self._client, found["QueueUrl"])

    def _call(self, operation: str, **arguments: Any) -> Any:
        return self._ask(operation, QueueUrl=self._url, **arguments)

    def _ask(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            if is_transient(error):
                raise Unavailable(
                    f"The work queue is busy ({code_of(error)}).", hint="Try again in a moment."
                ) from error
            raise DecantError(f"The work queue refused {operation}: {error}") from error
        except BotoCoreError as error:
            raise Unavailable("The work queue can't be reached.", hint="Try again in a moment.") from error


class SqsDeadLetters(SqsQueue):
    """The messages that a queue gave up on."""

    def take(
        self, most: int | None, seconds: int, more: Callable[[], bool] = lambda: True
    ) -> Iterator[list[DeadLetter]]:
        """Take some of the messages, in no order; each is hidden from others for so many seconds, or until let go.

        The queue gives several at once, which come as they are given: whoever takes them has to let go of each. It is
        asked for others while fewer than ``most`` were taken, if that is given, and ``more`` are wanted.
        """
        taken = 0
        while (most is None or taken < most) and more():
            messages = self._call(
                "receive_message",
                MaxNumberOfMessages=_AT_ONCE if most is None else min(_AT_ONCE, most - taken),
                VisibilityTimeout=seconds,
                WaitTimeSeconds=_LOOK_SECONDS,
                AttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            ).get("Messages", [])
            if not messages:
                return
            taken += len(messages)
            yield [_letter(message) for message in messages]

    def let_go(self, letters: Iterable[DeadLetter]) -> None:
        """Leave messages that were taken to others, at once; one for which that fails, when its time is over."""
        for letter in letters:
            try:
                self._call("change_message_visibility", ReceiptHandle=letter.receipt, VisibilityTimeout=0)
            except DecantError:  # which may be that it was deleted, and the answer was lost
                logger.warning("the dead letter %s can't be let go of", letter.id, exc_info=True)

    def delete(self, letter: DeadLetter) -> None:
        """Delete a message that was taken."""
        self._call("delete_message", ReceiptHandle=letter.receipt)


def _letter(message: Mapping[str, Any]) -> DeadLetter:
    told = message["Attributes"]
    return DeadLetter(
        id=message["MessageId"],
        body=message["Body"],
        sent=dt.datetime.fromtimestamp(int(told["SentTimestamp"]) / 1000, dt.UTC),
        deliveries=int(told["ApproximateReceiveCount"]),
        receipt=message["ReceiptHandle"],
    )
