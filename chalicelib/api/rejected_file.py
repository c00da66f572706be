"""The rejected rows of a run as one file to correct and drop again: the workbook that it loaded, a new one, or CSV."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath

from chalicelib.api.rejections import tally_waiting, waiting_bytes, waiting_rows, waiting_tables
from chalicelib.api.request import bad_parameter
from chalicelib.dictionary.model import Table
from chalicelib.errors import Conflict, FileError, NotFound, TooLarge
from chalicelib.load.marked_csv import write_csv
from chalicelib.load.marked_summary import Summary
from chalicelib.load.routing import INTAKE_PREFIX, claimed_by
from chalicelib.ports import Run, Source, Transaction
from chalicelib.wiring import Services

logger = logging.getLogger(__name__)

SECONDS = 300
# Where it is kept for a day, in the intake bucket, whose notifications are of another prefix.
PREFIX = "rejected/"
# In the 29 s of a request, on the share of a core that the API has. See docs/decisions/0541.
_MOST_CSV_ROWS = 200_000
# Of the rows' cells: what is held at once for a workbook, and what goes through for a CSV.
_MOST_WORKBOOK_BYTES = 16 * 2**20
_MOST_CSV_BYTES = 128 * 2**20
_IN_PAGES = "Get them page by page, format=csv with limit and after, or mend their source and load it again."
_WORKBOOKS = (".xlsx", ".xlsm")


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A file in the intake bucket, what to call it, and what its reader should know; None: it is all that was asked."""

    key: str
    filename: str
    note: str | None


def csv_table(services: Services, transaction: Transaction, run: Run, asked: str | None) -> Table:
    """The table whose rejected rows a CSV is to have. Raises BadRequest when there are several, and Conflict."""
    if asked is not None:
        return services.dictionary.table(asked)
    if run.table is not None:
        return services.dictionary.table(run.table)
    waiting = list(waiting_tables(transaction, run.id))
    if len(waiting) > 1:
        detail = f"The run has rejected rows of {' and '.join(waiting)}, and a CSV has those of one table."
        raise bad_parameter("table", detail, "Ask for each with table, or take the workbook, format=xlsx.")
    if not waiting:
        raise _nothing_waits(run)
    return services.dictionary.table(waiting[0])


def make_csv(services: Services, run: Run, asked: str | None, note: str | None = None) -> RejectedFile:
    """Put all rejected rows of a run and a table into one CSV file, which Excel takes for UTF-8.

    Raises Conflict when none waits to be corrected, and TooLarge when they are too many for a request.
    """
    with services.database.transaction() as transaction:
        table = csv_table(services, transaction, run, asked)
        count = waiting_tables(transaction, run.id, table.name).get(table.name, 0)
        if not count:
            raise _nothing_waits(run)
        if count > _MOST_CSV_ROWS:
            raise TooLarge(
                f"{count:,} rejected rows are too many for one file; {_MOST_CSV_ROWS:,} are not.",
                hint=_IN_PAGES,
            )
        size = waiting_bytes(transaction, run.id, table.name)
        if size > _MOST_CSV_BYTES:
            raise TooLarge(
                f"Rejected rows of {size:,} bytes are too much for one file; {_MOST_CSV_BYTES:,} are not.",
                hint=_IN_PAGES,
            )
        name = f"{table.name}-rejected-{run.id}.csv"
        with services.intake.write(_key(run, name)) as target:
            text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="")
            try:
                write_csv(text, table, run.id, waiting_rows(transaction, run.id, table.name))
            finally:
                text.detach()
    return RejectedFile(_key(run, name), name, note)


