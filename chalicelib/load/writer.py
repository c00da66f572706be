"""Source rows ─▶ table: validate, stage, publish, and log what was rejected, within the caller's transaction.

Files and batches are written here, by the same steps, so that they can't disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote
from chalicelib.load.begun import Begun
from chalicelib.load.feed import Feed
from chalicelib.load.first_load import FirstLoad
from chalicelib.load.keys import RepeatedKeys
from chalicelib.load.options import LoadOptions, OnConflict
from chalicelib.load.parent_keys import DatabaseKeys
from chalicelib.load.rows import RejectedRow, Source, rejections_table
from chalicelib.load.staging import Staging
from chalicelib.load.validation import Checked, Validator
from chalicelib.load.vanished import parents_stay
from chalicelib.points import Point, passed
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
    most_rows: Callable[[], Future[int]] | None = None,
) -> Written:
    """Write a source into its table and its rejections into the ledger, under the run's id.

    ``progress`` is told the phase and how many rows were read. ``most_rows``: many rows may go straight into the
    table where it is empty, which keeps it and its parents from everybody while they are read; so this begins to fetch
    what is left of the source, and when that is done tells how many rows it has at most. Raises FileError when the
    source can't be read, and ParentGone when what a row refers to vanished meanwhile; the caller's transaction must
    then roll back.
    """
    if most_rows is not None and options.max_rejected is None and FirstLoad.possible(transaction, table):
        fetched = most_rows()
        source = Begun.of(source, SET_WISE_FROM, _AHEAD_BYTES)
        if _worth_the_locks(source, fetched) and (load := FirstLoad.begin(transaction, table)):
            passed(Point.FIRST_KEYS_OFF)
            return _write_first(transaction, load, table, source, run, progress)
    staging = Staging(transaction, table, run)
    read, rejected, repeated = stage(transaction, staging, table, source, run, progress)
    passed(Point.STAGED)
    return settle(transaction, table, staging, options, read, rejected, repeated, progress)


def _worth_the_locks(begun: Begun, fetched: Future[int]) -> bool:
    if begun.rows < SET_WISE_FROM:
        return False
    begun.read_on(lambda: not fetched.done(), _AHEAD_BYTES)
    most = fetched.result()
    return most <= _FIRST_MOST_ROWS and most * begun.size <= _FIRST_MOST_BYTES * begun.rows


def _write_first(
    transaction: Transaction, load: FirstLoad, table: Table, source: Source, run: str, progress: Progress
) -> Written:
    read, rejected = _send(transaction, load.settle, load.relation, table, source, run, progress)
    progress("publishing", read)
    load.end()
    passed(Point.FIRST_KEYS_ON)
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
    passed(Point.STAGED_CHECKED)
    progress("publishing", read)
    transaction.run("SAVEPOINT publish")
    with parents_stay(table):
        written = _publish(staging, options, read, rejected)
    passed(Point.STAGED_PUBLISHED)
    if options.refuses(read=read, rejected=written.rejected):
        transaction.roll_back_to("publish")
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

    The rows go through few COPYs, while more are read and checked.
    """
    keys = RepeatedKeys(table)

    def watched(checked: Checked) -> Checked:
        keys.watch(checked.staged)
        return checked

    read, rejected = _send(transaction, watched, staging.name, table, source, run, progress, log)
    return read, rejected, keys.found()


def _send(
    transaction: Transaction,
    settle: Callable[[Checked], Checked],
    relation: str,
    table: Table,
    source: Source,
    run: str,
    progress: Progress,
    log: str = "decant.rejections",
) -> tuple[int, int]:
    """Check the rows of a source, ``settle`` each chunk, send what comes of it to the relation; log what is rejected.

    Rows are sent while the next are read. The connection is waited for where parents have to be asked for that were not
    yet. Returns how many rows were read and rejected.
    """
    validator = Validator(table, DatabaseKeys(transaction))
    pending: list[RejectedRow] = []
    read = rejected = 0
    with Feed(transaction) as feed:

        def log_pending() -> None:
            feed.send(log, rejections_table(run, table.name, pending))
            passed(Point.ROWS_REJECTED)
            pending.clear()

        for chunk in source.chunks():
            parsed = validator.parse(chunk)
            if validator.asks(parsed):
                feed.wait()
            settled = settle(validator.finish(parsed))
            feed.send(relation, settled.staged)
            passed(Point.ROWS_SENT)
            read += len(chunk)
            rejected += len(settled.rejected)
            pending.extend(settled.rejected)
            if len(pending) >= _LOG_FROM:
                log_pending()
            progress("validating", read)
        if pending:
            log_pending()
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
