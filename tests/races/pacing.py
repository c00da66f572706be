"""Clients in lock step: each stands before its next statement until it is told to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Condition
from typing import Any

import pyarrow as pa

from chalicelib.ports import Database, Transaction

# A statement that takes longer, without waiting for a lock, is left to itself.
_PATIENCE_STEPS = 40
_STEP_SECONDS = 0.005


class LockStep:
    """Lets clients go on one statement at a time, in the order of a plan; when that is at its end they run freely.

    ``waits`` tells whether a client waits for a lock that another one holds; its turns are then skipped. ``ended`` are
    the clients that were at their end when the plan was at a turn of theirs.
    """

    def __init__(self, plan: Sequence[int], waits: Callable[[int], bool]) -> None:
        self._plan = plan
        self._waits = waits
        self._change = Condition()
        self._standing: set[int] = set()
        self._over: set[int] = set()
        self._called: int | None = None
        self._free = False
        self.steps: Counter[int] = Counter()
        self.ended: set[int] = set()

    def step(self, client: int) -> None:
        """Stand before the next statement, in the client's own thread, until it is the client's turn."""
        with self._change:
            if self._free:
                return
            self._standing.add(client)
            self._change.notify_all()
            self._change.wait_for(lambda: self._free or self._called == client)
            self._standing.discard(client)
            if self._called == client:
                self._called = None
            self._change.notify_all()

    def end(self, client: int) -> None:
        """The client does nothing any more."""
        with self._change:
            self._over.add(client)
            self._change.notify_all()

    def conduct(self) -> None:
        """Follow the plan, then let everybody run."""
        try:
            for client in self._plan:
                if self._stands(client):
                    with self._change:
                        self._called = client
                        self._change.notify_all()
                        self._change.wait_for(lambda: self._called is None)
                    self.steps[client] += 1
                    self._stands(client)
                with self._change:
                    self.ended |= {client} & self._over
        finally:
            with self._change:
                self._free = True
                self._change.notify_all()

    def _stands(self, client: int) -> bool:
        for _ in range(_PATIENCE_STEPS):
            with self._change:
                if self._change.wait_for(lambda: {client} & (self._standing | self._over), timeout=_STEP_SECONDS):
                    return client in self._standing
            if self._waits(client):
                return False
        return False


class Paced:
    """A database each of whose statements, and each COMMIT, waits for ``step``."""

    def __init__(self, inner: Database, step: Callable[[], None]) -> None:
        self._inner = inner
        self._step = step

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        with self._inner.transaction(snapshot=snapshot) as transaction:
            yield PacedTransaction(transaction, self._step)
            self._step()


class PacedTransaction:
    """A transaction each of whose statements waits for ``step``."""

    def __init__(self, inner: Transaction, step: Callable[[], None]) -> None:
        self._inner = inner
        self._step = step

    def run(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        self._step()
        return self._inner.run(sql, **parameters)

    def run_prepared(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        self._step()
        return self._inner.run_prepared(sql, **parameters)

    def run_script(self, sql: str) -> None:
        self._step()
        self._inner.run_script(sql)

    def roll_back_to(self, savepoint: str) -> None:
        self._step()
        self._inner.roll_back_to(savepoint)

    def copy_in(self, relation: str, rows: Iterable[pa.Table]) -> int:
        self._step()
        return self._inner.copy_in(relation, rows)

    def read(self, query: str, schema: pa.Schema, longest: int | None = None) -> pa.Table:
        self._step()
        return self._inner.read(query, schema, longest)
