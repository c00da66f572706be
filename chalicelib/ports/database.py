"""The database: connections, and statements that become true together."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pyarrow as pa


class Session(Protocol):
    """A connection. Each statement commits by itself unless one began a transaction."""

    def run(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows. Parameters are named ``:name`` in the SQL."""

    def run_script(self, sql: str) -> None:
        """Run fixed SQL of one or more statements, without parameters or rows."""


class Transaction(Session, Protocol):
    """Statements that become true together."""

    def run_prepared(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """As ``run``, in one round trip, for a statement that comes again and again: the connection keeps it prepared.

        Its columns have types of their own (casts, counts), for it lives on when a table's column gets another one.
        """

    def roll_back_to(self, savepoint: str) -> None:
        """Undo what was done since a savepoint, which stays. In SQL alone, the transaction would not know of it."""

    def copy_in(self, relation: str, rows: Iterable[pa.Table]) -> int:
        """COPY rows into a quoted relation, by the names of their columns; return how many."""

    def read(self, query: str, schema: pa.Schema, longest: int | None = None) -> pa.Table:
        """The rows of a query as an Arrow table of that schema, all of them at once: 1 GB of them at most.

        Raises TooLarge when a text has more than ``longest`` bytes. Such texts are not sent, so that whoever does not
        know how long they are bounds the answer; the transaction goes on.

        It goes through COPY, which takes no parameters: put values in with ``names.quote_literal``.
        """


class Database(Protocol):
    """The Postgres database."""

    def transaction(self, *, snapshot: bool = False) -> AbstractContextManager[Transaction]:
        """Begin a transaction; it commits when the context ends and rolls back when it fails.

        With ``snapshot`` it is REPEATABLE READ: all its statements see the same moment.
        Raises Unavailable when the database can't be reached, is busy, or ended the transaction in favour of another.
        """
