"""What a writer makes of rows that others delete while it is at work: what it has looked at is not there any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.dictionary.model import Table
from chalicelib.errors import IntegrityViolation, Unavailable

_FOREIGN_KEY_VIOLATION = "23503"


class ParentGone(Unavailable):
    """What a row refers to vanished after the row was checked; it has to be checked again."""


class RowGone(Unavailable):
    """What kept a row out of the table was deleted before it was compared with it; the row has to be put again."""

    def __init__(self, table: Table) -> None:
        super().__init__(f"A row of {table.name} was deleted in the meantime.", hint="Try again.")


@contextmanager
def parents_stay(table: Table) -> Iterator[None]:
    """Raise ParentGone where Postgres finds that what a row of the table refers to is gone."""
    try:
        yield
    except IntegrityViolation as error:
        if error.sqlstate != _FOREIGN_KEY_VIOLATION:
            raise
        raise ParentGone(
            f"What a row of {table.name} refers to was deleted in the meantime.", hint="Try again."
        ) from error