def make_workbook(services: Services, run: Run, asked: str | None) -> RejectedFile:
    """Mark the workbook that a run has loaded; else put the rejected rows into a new one, or too many of them into CSV.

    Raises Conflict when none waits to be corrected, and as ``make_csv`` does.
    """
    from chalicelib.load.marked_reading import NotMarkable
    from chalicelib.load.marked_rows import MOST_ROWS, fits, workbook_of
    from chalicelib.load.marked_workbook import marked

    of = asked and services.dictionary.table(asked).name
    with services.database.transaction() as transaction:
        waiting = waiting_tables(transaction, run.id, of)
        count = sum(waiting.values())
        if not count:
            raise _nothing_waits(run)
        summary = _summary(transaction, run, waiting)
        size = waiting_bytes(transaction, run.id, of)
        many = count > MOST_ROWS or size > _MOST_WORKBOOK_BYTES
        rejected = {name: [] if many else list(waiting_rows(transaction, run.id, name)) for name in waiting}
    tables = {name: services.dictionary.table(name) for name in waiting}
    note = None
    if run.source is not None and PurePosixPath(run.source.key).suffix.lower() in _WORKBOOKS:
        [(name, table)] = tables.items()
        try:
            _check_size(size)
            content = marked(table, _content(services, run.source), count, rejected[name], summary)
            return _put(services, run, _own_name(services, run.source, table), content, None)
        except (NotMarkable, FileError) as error:
            logger.info("the workbook of run %s is not marked: %s", run.id, error.detail)
            note = f"These are the rejected rows alone, for the workbook itself can't be marked. {error.detail}"
    if many or not all(fits(row) for rows in rejected.values() for row in rows):
        told = f"{count:,} rejected rows, or a cell of them, are too much for a workbook, so this is a CSV."
        return make_csv(services, run, asked, f"{note} {told}" if note else told)
    content = workbook_of(rejected, tables, replace(summary, notes=[note] if note else []))
    return _put(services, run, f"{'-'.join(waiting)}-rejected-{run.id}.xlsx", content, note)


def _summary(transaction: Transaction, run: Run, waiting: Mapping[str, int]) -> Summary:
    source = run.source.key.removeprefix(INTAKE_PREFIX) if run.source else f"a {run.kind.value}"
    counts = {**asdict(run.counts), "waiting to be corrected": sum(waiting.values())}
    tallies = [each for each in tally_waiting(transaction, run.id) if each.table in waiting]
    return Summary(run.id, source, counts, tallies)


def _check_size(size: int) -> None:
    from chalicelib.load.marked_reading import NotMarkable

    if size > _MOST_WORKBOOK_BYTES:
        raise NotMarkable(f"Its rejected rows have {size:,} bytes, and up to {_MOST_WORKBOOK_BYTES:,} are marked.")


def _content(services: Services, source: Source) -> bytes:
    """The workbook as the run had it, as far as one that can be marked may be long. Raises NotMarkable."""
    from chalicelib.load.marked_reading import MOST_UNPACKED, NotMarkable

    try:
        with closing(services.intake.open(source.key, source.version)) as stream:
            content = stream.read(MOST_UNPACKED + 1)
    except NotFound as error:
        raise NotMarkable("It is no longer there.") from error
    if len(content) > MOST_UNPACKED:
        raise NotMarkable(f"It has more than {MOST_UNPACKED:,} bytes.")
    return content


def _own_name(services: Services, source: Source, table: Table) -> str:
    """The name of the run's file with a word behind it; one by which it finds its table wherever it is dropped."""
    name = f"{PurePosixPath(source.key).stem.removesuffix('-marked')}-marked.xlsx"
    return name if claimed_by(services.dictionary, INTAKE_PREFIX + name) == table else f"{table.name}-{name}"


def _put(services: Services, run: Run, name: str, content: bytes, note: str | None) -> RejectedFile:
    services.intake.put(_key(run, name), content)
    return RejectedFile(_key(run, name), name, note)


def _key(run: Run, name: str) -> str:
    return f"{PREFIX}{run.id}/{name}"


def _nothing_waits(run: Run) -> Conflict:
    if not run.state.final:
        return Conflict(f"The run {run.id} is {run.state.value}.", hint="Wait until it has ended.")
    return Conflict(f"No rejected row of the run {run.id} waits to be corrected.", hint="There is nothing to do.")
