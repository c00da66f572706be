"""What the ledger has of the rejected rows of a run, for tests that look at all of them."""

from __future__ import annotations

from chalicelib.load.rows import RejectedRow, rejected_row
from chalicelib.ports import Transaction


def rejections(transaction: Transaction, run: str, table: str) -> list[RejectedRow]:
    """The rejected rows of a run in one table, by row number."""
    rows = transaction.run(
        """SELECT row, line, cells, reasons FROM decant.rejections
        WHERE run = :run AND table_name = :table ORDER BY row""",
        run=run,
        table=table,
    )
    return [rejected_row(row, line, cells, reasons) for row, line, cells, reasons in rows]
