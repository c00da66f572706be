"""Statements that end in time, whatever the server does: it is told how long it has, and waited for a little longer.

The server ends a statement by itself (``statement_timeout``). One that is silent, because it is frozen or the network
is gone without a word, is given up by the time-out of the socket; the connection is then good for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from chalicelib.errors import OutOfTime, Unavailable
from chalicelib.postgres.connecting import wait_at_most
from chalicelib.postgres.translation import execute
from chalicelib.time_left import TimeLeft


class Limits:
    """Keeps the statements of one transaction within the time that is left."""

    def __init__(self, connection: Any, time_left: TimeLeft) -> None:
        self._connection = connection
        self._time_left = time_left
        self._told = math.inf

    @contextmanager
    def statement(self) -> Iterator[None]:
        """For a statement within the context. Raises OutOfTime when the time is over, before or during it."""
        self._time_left.check()
        with self.last_statement():
            # Told again when the server would believe in much more time than there is: not before each statement.
            seconds = self._time_left.seconds
            if seconds < self._told - self._time_left.grace:
                execute(self._connection, f"SET LOCAL statement_timeout = {max(1, math.ceil(seconds * 1000)):d}", {})
                self._told = seconds
            yield

    def forget(self) -> None:
        """For when the transaction was rolled back to a savepoint: the server may believe what it did before that."""
        self._told = math.inf

    @contextmanager
    def last_statement(self) -> Iterator[None]:
        """For the end of a transaction, which is tried though the time is over: all is done but that."""
        self._wait_in_time()
        try:
            yield
        except OutOfTime:
            raise
        except Unavailable as error:
            if self._time_left.seconds <= 0:
                raise OutOfTime(f"The worker's time was over. {error.detail}", hint="It is tried again.") from error
            raise

    def rows(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """The tables of rows that one statement is sent. Raises OutOfTime when the time is over."""
        for table in tables:
            self._time_left.check()
            self._wait_in_time()
            yield table

    def _wait_in_time(self) -> None:
        """Wait for the server until a little behind the end; each turn anew, since a socket counts from each."""
        seconds = max(self._time_left.seconds, 0.0) + self._time_left.grace
        wait_at_most(self._connection, None if seconds == math.inf else seconds)
