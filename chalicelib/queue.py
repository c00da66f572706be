"""The queue of work, an SQS queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_errors import code_of, is_transient
from chalicelib.errors import DecantError, Unavailable


class SqsQueue:
    """See ``ports.Queue``. ``client`` is a boto3 client of SQS."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: Mapping[str, Any], delay: int = 0) -> None:
        """See ``ports.Queue``."""
        self._call("send_message", MessageBody=json.dumps(message), DelaySeconds=delay)

    def waiting(self) -> int:
        """Roughly how many messages wait to be delivered."""
        answer = self._call("get_queue_attributes", AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(QueueUrl=self._url, **arguments)
        except ClientError as error:
            if is_transient(error):
                raise Unavailable(
                    f"The work queue is busy ({code_of(error)}).", hint="Try again in a moment."
                ) from error
            raise DecantError(f"The work queue refused {operation}: {error}") from error
        except BotoCoreError as error:
            raise Unavailable("The work queue can't be reached.", hint="Try again in a moment.") from error
