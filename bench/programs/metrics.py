"""The metrics' own statements, explained: `metrics ROUNDS`, in the environment of a function of the stack."""

from __future__ import annotations

import json
import sys
from typing import Any

from chalicelib.metrics.compute import DEFAULT_YEAR, compute
from chalicelib.metrics.registry import Metric, metrics_of
from chalicelib.ports import Transaction
from chalicelib.wiring import services


class Explained:
    """A transaction that runs each query a second time, to ask the server how long it took."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.seconds = 0.0

    def run(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run a query; add its planning and its execution to `seconds`."""
        found = self._transaction.run(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", **parameters)[0][0]
        plan = (json.loads(found) if isinstance(found, str) else found)[0]
        self.seconds += (plan["Planning Time"] + plan["Execution Time"]) / 1000
        return self._transaction.run(sql, **parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)


def measure(metric: Metric, rounds: int) -> list[float]:
    """Give the seconds of each round after a first one, which finds nothing in memory."""
    seconds = []
    for _ in range(rounds + 1):
        with services().database.transaction() as transaction:
            explained: Any = Explained(transaction)
            compute(explained, metric, DEFAULT_YEAR)
        seconds.append(explained.seconds)
    return seconds[1:]


rounds = min(int(sys.argv[1]), 20)
print(json.dumps({metric.name: measure(metric, rounds) for metric in metrics_of(services().dictionary)}))
