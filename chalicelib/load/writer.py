"""Source rows ─▶ table: validate, stage, publish, and log what was rejected, within the caller's transaction.

Files and batches are written here, by the same steps, so that they can't disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote
from chalicelib.load.options import LoadOptions, OnConflict
from chalicelib.load.parent_keys import DatabaseKeys
from chalicelib.load.rows import Source, rejections_table
from chalicelib.load.staging import Staging
from chalicelib.load.validation import Validator
from chalicelib.load.vanished import parents_stay
from chalicelib.ports import Counts, Transaction
from chalicelib.publishing import SET_WISE_FROM

_ANALYZE_FROM = 1_000


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the rows of one table. When ``refused``, none went in, and all count as rejected."""

    counts: Counts
    refused: bool = False


def lock_tables(transaction: Transaction, dictionary: Dictionary, tables: list[Table]) -> None:
    """Take the locks that writing to these tables needs, children before parents.

    Every writer takes them in this order and at its start, so that none waits for another in a circle.
    """
    written = {table.name for table in tables}
    read = {parent for table in tables for parent in table.parents} - written
    modes = dict.fromkeys(written, "ROW EXCLUSIVE") | dict.fromkeys(read, "ROW SHARE")
    transaction.run_script(
        "; ".join(
            f"LOCK TABLE {quote(table.name)} IN {modes[table.name]} MODE"
            for table in reversed(dictionary.tables)
            if table.name in modes
        )
    )


def write(
    transaction: Transaction,
    table: Table,
    source: Source,
    options: LoadOptions,
    *,
    run: str,
    progress: Callable[[str, int], None] = lambda _phase, _rows: None,
) -> Written:
    """Write a source into its table and its rejections into the ledger, under the run's id.

    ``progress`` is told the phase and how many rows were read. Raises FileError when the source can't be read, and
    Unavailable when what a row refers to vanished meanwhile; the caller's transaction must then roll back.
    """
    staging = Staging(transaction, table, run)
    validator = Validator(table, DatabaseKeys(transaction))
    read = rejected = 0
    for chunk in source.chunks():
        checked = validator.check(chunk)
        staging.add(checked.staged)
        if checked.rejected:
            log = rejections_table(run, table.name, checked.rejected)
            transaction.copy_in("decant.rejections", [log])
        read += len(chunk)
        rejected += len(checked.rejected)
        progress("validating", read)
    if read >= _ANALYZE_FROM:
        staging.analyze()
    progress("checking keys", read)
    rejected += staging.reject_orphans()
    rejected += staging.reject_duplicates()
    progress("publishing", read)
    transaction.run("SAVEPOINT publish")
    with parents_stay(table):
        written = _publish(staging, options, read, rejected)
    if options.refuses(read=read, rejected=written.rejected):
        transaction.run("ROLLBACK TO SAVEPOINT publish")
        if options.on_conflict is OnConflict.REJECT:
            staging.reject_taken()
        return Written(Counts(read=read, rejected=read), refused=True)
    return Written(written)


def _publish(staging: Staging, options: LoadOptions, read: int, rejected: int) -> Counts:
    valid = read - rejected
    if valid == 0:
        return Counts(read=read, rejected=rejected)
    if options.on_conflict is OnConflict.UPDATE:
        inserted, updated = staging.upsert()
        return Counts(read, inserted, updated, valid - inserted - updated, rejected)
    inserted = staging.publish() if valid >= SET_WISE_FROM else staging.insert()
    taken = 0
    if inserted < valid and options.on_conflict is OnConflict.REJECT:
        taken = staging.reject_taken()
    return Counts(read, inserted, 0, valid - inserted - taken, rejected + taken)
