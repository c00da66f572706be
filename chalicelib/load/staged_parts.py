"""The staging of a load in parts: a table that all of them share, and where their rejections wait.

A part does not know how many rows are before it, so it stages its rows under its own number and theirs in it. They
keep the file's order, and get their number in the file from what ``decant.parts`` has once all are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote_literal
from chalicelib.dictionary.staging_functions import rejected_relation, staged_relation
from chalicelib.load.rows import Source, SourceChunk
from chalicelib.load.staging import Staging
from chalicelib.ports import Transaction

# A part has fewer rows than this many bits can count.
_ROW_BITS = 40


class StagedParts(Staging):
    """The rows that the parts of a run have staged; see ``Staging``."""

    def __init__(self, transaction: Transaction, table: Table, run: str) -> None:
        super().__init__(transaction, table, run, staged_relation(run))

    def analyze(self) -> None:
        """See ``Staging``. The table is its owner's to look at."""
        self._transaction.run("SELECT decant.analyze_parts(:run)", run=self._run)

    def complete(self, *, rows: int, rejected: int) -> bool:
        """Whether so many rows and rejections are there: the server empties both tables when it has crashed."""
        [found] = self._transaction.run(
            f"SELECT (SELECT count(*) FROM {self.name}), (SELECT count(*) FROM {rejected_relation(self._run)})"
        )
        return found == (rows, rejected)

    def log_rejections(self) -> None:
        """Take what the parts rejected into the ledger."""
        self._transaction.run(
            f"""INSERT INTO decant.rejections (run, table_name, row, line, cells, reasons)
            SELECT found.run, found.table_name, {self._row("found.row")}, found.line, found.cells, found.reasons
            FROM {rejected_relation(self._run)} found"""
        )

    def _row(self, staged: str) -> str:
        return f"""(SELECT n.rows_before + ({staged} & {2**_ROW_BITS - 1}) FROM decant.parts n
            WHERE n.run = {quote_literal(self._run)} AND n.part = {staged} >> {_ROW_BITS})"""


def stage_anew(transaction: Transaction, run: str, table: str) -> None:
    """Make the tables that the parts of a run stage into; empty ones, if there were any before."""
    transaction.run("SELECT decant.stage_parts(:run, :table)", run=run, table=table)


class PartSource:
    """The rows of a part, with the numbers that they are staged under."""

    def __init__(self, source: Source, part: int) -> None:
        self._source = source
        self._first = pa.scalar(part << _ROW_BITS, pa.int64())

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``."""
        for chunk in self._source.chunks():
            yield replace(chunk, rows=pc.add(chunk.rows, self._first))
