"""Rejected rows as CSV: the table's columns, then their reasons and their numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TextIO

from chalicelib.dictionary.model import Table
from chalicelib.load.harmless import harmless
from chalicelib.load.returned import REASONS, reasons_text, row_column
from chalicelib.load.rows import RejectedRow


def write_csv(target: TextIO, table: Table, run: str, rejected: Iterable[RejectedRow]) -> None:
    """Write rejected rows of a run as CSV (RFC 4180), one line for each; no cell of it is a formula."""
    writer = csv.writer(target)
    writer.writerow([*table.column_names, REASONS, row_column(run, csv=True)])
    writer.writerows(
        [*(harmless(row.cells.get(name) or "") for name in table.column_names),
         harmless(reasons_text(row.reasons)), row.row]
        for row in rejected
    )  # fmt: skip
