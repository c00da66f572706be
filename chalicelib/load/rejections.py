"""The rejected rows in Postgres: which of a run's there were, and which have come again and gone in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

from chalicelib.load.rows import Origins, RejectedRow, logged_row
from chalicelib.ports import Transaction


def log_rejections(transaction: Transaction, run: str, rejected: Mapping[str, Sequence[RejectedRow]]) -> None:
    """Write the rejected rows of a run, by table. For batches: a file's are too many for one statement."""
    rows = [logged_row(table, row) for table, each in rejected.items() for row in each]
    transaction.run_prepared(
        """INSERT INTO decant.rejections (run, table_name, row, line, cells, reasons)
        SELECT CAST(:run AS text), r.* FROM json_to_recordset(CAST(:rows AS json))
        AS r (table_name text, row bigint, line bigint, cells jsonb, reasons jsonb)""",
        run=run,
        rows=json.dumps(rows),
    )


def mark_returned(transaction: Transaction, table: str, by: str, returned: Origins, rows: pa.Array) -> int:
    """Note which rejected rows came again in the run ``by``, as these ``rows`` of it, and went in; return how many.

    To be asked in the transaction of that run, once it has logged its own rejections.
    """
    [(count,)] = transaction.run(
        """WITH done AS (
            UPDATE decant.rejections AS old SET corrected_by = :by
            FROM unnest(CAST(:numbers AS bigint[]), CAST(:rows AS bigint[])) AS again (number, row)
            WHERE old.run = :run AND old.table_name = :table AND old.row = again.number AND corrected_by IS NULL
            AND NOT EXISTS (
                SELECT FROM decant.rejections AS new
                WHERE new.run = :by AND new.table_name = :table AND new.row = again.row
            ) RETURNING 1
        ) SELECT count(*) FROM done""",
        by=by,
        run=returned.run,
        table=table,
        numbers=returned.numbers.to_pylist(),
        rows=rows.to_pylist(),
    )
    return int(count)


def mark_corrected(transaction: Transaction, run: str, table: str, rows: Sequence[int], by: str) -> None:
    """Note that the run ``by`` has put corrected rows in the place of these rejected ones."""
    transaction.run(
        """UPDATE decant.rejections SET corrected_by = :by
        WHERE run = :run AND table_name = :table AND row = ANY(CAST(:rows AS bigint[]))""",
        run=run,
        table=table,
        rows=list(rows),
        by=by,
    )
