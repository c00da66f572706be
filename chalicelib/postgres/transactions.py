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

from chalicelib.errors import DecantError, Unavailable
from chalicelib.postgres.connecting import Login, close_connection, connect_with_login
from chalicelib.postgres.copying import copy_in
from chalicelib.postgres.reading import read
from chalicelib.postgres.statements import Statements
from chalicelib.postgres.translation import WrongPassword, execute, translated

logger = logging.getLogger(__name__)


class PostgresDatabase:
    """A database reached over one warm connection, opened when it is first needed.

    ``connect`` returns a new pg8000 connection, in which every session setting is already right.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._connection: Any = None
        self._statements: Statements | None = None
        self._taken = False

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[PostgresTransaction]:
        """See ``ports.Database``. There is one at a time: Postgres would let an inner one commit the outer one."""
        if self._taken:
            raise DecantError("A transaction was begun within another.")
        transaction = PostgresTransaction(self._begin(snapshot), self._statements)
        self._taken = True
        try:
            yield transaction
            transaction.run("COMMIT")
        except BaseException as error:
            self._roll_back(transaction, error)
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
                execute(self._connection, begin, {})
            except Unavailable:
                logger.info("the warm connection is dead; opening another")
                self.close()
            else:
                return self._connection
        self._connection = connection = self._open()
        self._statements = Statements(connection)
        try:
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

    def _roll_back(self, transaction: PostgresTransaction, error: BaseException) -> None:
        """Roll back, and keep the connection only when the error does not make it doubtful.

        An interruption may lie in the connection (a server that is read-only since a failover), and an exception from
        anywhere may have left an answer in it that would be taken for the next one's. Without it the server rolls back.
        """
        if isinstance(error, DecantError) and not error.retryable:
            with suppress(DecantError):  # the error that led here is the one to tell
                transaction.run("ROLLBACK")
                return
        self.close()


class PostgresTransaction:
    """See ``ports.Transaction``. ``statements`` are those that the connection keeps prepared beyond its end."""

    def __init__(self, connection: Any, statements: Statements | None = None) -> None:
        self._connection = connection
        self._statements = statements or Statements(connection)

    def run(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """See ``ports.Transaction``."""
        return [tuple(row) for row in execute(self._connection, sql, parameters)]

    def run_prepared(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """See ``ports.Transaction``."""
        return self._statements.run(sql, parameters)

    def run_script(self, sql: str) -> None:
        """See ``ports.Transaction``."""
        translated(lambda: self._connection.execute_simple(sql))

    def copy_in(self, relation: str, rows: Iterable[pa.Table]) -> int:
        """See ``ports.Transaction``. The rows' tables share one schema."""
        return copy_in(self._connection, relation, rows)

    def read(self, query: str, schema: pa.Schema, longest: int | None = None) -> pa.Table:
        """See ``ports.Transaction``."""
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
