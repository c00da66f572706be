"""DynamoDB from moto, in LocalStack's own process: the usual one is a Java program that has to be downloaded."""

from collections.abc import Callable
from threading import RLock
from typing import Any

from localstack.aws.api.dynamodb import DynamodbApi
from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import Service, aws_provider

Operation = Callable[[Any, Any], Any]


class InMemoryDynamoDb(DynamodbApi):  # type: ignore[misc] # LocalStack tells no types
    """Every operation is left to moto."""


@aws_provider(api="dynamodb", name="moto")  # type: ignore[untyped-decorator]
def dynamodb_in_memory() -> Service:
    """Give the service; one operation at a time, for moto loses updates that come at once."""
    return Service.for_provider(InMemoryDynamoDb(), dispatch_table_factory=one_at_a_time)


def one_at_a_time(provider: DynamodbApi) -> dict[str, Operation]:
    """Give moto's operations behind one lock."""
    lock = RLock()

    def locked(operation: Operation) -> Operation:
        def run(context: Any, request: Any) -> Any:
            with lock:
                return operation(context, request)

        return run

    return {name: locked(operation) for name, operation in MotoFallbackDispatcher(provider).items()}
