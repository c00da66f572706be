"""Transactions over one warm connection, and sessions of their own.

The connection is kept from one invocation to the next, and replaced when the server has closed it or the secret has
been rotated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa

from chalicelib.dictionary.names import quote
from chalicelib.errors import DecantError, Unavailable
from chalicelib.postgres.connecting import Login, close_connection, connect_with_login, wait_at_most
from chalicelib.postgres.copying import copy_in
from chalicelib.postgres.limits import Limits
from chalicelib.postgres.reading import read
from chalicelib.postgres.statements import Statements
from chalicelib.postgres.translation import WrongPassword, execute, translated
from chalicelib.time_left import TimeLeft

logger = logging.getLogger(__name__)

# A server that is there says so at once; a connection may lead to one that is not any more.
_BEGIN_SECONDS = 10


class PostgresDatabase:
    """A database reached over one warm connection, opened when it is first needed.

    ``connect`` returns a new pg8000 connection, in which every session setting is already right. Transactions raise
    OutOfTime when no ``time_left`` is left, and end what the server does in time.
    """

    def __init__(self, connect: Callable[[], Any], time_left: TimeLeft | None = None) -> None:
        self.time_left = time_left or TimeLeft()
        self._connect = connect
        self._connection: Any = None
        self._statements: Statements | None = None
        self._taken = False

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[PostgresTransaction]:
        """See ``ports.Database``. There is one at a time: Postgres would let an inner one commit the outer one."""
        if self._taken:
            raise DecantError("A transaction was begun within another.")
        self.time_left.check()
        connection = self._begin(snapshot)
        limits = Limits(connection, self.time_left)
        transaction = PostgresTransaction(connection, self._statements, limits)
        self._taken = True
        try:
            yield transaction
            with limits.last_statement():
                execute(connection, "COMMIT", {})
        except BaseException as error:
            self._roll_back(connection, limits, error)
            raise
        finally:
            self._taken = False

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            close_connection(connection)

    def _begin(self, snapshot: bool) -> Any:
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ" if snapshot else "BEGIN"
        if self._connection is not None:
            try:
                wait_at_most(self._connection, _BEGIN_SECONDS)
                execute(self._connection, begin, {})
            except Unavailable:
                logger.info("the warm connection is dead; opening another")
                self.close()
            else:
                return self._connection
        self._connection = connection = self._open()
        self._statements = Statements(connection)
        try:
            wait_at_most(connection, _BEGIN_SECONDS)
            execute(connection, begin, {})
        except BaseException:
            self.close()
            raise
        return connection

    def _open(self) -> Any:
        try:
            return translated(self._connect)
        except WrongPassword:
            logger.info("the password is refused; it may have been rotated, so it is fetched once more")
            return translated(self._connect)

    def _roll_back(self, connection: Any, limits: Limits, error: BaseException) -> None:
        """Roll back, and keep the connection only when the error does not make it doubtful.

        An interruption may lie in the connection (a server that is read-only since a failover), and an exception from
        anywhere may have left an answer in it that would be taken for the next one's. Without it the server rolls back.
        """
        if isinstance(error, DecantError) and not error.retryable:
            with suppress(DecantError):  # the error that led here is the one to tell
                with limits.last_statement():
                    execute(connection, "ROLLBACK", {})
                return
        self.close()


class PostgresTransaction:
    """See ``ports.Transaction``. ``statements`` are those that the connection keeps prepared beyond its end.

    Without ``limits`` a statement may take as long as it likes.
    """

    def __init__(self, connection: Any, statements: Statements | None = None, limits: Limits | None = None) -> None:
        self._connection = connection
        self._statements = statements or Statements(connection)
        self._limits = limits or Limits(connection, TimeLeft())

    def run(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """See ``ports.Transaction``."""
        with self._limits.statement():
            return [tuple(row) for row in execute(self._connection, sql, parameters)]

    def run_prepared(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """See ``ports.Transaction``."""
        with self._limits.statement():
            return self._statements.run(sql, parameters)

    def run_script(self, sql: str) -> None:
        """See ``ports.Transaction``."""
        with self._limits.statement():
            translated(lambda: self._connection.execute_simple(sql))

    def roll_back_to(self, savepoint: str) -> None:
        """See ``ports.Transaction``."""
        self.run(f"ROLLBACK TO SAVEPOINT {quote(savepoint)}")
        self._limits.forget()

    def copy_in(self, relation: str, rows: Iterable[pa.Table]) -> int:
        """See ``ports.Transaction``. The rows' tables share one schema."""
        with self._limits.statement():
            return copy_in(self._connection, relation, self._limits.rows(rows))

    def read(self, query: str, schema: pa.Schema, longest: int | None = None) -> pa.Table:
        """See ``ports.Transaction``."""
        with self._limits.statement():
            return read(self._connection, query, schema, longest)


@contextmanager
def session(login: Login, tls: str) -> Iterator[PostgresTransaction]:
    """A session of its own, each of whose statements commits by itself unless one begins a transaction.

    Raises WrongPassword, and Unavailable when the server can't be reached or its certificate is not accepted.
    """
    connection = translated(lambda: connect_with_login(login, tls))
    try:
        yield PostgresTransaction(connection)
    finally:
        close_connection(connection)
