"""A big CSV ─▶ its staging table, part by part: scanned, then loaded. ``split_ending`` publishes it as one run.

Each step of each part is one transaction, which also notes that it is done; so any of them may die and come again, and
whoever does the last part of a step begins the next.
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, BinaryIO, cast

from chalicelib import ledger
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.staging_functions import rejected_relation
from chalicelib.errors import DecantError, DuplicateContent, FileError
from chalicelib.load import split_record as record
from chalicelib.load.digest import content_digest
from chalicelib.load.loader import Attempt, File, Loader
from chalicelib.load.parts import Ahead, part_source, scan_part, shape_of, stretch, what_is_ahead
from chalicelib.load.record_scan import State
from chalicelib.load.returned import ours
from chalicelib.load.split_record import Loaded, Plan, Split, Step
from chalicelib.load.staged_parts import PartSource, StagedParts, stage_anew
from chalicelib.load.turns import take_turn
from chalicelib.load.writer import stage
from chalicelib.points import Point, passed
from chalicelib.ports import Transaction

# A run that no part has gone on with for so long is over: its messages are dead, or nobody takes any.
SILENCE = dt.timedelta(days=1)


class Done(Enum):
    """What became of a part's step: done now, as the last one or not, or before, or another worker has the part, or
    the run is over.
    """

    NOW = auto()
    LAST = auto()
    BEFORE = auto()
    BUSY = auto()
    OVER = auto()


class _Over(DecantError):
    """The run has ended while a worker had one of its parts."""


@dataclass(frozen=True, slots=True)
class Splitter:
    """Loads CSV files above a size in parts of ``part_bytes``; see ``Loader`` for the others."""

    loader: Loader
    part_bytes: int

    def begin(self, file: File, attempt: Attempt, *, corrected: bool = True) -> Split | None:
        """Begin to load a file in parts, or find that the run has; None when it can't be cut, or is over.

        And when it has ``corrected`` rows and these shall not go in parts, which mark no rejected row as put right.
        Raises FileError when the file's beginning shows that it can't be read, Superseded, and NotItsTurn while a file
        of a parent table is loaded in parts.
        """

        def open_(first: int, last: int) -> BinaryIO:
            return self.loader.content(file.version, first, last)

        shape = shape_of(file.table, file.size, self.part_bytes, open_)
        if shape is None or (not corrected and any(map(ours, shape.layout.columns))):
            return None
        plan = Plan(
            table=file.table.name,
            source=file.version,
            options=file.options,
            shape=shape,
            kind=attempt.kind,
            started=attempt.started,
            dictionary=self.loader.dictionary.digest,
            again=attempt.again,
            note=attempt.note,
        )
        with self.loader.database.transaction() as transaction:
            take_turn(transaction, attempt.run)
            if ledger.recorded(transaction, attempt.run):
                return None
            if record.find(transaction, attempt.run) is None:
                self.loader.await_parents(transaction, file.table)
            self.loader.refuse_stale(transaction, file.version, again=attempt.again)
            record.add(transaction, attempt.run, plan)
            passed(Point.SPLIT_PLANNED)
            return record.find(transaction, attempt.run)

    def find(self, run: str) -> Split | None:
        """The load in parts of a run, as it is now; None when it is over."""
        with self.loader.database.transaction() as transaction:
            return record.find(transaction, run)

    def scan(self, run: str, part: int) -> Done:
        """Do the first pass over a part. The last one begins the second. Raises DuplicateContent."""
        with suppress(_Over), self.loader.database.transaction() as transaction:
            split, done = self._take(transaction, run, part, Step.SCAN)
            if split is None:
                return done
            found = scan_part(split.plan.shape, part, self._opener(split))
            record.put_scanned(transaction, run, part, found)
            passed(Point.SPLIT_SCANNED)
            if _pending(transaction, split):
                return Done.NOW
            self._second_pass(transaction, split)
            passed(Point.SPLIT_CUT)
            return Done.LAST
        return self._over()

    def load(self, run: str, part: int) -> Done:
        """Stage the rows of a part. That it can't be read is noted, for a part before it may be worse."""
        try:
            return self._load(run, part, None)
        except FileError as error:
            return self._load(run, part, error)

    def touch(self, run: str) -> None:
        """Note that somebody goes on with a run, who only waits for its turn."""
        with self.loader.database.transaction() as transaction:
            record.touch(transaction, run)

    def silent(self) -> list[str]:
        """The runs that nobody goes on with."""
        with self.loader.database.transaction() as transaction:
            return record.silent(transaction, SILENCE)

    def _load(self, run: str, part: int, broken: FileError | None) -> Done:
        with suppress(_Over), self.loader.database.transaction() as transaction:
            split, done = self._take(transaction, run, part, Step.LOAD)
            if split is None:
                return done
            if broken is not None:
                made = Loaded(error=broken.told())
            elif record.broken_before(transaction, run, part):
                made = Loaded()
            else:
                made = self._stage(transaction, split, part)
                passed(Point.SPLIT_STAGED)
            record.put_loaded(transaction, run, part, made)
            if _pending(transaction, split, made.rows):
                return Done.NOW
            record.go_on(transaction, split, Step.PUBLISH)
            return Done.LAST
        return self._over()

    def _over(self) -> Done:
        """Take away what the end of the run had to leave, for this worker was still writing into it."""
        with self.loader.database.transaction() as transaction:
            record.sweep(transaction)
        return Done.OVER

    def _take(self, transaction: Transaction, run: str, part: int, step: Step) -> tuple[Split | None, Done]:
        """The load in parts, with this part of it locked; None when there is nothing to do, and why."""
        split = record.find(transaction, run)
        if split is None:
            return None, Done.OVER
        refuse_other_dictionary(self.loader, split)
        found = record.take(transaction, run, part)
        if found is None:
            return None, Done.BUSY
        scanned, loaded = found
        if split.step is not step or (scanned if step is Step.SCAN else loaded):
            return None, Done.BEFORE
        return split, Done.NOW

    def _second_pass(self, transaction: Transaction, split: Split) -> None:
        scanned = record.scanned(transaction, split.run)
        content = content_digest(b"".join(part.leaves for part in scanned))
        plan = split.plan
        on_conflict = plan.options.on_conflict.value
        standing = ledger.standing_content(transaction, plan.table, content, on_conflict)
        if standing and not plan.again:
            raise DuplicateContent(standing)
        record.put_ahead(transaction, split.run, what_is_ahead(plan.shape, scanned)[:-1])
        record.go_on(transaction, split, Step.LOAD, content)
        stage_anew(transaction, split.run, plan.table)

    def _stage(self, transaction: Transaction, split: Split, part: int) -> Loaded:
        table, shape, open_ = self._table(split), split.plan.shape, self._opener(split)
        [ahead, behind] = [*record.ahead_of(transaction, split.run, part), Ahead(State.OPENS, 0)][:2]
        found = stretch(shape, part, ahead, behind, open_)
        if found is None:
            return Loaded()
        with closing(open_(found.first, found.last)) as stream:
            source = part_source(table, shape, found, cast(BinaryIO, stream))
            staging = StagedParts(transaction, table, split.run)
            log = rejected_relation(split.run)
            rows, rejected, _ = stage(transaction, staging, table, PartSource(source, part), split.run, log=log)
        return Loaded(rows, rejected, source.fit.row, source.fit.error.told() if source.fit.error else None)

    def _table(self, split: Split) -> Table:
        return self.loader.dictionary.table(split.plan.table)

    def _opener(self, split: Split) -> Any:
        source = split.plan.source
        return lambda first, last: self.loader.content(source, first, last)


def _pending(transaction: Transaction, split: Split, rows: int = 0) -> int:
    """How many parts have yet to do this step, now that one more has. Raises _Over."""
    pending = record.count_down(transaction, split.run, rows)
    if pending is None:
        raise _Over("The run is over.")
    return pending


def refuse_other_dictionary(loader: Loader, split: Split) -> None:
    """Raise DecantError when the dictionary is not the one that the load began with."""
    if split.plan.dictionary != loader.dictionary.digest:
        raise DecantError(
            "The data dictionary was changed while the file was being loaded.", hint="Drop the file again."
        )
