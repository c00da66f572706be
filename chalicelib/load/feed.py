"""Rows that go into the database beside the caller, who reads and checks the next ones meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Queue
from types import TracebackType

import pyarrow as pa

from chalicelib.ports import Transaction

# Eight of the usual ones are 10 MB, and what the server does in a fifth of a second; rows may be much longer.
_MOST_WAITING = 8
_MOST_BYTES = 64 * 2**20
# What triggers do with all rows of a COPY, the server does at its end: so there are some ends, not too many.
_MOST_ROWS = 250_000


@dataclass(frozen=True, slots=True)
class _Rows:
    relation: str
    table: pa.Table


class _End:
    """Nothing comes any more."""


class _GivenUp(_End, Exception):
    """What was sent last is not all: it must not go in."""


class _Waiting(Queue[_Rows | _End]):
    """What is to be sent: few tables, and one more only while they have fewer bytes than there is room for."""

    def __init__(self) -> None:
        super().__init__(_MOST_BYTES)
        self._bytes = 0

    def _qsize(self) -> int:
        return self._bytes

    def _put(self, item: _Rows | _End) -> None:
        self._bytes += _size(item)
        super()._put(item)

    def _get(self) -> _Rows | _End:
        item = super()._get()
        self._bytes -= _size(item)
        return item


def _size(item: _Rows | _End) -> int:
    """How much of the room an item takes, at least its part of it."""
    return max(item.table.nbytes if isinstance(item, _Rows) else 0, _MOST_BYTES // _MOST_WAITING)


class Feed:
    """Sends tables of rows in the order they are given, in a thread of its own: few of them wait for it.

    Tables for one relation that follow each other go through one COPY. While something may be on its way the
    transaction is not the caller's: ``wait`` gives it back, and so does the end of the context. An error in the context
    closes the connection if a COPY is under way.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._waiting = _Waiting()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed")
        self._work: Future[None] | None = None
        self._failed = False

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with self._thread:
            if error is None:
                self.wait()
            elif self._work is not None:
                self._waiting.put(_GivenUp())

    def send(self, relation: str, table: pa.Table) -> None:
        """Send rows into a quoted relation. Raises what became of those before."""
        if self._failed:
            self.wait()
        if self._work is None:
            self._work = self._thread.submit(self._send_all)
        self._waiting.put(_Rows(relation, table))

    def wait(self) -> None:
        """Wait until all is sent, and raise what went wrong."""
        work, self._work = self._work, None
        if work is not None:
            self._waiting.put(_End())
            work.result()

    def _send_all(self) -> None:
        """Send what comes, until its end."""
        ahead = self._waiting.get()

        def same(relation: str) -> Iterator[pa.Table]:
            nonlocal ahead
            count = 0
            while isinstance(ahead, _Rows) and ahead.relation == relation and count < _MOST_ROWS:
                count += len(ahead.table)
                yield ahead.table
                ahead = self._waiting.get()
            if isinstance(ahead, _GivenUp):
                raise ahead

        try:
            while isinstance(ahead, _Rows):
                self._transaction.copy_in(ahead.relation, same(ahead.relation))
        except BaseException:
            self._failed = True
            while not isinstance(ahead, _End):  # else the caller would wait for room
                ahead = self._waiting.get()
            raise
