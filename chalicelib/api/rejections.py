"""Rejected rows of a run, a page at a time, by table and row number, and how many there are for each reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.api.answers import rejection_object
from chalicelib.api.request import TAKEN_FROM_NEXT, bad_parameter
from chalicelib.api.responses import fitting
from chalicelib.load.rows import rejected_row
from chalicelib.ports import Transaction

_TOKEN = re.compile(r"([A-Za-z0-9_]{1,48})\.([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class RejectionPage:
    """Rejected rows as JSON shows them, and the token for the page behind them; None: there is none."""

    items: Sequence[Mapping[str, Any]]
    next: str | None


def read_rejections(transaction: Transaction, run: str, *, limit: int, after: str | None) -> RejectionPage:
    """Read up to ``limit`` rejected rows, fewer when they are big. Raises BadRequest when ``after`` is no token."""
    table, row = _read_token(after)
    found = transaction.run(
        """SELECT table_name, row, line, cells, reasons, corrected_by FROM decant.rejections
        WHERE run = :run AND (table_name, row) > (:table, CAST(:row AS bigint))
        ORDER BY table_name, row LIMIT CAST(:limit AS integer)""",
        run=run,
        table=table,
        row=row,
        limit=limit + 1,
    )
    items = fitting([_item(*values) for values in found[:limit]])
    last = items[-1] if len(items) < len(found) else None
    return RejectionPage(items, None if last is None else f"{last['table']}.{last['row']}")


def count_reasons(transaction: Transaction, run: str) -> Sequence[Mapping[str, Any]]:
    """Tell how many rejected rows of a run have something wrong with a column, by table, column and code, most first.

    A row with two reasons counts for both of them; one that has been corrected since counts as well.
    """
    found = transaction.run(
        """SELECT table_name, reason.of, reason.code, count(*)
        FROM decant.rejections, LATERAL (
            SELECT DISTINCT each ->> 'column' AS of, each ->> 'code' AS code FROM jsonb_array_elements(reasons) AS each
        ) AS reason
        WHERE run = :run GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3""",
        run=run,
    )
    names = ("table", "column", "code", "rows")
    return fitting([dict(zip(names, values, strict=True)) for values in found])


def _item(table: str, row: int, line: int | None, cells: Any, reasons: Any, corrected_by: str | None) -> dict[str, Any]:
    return rejection_object(table, rejected_row(row, line, cells, reasons), corrected_by)


def _read_token(after: str | None) -> tuple[str, int]:
    if after is None:
        return "", 0
    match = _TOKEN.fullmatch(after)
    if match is None:
        raise bad_parameter("after", f"after is {after!r}.", TAKEN_FROM_NEXT)
    return match[1], int(match[2])
