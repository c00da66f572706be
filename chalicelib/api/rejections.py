"""Rejected rows of a run, a page at a time, by table and row number, and how many there are for each reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.api.answers import rejection_object
from chalicelib.api.request import TAKEN_FROM_NEXT, bad_parameter
from chalicelib.api.responses import fitting
from chalicelib.load.marked_summary import Tally
from chalicelib.load.rows import RejectedRow, rejected_row
from chalicelib.ports import Transaction

_READ_AT_ONCE = 5_000
# Of their cells; a record may have 1 MiB. An answer has room for less.
_BYTES_AT_ONCE = 8 * 2**20
_TOKEN = re.compile(r"([A-Za-z0-9_]{1,48})\.([0-9]{1,18})")
# As JSON Schema has it.
REJECTION_TOKEN = f"^{_TOKEN.pattern}$"


@dataclass(frozen=True, slots=True)
class RejectionPage:
    """Rejected rows, as JSON shows them too, and the token for the page behind them; None: there is none."""

    rows: Sequence[RejectedRow]
    items: Sequence[Mapping[str, Any]]
    next: str | None


def read_rejections(
    transaction: Transaction, run: str, *, limit: int, after: str | None, of: str | None = None, waiting: bool = False
) -> RejectionPage:
    """Read up to ``limit`` rejected rows, fewer when they are big: those ``of`` a table, those ``waiting`` to be
    corrected, or all. Raises BadRequest when ``after`` is no token.
    """
    table, row = _read_token(after)
    found = _read(transaction, run, table, row, limit=limit + 1, of=of, waiting=waiting)
    rows = [rejected_row(*values[1:5]) for values in found[:limit]]
    items = fitting([rejection_object(values[0], row, values[5]) for row, values in zip(rows, found, strict=False)])
    last = items[-1] if len(items) < len(found) else None
    return RejectionPage(rows[: len(items)], items, None if last is None else f"{last['table']}.{last['row']}")


def waiting_tables(transaction: Transaction, run: str, of: str | None = None) -> dict[str, int]:
    """How many rejected rows of a run wait to be corrected, by table: of all, or of one."""
    found = transaction.run(
        """SELECT table_name, count(*) FROM decant.rejections WHERE run = :run AND corrected_by IS NULL
        AND (CAST(:of AS text) IS NULL OR table_name = :of) GROUP BY 1 ORDER BY 1""",
        run=run,
        of=of,
    )
    return {str(table): int(count) for table, count in found}


def waiting_bytes(transaction: Transaction, run: str, of: str | None = None) -> int:
    """How many bytes the cells of those rows have together."""
    [(size,)] = transaction.run(
        """SELECT coalesce(sum(octet_length(CAST(cells AS text))), 0) FROM decant.rejections
        WHERE run = :run AND corrected_by IS NULL AND (CAST(:of AS text) IS NULL OR table_name = :of)""",
        run=run,
        of=of,
    )
    return int(size)


def waiting_rows(transaction: Transaction, run: str, table: str) -> Iterator[RejectedRow]:
    """The rejected rows of a table that wait to be corrected, by row number, however many they are."""
    last = 0
    while found := _read(transaction, run, table, last, limit=_READ_AT_ONCE, of=table, waiting=True):
        for _, row, line, cells, reasons, _ in found:
            yield rejected_row(row, line, cells, reasons)
        last = found[-1][1]


def tally_waiting(transaction: Transaction, run: str) -> list[Tally]:
    """Why rejected rows of a run wait to be corrected; see ``count_reasons``."""
    return [Tally(*values) for values in _count(transaction, run, waiting=True)]


def count_reasons(transaction: Transaction, run: str) -> Sequence[Mapping[str, Any]]:
    """Tell how many rejected rows of a run have something wrong with a column, by table, column and code, most first.

    A row with two reasons counts for both of them; one that has been corrected since counts as well.
    """
    names = ("table", "column", "code", "rows")
    return fitting([dict(zip(names, values[:-1], strict=True)) for values in _count(transaction, run, waiting=False)])


def _count(transaction: Transaction, run: str, *, waiting: bool) -> list[tuple[Any, ...]]:
    return transaction.run(
        """SELECT table_name, reason.of, reason.code, count(*), min(reason.message)
        FROM decant.rejections, LATERAL (
            SELECT each ->> 'column' AS of, each ->> 'code' AS code, min(each ->> 'message') AS message
            FROM jsonb_array_elements(reasons) AS each GROUP BY 1, 2
        ) AS reason
        WHERE run = :run AND (corrected_by IS NULL OR NOT CAST(:waiting AS boolean))
        GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3""",
        run=run,
        waiting=waiting,
    )


def _read(
    transaction: Transaction, run: str, table: str, row: int, *, limit: int, of: str | None, waiting: bool
) -> list[tuple[Any, ...]]:
    """Rejected rows behind a table and a row number, fewer than the limit when they are big; one at least."""
    return transaction.run(
        """SELECT table_name, row, line, cells, reasons, corrected_by FROM (
            SELECT *, sum(size) OVER (ORDER BY table_name, row) - size AS before FROM (
                SELECT *, octet_length(CAST(cells AS text)) AS size FROM decant.rejections
                WHERE run = :run AND (table_name, row) > (:table, CAST(:row AS bigint))
                AND (CAST(:of AS text) IS NULL OR table_name = :of)
                AND (corrected_by IS NULL OR NOT CAST(:waiting AS boolean))
                ORDER BY table_name, row LIMIT CAST(:limit AS integer)
            ) AS found
        ) AS measured
        WHERE before < CAST(:room AS bigint) ORDER BY table_name, row""",
        run=run,
        table=table,
        row=row,
        of=of,
        waiting=waiting,
        limit=limit,
        room=_BYTES_AT_ONCE,
    )


def _read_token(after: str | None) -> tuple[str, int]:
    if after is None:
        return "", 0
    match = _TOKEN.fullmatch(after)
    if match is None:
        raise bad_parameter("after", f"after is {after!r}.", TAKEN_FROM_NEXT)
    return match[1], int(match[2])
