"""The parts of a big CSV ─▶ its table: published as one run, in one transaction as any file is; or given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib import ledger
from chalicelib.errors import DecantError, FileError
from chalicelib.ledger import LedgerEntry
from chalicelib.load import split_record as record
from chalicelib.load.csv_source import TRIED_ROWS
from chalicelib.load.loader import Attempt, Loader, Progress, failure
from chalicelib.load.split_record import Loaded, Plan, Step
from chalicelib.load.splitting import refuse_other_dictionary
from chalicelib.load.staged_parts import StagedParts, stage_anew
from chalicelib.load.turns import take_turn
from chalicelib.load.vanished import ParentGone
from chalicelib.load.writer import lock_tables, settle
from chalicelib.points import Point, passed

# How often the parts are loaded, should what they staged be lost each time.
_ROUNDS = 3


class _Lost(DecantError):
    """What the parts have staged is there no longer."""


class BrokenFile(FileError):
    """A file error that was told before, and kept."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        DecantError.__init__(self, told["detail"], hint=told["hint"])
        self.code = told["code"]


@dataclass(frozen=True, slots=True)
class Ending:
    """Ends loads in parts, once and in one way or another."""

    loader: Loader

    def publish(self, run: str, progress: Progress) -> LedgerEntry | None:
        """Bring a run to its end, once all its parts are loaded; None when that is not so (any more).

        Raises FileError when the file can't be read, DuplicateContent, Superseded, NotItsTurn when other loads come
        first, and InHand when another worker is at it. Should what was staged be gone, or what its rows refer to, the
        parts are to be loaded again.
        """
        try:
            return self._publish(run, progress)
        except (_Lost, ParentGone) as lost:
            with self.loader.database.transaction() as transaction:
                split = record.find(transaction, run, lock=True)
                # Another worker may have met the same, and have begun again.
                if split is None or split.step is not Step.PUBLISH:
                    return None
                if split.round >= _ROUNDS:
                    raise _in_vain(lost) from lost
                record.begin_again(transaction, split)
                stage_anew(transaction, run, split.plan.table)
            return None

    def abandon(self, run: str, error: DecantError) -> LedgerEntry | None:
        """Record why a run came to no good end, unless it had ended; its entry. None: there is no such run."""
        with self.loader.database.transaction() as transaction:
            take_turn(transaction, run)
            split = record.find(transaction, run, lock=True)
            record.end(transaction, run)
            if done := ledger.recorded(transaction, run):
                return done
            if split is None:
                return None
            plan = split.plan
            entry = failure(_attempt(run, plan), plan.source, plan.table, plan.dictionary, error)
            ledger.record(transaction, entry)
        passed(Point.SPLIT_ABANDONED)
        return entry

    def _publish(self, run: str, progress: Progress) -> LedgerEntry | None:
        with self.loader.database.transaction() as transaction:
            split = record.find(transaction, run)
            if split is None:
                return ledger.recorded(transaction, run)
            table, plan = self.loader.dictionary.table(split.plan.table), split.plan
            take_turn(transaction, run, *sorted({table.name, *table.parents}))
            if done := ledger.recorded(transaction, run):
                record.end(transaction, run)
                return done
            split = record.find(transaction, run, lock=True)
            if split is None or split.step is not Step.PUBLISH:
                return None
            refuse_other_dictionary(self.loader, split)
            parts = record.loaded(transaction, run)
            _refuse_broken(parts)
            self.loader.refuse_stale(transaction, plan.source, again=plan.again)
            read, rejected = sum(part.rows for part in parts), sum(part.rejected for part in parts)
            lock_tables(transaction, self.loader.dictionary, [table])
            staging = StagedParts(transaction, table, run)
            if not staging.complete(rows=read, rejected=rejected):
                raise _Lost("the database has restarted meanwhile.")
            record.number_rows(transaction, run)
            staging.log_rejections()
            passed(Point.SPLIT_REJECTED)
            written = settle(transaction, table, staging, plan.options, read, rejected, None, progress)
            passed(Point.SPLIT_SETTLED)
            attempt, content = _attempt(run, plan), str(split.content)
            entry = self.loader.entry(plan.source, table, plan.options, attempt, written, content)
            self.loader.record(transaction, entry, again=plan.again)
            record.end(transaction, run)
            passed(Point.SPLIT_RECORDED)
        passed(Point.SPLIT_COMMITTED)
        return entry


def _attempt(run: str, plan: Plan) -> Attempt:
    return Attempt(run, plan.kind, plan.started, again=plan.again, note=plan.note)


def _refuse_broken(parts: Sequence[Loaded]) -> None:
    """Raise the error of the first part that can't be read, or that of a file in which no row has the right width."""
    for part in parts:
        if part.error is not None:
            raise BrokenFile(part.error)
    misfit: Mapping[str, Any] | None = None
    ahead = 0
    for part in parts:
        misfit = misfit or part.misfit
        if part.first_fit is not None:
            if ahead + part.first_fit <= TRIED_ROWS:
                return
            break
        ahead += part.rows
    if misfit is not None:
        raise BrokenFile(misfit)


def _in_vain(lost: _Lost | ParentGone) -> DecantError:
    """What is told of a file whose parts were loaded as often as they may be."""
    if isinstance(lost, ParentGone):
        return DecantError(
            f"The parts of the file were loaded {_ROUNDS} times, and could not be published: {lost}",
            hint="Drop the file again when nobody deletes what its rows refer to.",
        )
    return DecantError(
        f"The parts of the file were loaded {_ROUNDS} times, and what they had staged was lost: {lost}",
        hint="See the database's log, and drop the file again.",
    )
