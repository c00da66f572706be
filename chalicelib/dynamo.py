"""What the adapters of DynamoDB share: a model for a table, and PynamoDB's errors as ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DoesNotExist, PynamoDBException
from pynamodb.models import Model

from chalicelib.aws_errors import is_transient
from chalicelib.errors import DecantError, Unavailable

Item = TypeVar("Item", bound=Model)
Result = TypeVar("Result")

_REFUSED = {
    "ConditionalCheckFailedException",
    "TransactionCanceledException",
    "TransactionConflictException",
}
# Why a transaction was cancelled, where nothing but its conditions stood in its way.
_REFUSED_REASONS = {"ConditionalCheckFailed", "TransactionConflict", "None"}
# A transaction that another was in the way of; and a limit that only DynamoDB has.
_BUSY = {"ItemCollectionSizeLimitExceededException", "TransactionCanceledException"}


class ConditionRefused(Exception):
    """The items are not as the condition of a write asks, or another write is at them. It leaves no adapter."""


def model_of(item: type[Item], table: str, **connection: Any) -> type[Item]:
    """The model for one table; ``connection`` are the settings of PynamoDB's ``Meta``."""
    return type("Item", (item,), {"Meta": type("Meta", (), {"table_name": table, **connection})})


def translated(what: str, work: Callable[[], Result]) -> Result:
    """Call ``work``, turning PynamoDB's errors into ours, which name the part as ``what``.

    Raises Unavailable when it is busy or can't be reached, DecantError when it refuses the request, ConditionRefused;
    ``DoesNotExist`` is PynamoDB's own.
    """
    try:
        return work()
    except DoesNotExist:
        raise
    except PynamoDBException as error:
        code, message = _said(error)
        if code in _REFUSED and _reasons(error) <= _REFUSED_REASONS:
            raise ConditionRefused from error
        if code is None or code in _BUSY or _is_transient(error):
            raise Unavailable(f"The {what} is busy or out of reach ({code}).", hint="Try again.") from error
        raise DecantError(f"The {what} refused a request: {message} ({code}).") from error
    except BotoCoreError as error:
        raise Unavailable(f"The {what} can't be reached.", hint="Try again in a moment.") from error


def _is_transient(error: PynamoDBException) -> bool:
    return isinstance(error.cause, ClientError) and is_transient(error.cause)


def _said(error: PynamoDBException) -> tuple[str | None, str | None]:
    """The code and the message of DynamoDB's answer. PynamoDB's own ``cause_response_code`` fails where none came."""
    answer = getattr(error.cause, "response", None) or {}
    told = answer.get("Error", {})
    return told.get("Code"), told.get("Message")


def _reasons(error: PynamoDBException) -> set[str]:
    return {reason.code for reason in getattr(error, "cancellation_reasons", None) or () if reason is not None}
