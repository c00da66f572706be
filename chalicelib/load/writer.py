"""Source rows ─▶ table: validate, stage, publish, and log what was rejected, within the caller's transaction.

Files and batches are written here, by the same steps, so that they can't disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote
from chalicelib.load.begun import Begun
from chalicelib.load.first_load import FirstLoad
from chalicelib.load.keys import RepeatedKeys
from chalicelib.load.options import LoadOptions, OnConflict
from chalicelib.load.parent_keys import DatabaseKeys
from chalicelib.load.rows import RejectedRow, Source, rejections_table
from chalicelib.load.staging import Staging
from chalicelib.load.validation import Checked, Validator
from chalicelib.load.vanished import parents_stay
from chalicelib.ports import Counts, Transaction
from chalicelib.publishing import SET_WISE_FROM

_ANALYZE_FROM = 1_000
# So many rejected rows are kept in memory at least before they are logged.
_LOG_FROM = 5_000
# So much is kept in memory at most, or one chunk more, to see how many rows there are.
_AHEAD_BYTES = 32 * 2**20
# While so much goes straight in, a table and its parents are kept from others, who wait for 8 s. See decision 0404.
_FIRST_MOST_ROWS = 1_500_000
_FIRST_MOST_BYTES = 128 * 2**20
Progress = Callable[[str, int], None]


def _untold(_phase: str, _rows: int) -> None:
    pass


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
    progress: Progress = _untold,
    most_rows: Callable[[], int] | None = None,
) -> Written:
    """Write a source into its table and its rejections into the ledger, under the run's id.

    ``progress`` is told the phase and how many rows were read. ``most_rows``: many rows may go straight into the
    table where it is empty, which keeps it and its parents from everybody while they are read; so this fetches what is
    left of the source first, and tells how many rows it has at most. Raises FileError when the
    source can't be read, and ParentGone when what a row refers to vanished meanwhile; the caller's transaction must
    then roll back.
    """
    if most_rows is not None and options.max_rejected is None and FirstLoad.possible(transaction, table):
        source = Begun.of(source, SET_WISE_FROM, _AHEAD_BYTES)
        if _worth_the_locks(source, most_rows) and (load := FirstLoad.begin(transaction, table)):
            return _write_first(transaction, load, table, source, run, progress)
    staging = Staging(transaction, table, run)
    read, rejected, repeated = stage(transaction, staging, table, source, run, progress)
    return settle(transaction, table, staging, options, read, rejected, repeated, progress)


def _worth_the_locks(begun: Begun, most_rows: Callable[[], int]) -> bool:
    if begun.rows < SET_WISE_FROM:
        return False
    most = most_rows()
    return most <= _FIRST_MOST_ROWS and most * begun.size <= _FIRST_MOST_BYTES * begun.rows


def _write_first(
    transaction: Transaction, load: FirstLoad, table: Table, source: Source, run: str, progress: Progress
) -> Written:
    read, rejected = _send(transaction, load.settle, load.add, table, source, run, progress)
    progress("publishing", read)
    load.end()
    return Written(Counts(read, read - rejected, 0, 0, rejected))


def settle(
    transaction: Transaction,
    table: Table,
    staging: Staging,
    options: LoadOptions,
    read: int,
    rejected: int,
    repeated: Sequence[int] | None,
    progress: Progress,
) -> Written:
    """Publish what ``stage`` has staged, of so many rows that were read and rejected so far.

    ``repeated`` are the keys that more than one row may have, None where that is not known. Raises ParentGone.
    """
    progress("checking keys", read)
    if read >= _ANALYZE_FROM and (repeated is None or table.self_references):
        staging.analyze()
    rejected += staging.reject_orphans()
    rejected += staging.reject_duplicates(repeated)
    if rejected:
        staging.drop_faulty()
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


def stage(
    transaction: Transaction,
    staging: Staging,
    table: Table,
    source: Source,
    run: str,
    progress: Progress = _untold,
    *,
    log: str = "decant.rejections",
) -> tuple[int, int, list[int] | None]:
    """Stage a source and log what is rejected; return how many rows were read and rejected, and the repeated keys.

    ``log`` is the quoted relation for what is rejected. Raises FileError when the source can't be read.

    The rows go through one COPY, while more are read and checked.
    """
    keys = RepeatedKeys(table)

    def watched(checked: Checked) -> Checked:
        keys.watch(checked.staged)
        return checked

    read, rejected = _send(transaction, watched, staging.add, table, source, run, progress, log)
    return read, rejected, keys.found()


def _send(
    transaction: Transaction,
    settle: Callable[[Checked], Checked],
    add: Callable[[Iterable[pa.Table]], None],
    table: Table,
    source: Source,
    run: str,
    progress: Progress,
    log: str = "decant.rejections",
) -> tuple[int, int]:
    """Check the rows of a source, ``settle`` each chunk and ``add`` what comes of it; log what is rejected.

    The connection is busy with a COPY, so it ends where parents have to be asked for that were not yet, and where
    enough rows are rejected to be logged. Returns how many rows were read and rejected.
    """
    validator = Validator(table, DatabaseKeys(transaction))
    chunks = map(validator.parse, source.chunks())
    ahead = next(chunks, None)
    pending: list[RejectedRow] = []
    read = rejected = 0

    def rows() -> Iterator[pa.Table]:
        nonlocal ahead, read, rejected
        while ahead is not None:
            read += len(ahead.chunk)
            settled = settle(validator.finish(ahead))
            pending.extend(settled.rejected)
            rejected += len(settled.rejected)
            yield settled.staged
            progress("validating", read)
            ahead = next(chunks, None)
            if len(pending) >= _LOG_FROM or (ahead is not None and validator.asks(ahead)):
                return

    while ahead is not None:
        add(rows())
        if pending:
            transaction.copy_in(log, [rejections_table(run, table.name, pending)])
            pending.clear()
    return read, rejected


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
        taken = staging.reject_taken(all_there=True)
    return Counts(read, inserted, 0, valid - inserted - taken, rejected + taken)
