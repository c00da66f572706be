"""A source ─▶ its table: directly where it has few rows, else through a staging table."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from itertools import islice

from chalicelib.dictionary.model import Table
from chalicelib.load import writer
from chalicelib.load.begun import Begun
from chalicelib.load.direct import write_direct
from chalicelib.load.options import LoadOptions
from chalicelib.load.rejections import log_rejections
from chalicelib.load.rows import Source, SourceChunk
from chalicelib.load.writer import Written
from chalicelib.ports import Counts, Transaction

# Beyond that, a staging table costs less than what its rows save by going without.
FEW = 2_000


def write(
    transaction: Transaction,
    table: Table,
    source: Source,
    options: LoadOptions,
    *,
    run: str,
    progress: Callable[[str, int], None] = lambda _phase, _rows: None,
    most_rows: Callable[[], Future[int]] | None = None,
) -> Written:
    """See ``writer.write``."""
    chunks = source.chunks()
    ahead = list(islice(chunks, 1))
    if ahead and len(ahead[0]) < FEW:
        progress("validating", len(ahead[0]))
        ahead += islice(chunks, 1)
        if len(ahead) == 1:
            return _write_few(transaction, table, ahead[0], options, run)
    begun = Begun(ahead, chunks)
    return writer.write(transaction, table, begun, options, run=run, progress=progress, most_rows=most_rows)


def _write_few(transaction: Transaction, table: Table, rows: SourceChunk, options: LoadOptions, run: str) -> Written:
    if options.max_rejected is not None:
        transaction.run("SAVEPOINT publish")
    done = write_direct(transaction, table, rows, options.on_conflict)
    refused = options.refuses(read=done.counts.read, rejected=done.counts.rejected)
    if refused:
        transaction.roll_back_to("publish")
    if done.rejected:
        log_rejections(transaction, run, {table.name: done.rejected})
    return Written(Counts(read=len(rows), rejected=len(rows)) if refused else done.counts, refused)
