"""A batch of JSON rows ─▶ tables, in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.dictionary.model import Dictionary
from chalicelib.ledger import LedgerEntry, record
from chalicelib.load.direct import write_direct
from chalicelib.load.json_source import JsonSource
from chalicelib.load.options import OnConflict
from chalicelib.load.rejections import log_rejections, mark_corrected
from chalicelib.load.rows import RejectedRow
from chalicelib.load.writer import lock_tables
from chalicelib.ports import Counts, RunKind, RunState, Transaction


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a batch: its state, the counts by table, and every rejected row by table and row number."""

    state: RunState
    counts: Mapping[str, Counts]
    rejected: Mapping[str, Sequence[RejectedRow]]

    @property
    def total(self) -> Counts:
        """The counts of all tables together."""
        return sum(self.counts.values(), Counts())


def ingest(
    transaction: Transaction,
    dictionary: Dictionary,
    batches: Mapping[str, Sequence[object]],
    *,
    run_id: str,
    kind: RunKind,
    on_conflict: OnConflict,
    atomic: bool,
    started: dt.datetime,
    replaces: str | None = None,
    numbers: Mapping[str, Sequence[int]] | None = None,
) -> BatchOutcome:
    """Write rows into their tables, parents first, with their rejections and the run's ledger row.

    When ``atomic``, one bad row means that no row of any table goes in: the state is ``refused``, every row counts as
    rejected, and the bad ones are logged all the same. ``replaces`` is the run whose rejected rows these correct, and
    ``numbers`` gives by table the numbers they had there; otherwise rows count from 1. Raises NotFound for an unknown
    table.
    """
    tables = dictionary.in_order(batches)
    lock_tables(transaction, dictionary, tables)
    if atomic:
        transaction.run("SAVEPOINT batch")
    written = {}
    for table in tables:
        [rows] = JsonSource(table, batches[table.name], (numbers or {}).get(table.name)).chunks()
        written[table.name] = write_direct(transaction, table, rows, on_conflict)
    state = RunState.SUCCEEDED
    counts = {name: each.counts for name, each in written.items()}
    rejected = {name: each.rejected for name, each in written.items()}
    if atomic and any(rejected.values()):
        transaction.roll_back_to("batch")
        state = RunState.REFUSED
        counts = {name: Counts(read=len(rows), rejected=len(rows)) for name, rows in batches.items()}
    elif replaces is not None:
        for name, given in (numbers or {}).items():
            bad = {row.row for row in rejected[name]}
            mark_corrected(transaction, replaces, name, [row for row in given if row not in bad], run_id)
    if any(rejected.values()):
        log_rejections(transaction, run_id, rejected)
    outcome = BatchOutcome(state, counts, rejected)
    only = tables[0].name if len(tables) == 1 else None
    result = None if replaces is None else {"corrects": replaces}
    entry = LedgerEntry(run_id, kind, only, state, dictionary.digest, outcome.total, started, result=result)
    record(transaction, entry)
    return outcome
