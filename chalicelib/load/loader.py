"""A file in S3 ─▶ its table: one run, in one transaction with its ledger row and its rejections."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO, Protocol, cast

from chalicelib import ledger
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.errors import Conflict, DecantError, DuplicateContent, FileCode, FileError, NotFound, Superseded
from chalicelib.ledger import LedgerEntry, ObjectVersion
from chalicelib.load import split_record
from chalicelib.load.choice import write
from chalicelib.load.content import Content
from chalicelib.load.events import Arrival
from chalicelib.load.expectation import Expectation
from chalicelib.load.formats import is_csv, source_of
from chalicelib.load.options import LoadOptions, file_options
from chalicelib.load.returned import Returning
from chalicelib.load.routing import INTAKE_PREFIX, claimed_by, route
from chalicelib.load.rows import Source
from chalicelib.load.turns import NotItsTurn, take_turn
from chalicelib.load.workbook_source import WorkbookSource
from chalicelib.load.writer import Written, lock_tables
from chalicelib.points import Point, passed
from chalicelib.ports import Counts, Database, RunKind, RunState, Storage, Transaction
from chalicelib.publishing import index_foreign_keys, lacks_indexes

_STATES = {DuplicateContent: RunState.DUPLICATE, Superseded: RunState.REFUSED}
# More is not fetched before the first row of it goes in.
_FIRST_BYTES = 64 * 2**20


class Progress(Protocol):
    """Who is told the phase of a load, how many rows were read, and how many are expected in all, if that is known."""

    def __call__(self, phase: str, rows: int, expected: int | None = None) -> None:
        """Be told."""


@dataclass(frozen=True, slots=True)
class File:
    """An object of ``size`` bytes that is to be loaded: where it is, for which table, and how."""

    version: ObjectVersion
    table: Table
    options: LoadOptions
    size: int

    @property
    def is_csv(self) -> bool:
        """Whether it is a CSV file by its name."""
        return is_csv(self.version.key)


@dataclass(frozen=True, slots=True)
class Attempt:
    """For which run a file is loaded. ``again``: all the same, though its content or a newer version was loaded.

    ``note`` is what a reader of the run should know.
    """

    run: str
    kind: RunKind
    started: dt.datetime
    again: bool = False
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads files of the intake bucket into the tables of the dictionary."""

    database: Database
    intake: Storage
    dictionary: Dictionary

    def open(self, arrival: Arrival, *, again: bool = False) -> File:
        """Look at an object before it is loaded.

        Raises FileError when its name can't be held, no table claims it, its options are wrong or it is gone, and
        Superseded when the object has a newer version. ``again``: the caller asks for this very version, be it the
        newest or not. Raises Conflict when the object lies in another bucket than the intake.
        """
        if arrival.bucket != self.intake.name:
            raise Conflict(
                f"The object {arrival.key} lies in the bucket {arrival.bucket!r}, and files are read from "
                f"{self.intake.name!r} alone.",
                hint="Copy it into that bucket, under incoming/; it is loaded from there.",
            )
        if arrival.fault:
            raise FileError(
                FileCode.BAD_NAME,
                f"The name of the file {arrival.key.removeprefix(INTAKE_PREFIX)!r} has {arrival.fault} in it, so its "
                "object can't be recorded or read.",
                hint="Drop the file again under a name of letters, digits, dots and dashes, and delete the object.",
            )
        table = route(self.dictionary, arrival.key)
        try:
            stored = self.intake.head(arrival.key, arrival.version if again else None)
        except NotFound as error:
            raise _gone(arrival.key) from error
        newest = stored.version == arrival.version if arrival.version else stored.etag == arrival.etag
        if not again and not newest:
            raise Superseded(f"The object {arrival.key} has been written again; its newer version is loaded instead.")
        version = ObjectVersion(
            bucket=arrival.bucket,
            key=arrival.key,
            version=arrival.version,
            etag=arrival.etag or stored.etag,
            order=arrival.order,
        )
        return File(version, table, file_options(arrival.key, stored.metadata), stored.size)

    def load(self, file: File, attempt: Attempt, progress: Progress) -> LedgerEntry:
        """Load a file and return the run's ledger entry, as committed: its state is ``succeeded`` or ``refused``.

        A run that has come to its end before is not done twice; its entry is returned. Raises FileError when the file
        can't be read, DuplicateContent when its content stands in the table already, Superseded when a newer version
        of it was loaded meanwhile and NotItsTurn when other loads come first; then nothing was written.

        The indexes that a first load leaves out are made behind its commit. Should NotItsTurn or another Unavailable be
        raised there, the rows are in, and the same load once more makes the indexes.
        """
        entry, lacks = self._load(file, attempt, progress)
        if lacks:
            self.index(file.table, attempt.run)
        return entry

    def index(self, table: Table, *run: str) -> None:
        """Make the indexes that a first load has left out, in a turn of the table, and of the run if one does it.

        Raises NotItsTurn.
        """
        with self.database.transaction() as transaction:
            if lacks_indexes(transaction, table):
                take_turn(transaction, *run, table.name)
                index_foreign_keys(transaction, table)
                passed(Point.FIRST_INDEXED)

    def _load(self, file: File, attempt: Attempt, progress: Progress) -> tuple[LedgerEntry, bool]:
        """The entry, and whether the table lacks indexes: left out by this load, or by one whose worker died there."""
        with closing(Content(self.content(file.version))) as content:
            names = [table.name for table in self.dictionary.tables]
            rows = source_of(file.version.key, file.table, cast(BinaryIO, content), names)
            counted = rows if isinstance(rows, WorkbookSource) else Expectation(rows, file.size)
            source = Returning(counted)

            def tell(phase: str, read: int) -> None:
                progress(phase, read, counted.expected())

            with self.database.transaction() as transaction:
                take_turn(transaction, attempt.run, *sorted({file.table.name, *file.table.parents}))
                passed(Point.LOAD_TURN_TAKEN)
                if done := ledger.recorded(transaction, attempt.run):
                    return done, lacks_indexes(transaction, file.table)
                self.await_parents(transaction, file.table)
                self.refuse_stale(transaction, file.version, again=attempt.again)
                lock_tables(transaction, self.dictionary, [file.table])
                written = write(
                    transaction,
                    file.table,
                    source,
                    file.options,
                    run=attempt.run,
                    progress=tell,
                    most_rows=partial(_most_rows, rows, content) if file.size <= _FIRST_BYTES else None,
                )
                passed(Point.LOAD_WRITTEN)
                if not written.refused:
                    attempt = _noting(attempt, source.put_right(transaction, file.table, attempt.run))
                entry = self.entry(file.version, file.table, file.options, attempt, written, content.digest())
                self.record(transaction, entry, again=attempt.again)
                lacks = lacks_indexes(transaction, file.table)
                passed(Point.LOAD_RECORDED)
            passed(Point.LOAD_COMMITTED)
        return entry, lacks

    def fail(self, arrival: Arrival, attempt: Attempt, error: DecantError) -> LedgerEntry:
        """Record that an object was not loaded, and why; return the entry, or the one that another try recorded."""
        table = claimed_by(self.dictionary, arrival.key)
        source = ObjectVersion(arrival.bucket, arrival.key, arrival.version, arrival.etag, arrival.order)
        entry = failure(attempt, source, table.name if table else None, self.dictionary.digest, error)
        with self.database.transaction() as transaction:
            take_turn(transaction, attempt.run)
            if done := ledger.recorded(transaction, attempt.run):
                return done
            ledger.record(transaction, entry)
            passed(Point.LOAD_FAILURE_RECORDED)
        passed(Point.LOAD_FAILURE_COMMITTED)
        return entry

    def content(self, version: ObjectVersion, first: int = 0, last: int | None = None) -> BinaryIO:
        """The bytes of an object, which the caller closes: all, or those between two places. Raises FileError."""
        try:
            return self.intake.open(version.key, version.version, first=first, last=last)
        except NotFound as error:
            raise _gone(version.key) from error

    def entry(
        self,
        source: ObjectVersion,
        table: Table,
        options: LoadOptions,
        attempt: Attempt,
        written: Written,
        content: str,
    ) -> LedgerEntry:
        """The entry of a run that has written its rows, or refused them all. ``content`` is the file's digest."""
        error = None
        if written.refused:
            error = FileError(
                FileCode.TOO_MANY_REJECTIONS,
                f"More than {options.max_rejected:.4g} of the rows are bad, so no row was loaded.",
                hint="See the run's rejections, correct them, and drop the file again.",
            )
        return LedgerEntry(
            id=attempt.run,
            kind=attempt.kind,
            table=table.name,
            state=RunState.REFUSED if written.refused else RunState.SUCCEEDED,
            dictionary=self.dictionary.digest,
            counts=written.counts,
            started=attempt.started,
            source=source,
            content=content,
            on_conflict=options.on_conflict.value,
            note=attempt.note,
            error=error.told() if error else None,
        )

    def record(self, transaction: Transaction, entry: LedgerEntry, *, again: bool) -> None:
        """Record the entry of a run that has written its rows.

        Raises DuplicateContent when the same content stands in the table, unless it is loaded ``again``.
        """
        content = (str(entry.table), str(entry.content), str(entry.on_conflict))
        if again:
            ledger.forget_content(transaction, *content)
        elif original := ledger.standing_content(transaction, *content):
            raise DuplicateContent(original)
        ledger.record(transaction, entry)

    def await_parents(self, transaction: Transaction, table: Table) -> None:
        """Raise NotItsTurn while a file of a parent table is loaded in parts, whose rows are there at its end."""
        if parent := split_record.at_work(transaction, table.parents):
            raise NotItsTurn(f"A file of the table {parent} is being loaded in parts.", hint="It is tried again.")

    def refuse_stale(self, transaction: Transaction, source: ObjectVersion, *, again: bool) -> None:
        """Raise Superseded when a newer version of the object was loaded, unless this one is loaded ``again``."""
        if not again and (newer := ledger.newer_load(transaction, source)):
            raise Superseded(f"Run {newer} has loaded a newer version of {source.key}.")


def failure(
    attempt: Attempt, source: ObjectVersion, table: str | None, dictionary: str, error: DecantError
) -> LedgerEntry:
    """The entry of a run that an error has ended, before anything was written. ``dictionary`` is a digest."""
    return LedgerEntry(
        id=attempt.run,
        kind=attempt.kind,
        table=table,
        state=_STATES.get(type(error), RunState.FAILED),
        dictionary=dictionary,
        counts=Counts(),
        started=attempt.started,
        source=source,
        note=attempt.note,
        error=error.told(),
    )


def _most_rows(source: Source, content: Content) -> Future[int]:
    if not isinstance(source, WorkbookSource):
        return content.fetch()
    told: Future[int] = Future()  # for the whole workbook is in memory
    told.set_result(source.most_rows())
    return told


def _gone(key: str) -> FileError:
    return FileError(FileCode.OBJECT_GONE, f"The object {key} is gone.", hint="Drop it again.")


def _noting(attempt: Attempt, note: str | None) -> Attempt:
    return replace(attempt, note=" ".join(filter(None, (attempt.note, note))) or None)
