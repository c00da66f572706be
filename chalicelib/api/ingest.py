"""One batch of rows, written exactly once: whatever breaks on the way, and however often it is sent."""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.api.answers import batch_object, batch_status
from chalicelib.api.responses import json_text
from chalicelib.errors import BadRequest, DecantError, TooLarge, Unavailable
from chalicelib.idempotency import Answer, IdempotencyKey, answer_once
from chalicelib.identifiers import new_id
from chalicelib.ledger import recorded
from chalicelib.load.batch import BatchOutcome, ingest
from chalicelib.load.options import OnConflict
from chalicelib.points import Point, passed
from chalicelib.ports import Counts, Run, RunKind, Transaction
from chalicelib.telemetry.context import about
from chalicelib.telemetry.metrics import run_ended
from chalicelib.wiring import Services

logger = logging.getLogger(__name__)

MOST_ROWS = 1000
_TRIES = 3
_PAUSE_SECONDS = 0.1
# No try begins later: API Gateway waits for 29 s, and 10 of them may pass until a database is found out of reach.
_TRY_SECONDS = 16.0
# The system's: functions that start from one snapshot share the state of Python's own, and would not be spread.
_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows for tables, and how to write them; see ``load.batch.ingest``.

    With ``by_table`` the answer names the tables, as the request did.
    """

    rows: Mapping[str, Sequence[object]]
    on_conflict: OnConflict
    atomic: bool
    by_table: bool
    kind: RunKind = RunKind.BATCH
    replaces: str | None = None
    numbers: Mapping[str, Sequence[int]] | None = field(default=None)

    def __post_init__(self) -> None:
        """Raise BadRequest for no row and TooLarge for too many."""
        rows = sum(len(each) for each in self.rows.values())
        if rows == 0:
            raise BadRequest("There are no rows.", hint=f"Send 1 to {MOST_ROWS} of them.")
        if rows > MOST_ROWS:
            raise TooLarge(
                f"There are {rows} rows.", hint=f"Send {MOST_ROWS} at once at most, or a file through /uploads."
            )


MakeBatch = Callable[[Transaction], Batch]


def write_batch(services: Services, make: MakeBatch, key: IdempotencyKey | None) -> Answer:
    """Write the batch that ``make`` makes, and answer for it; a key that has been used gets the first answer again.

    It is tried again when the database interrupts it. The run's row in the ledger commits with the batch, so it tells
    a commit whose acknowledgement was lost from one that never happened.
    """
    now = dt.datetime.now(dt.UTC)
    attempt = _Attempt(services, make, new_id(now), now)
    about(run_id=attempt.run_id)
    answer = _write_through(services, attempt, key)
    passed(Point.BATCH_COMMITTED)
    if attempt.written is not None and answer.run == attempt.run_id:  # and not the answer that a twin was given
        run_ended(attempt.written.run, attempt.written.counts)
        if attempt.written.run.counts.rejected:
            _show(services, attempt.written.run)
            passed(Point.BATCH_SHOWN)
    return answer


@dataclass(frozen=True, slots=True)
class _Written:
    """A batch that is written, and not yet known to be committed."""

    answer: Answer
    run: Run
    counts: Mapping[str, Counts]


@dataclass(slots=True)
class _Attempt:
    """A batch on its way, under one run id however often it is tried."""

    services: Services
    make: MakeBatch
    run_id: str
    started: dt.datetime
    written: _Written | None = None

    def write(self, transaction: Transaction) -> Answer:
        batch = self.make(transaction)
        if batch.numbers is not None:
            passed(Point.CORRECTIONS_MERGED)
        outcome = ingest(
            transaction,
            self.services.dictionary,
            batch.rows,
            run_id=self.run_id,
            kind=batch.kind,
            on_conflict=batch.on_conflict,
            atomic=batch.atomic,
            started=self.started,
            replaces=batch.replaces,
            numbers=batch.numbers,
        )
        passed(Point.BATCH_WRITTEN)
        body = batch_object(self.run_id, outcome, by_table=batch.by_table)
        answer = Answer(batch_status(outcome), json_text(body), self.run_id)
        self.written = _Written(answer, self._run(batch, outcome), outcome.counts)
        return answer

    def _run(self, batch: Batch, outcome: BatchOutcome) -> Run:
        return Run(
            id=self.run_id,
            kind=batch.kind,
            table=next(iter(batch.rows)) if len(batch.rows) == 1 else None,
            state=outcome.state,
            dictionary=self.services.dictionary.digest,
            phase="done",
            progress=outcome.total.read,
            counts=outcome.total,
            created=self.started,
            started=self.started,
            ended=dt.datetime.now(dt.UTC),
            result=None if batch.replaces is None else {"corrects": batch.replaces},
        )


def _write_through(services: Services, attempt: _Attempt, key: IdempotencyKey | None) -> Answer:
    """Try until the batch is committed, its error is one that stays, or there are no tries or no time left."""
    until = time.monotonic() + _TRY_SECONDS
    tries_left = _TRIES
    while True:
        tries_left -= 1
        try:
            return _write(services, attempt, key)
        except DecantError as error:
            late = time.monotonic() > until
            told = error
            if attempt.written is not None:
                committed = None if late else _committed(services, attempt.run_id)
                if committed:
                    return attempt.written.answer
                if committed is None:  # whatever the error, it may be this very run that is in its own way
                    told = _unknown()
            if not told.retryable or tries_left == 0 or late:
                raise told from error
        logger.info("batch %s was interrupted; %d tries are left", attempt.run_id, tries_left)
        time.sleep(_random.uniform(0, _PAUSE_SECONDS * 2 ** (_TRIES - tries_left)))


def _write(services: Services, attempt: _Attempt, key: IdempotencyKey | None) -> Answer:
    with services.database.transaction() as transaction:
        if key is None:
            return attempt.write(transaction)
        return answer_once(transaction, key, lambda: attempt.write(transaction))


def _committed(services: Services, run_id: str) -> bool | None:
    """Whether the ledger has the run; None when it can't be asked."""
    try:
        with services.database.transaction() as transaction:
            return recorded(transaction, run_id) is not None
    except DecantError:
        # The next try is safe: the run's id is a primary key.
        logger.info("the ledger can't tell whether %s was committed", run_id, exc_info=True)
        return None


def _unknown() -> Unavailable:
    return Unavailable(
        "The database broke off, and can't be asked whether the rows went in.",
        hint="Send them again: with the same Idempotency-Key, they go in once and get the first answer.",
    )


def _show(services: Services, run: Run) -> None:
    """Put a run into the catalogue. It stands in the ledger already, from which ``runs`` heals the catalogue."""
    try:
        services.catalog.put_run(run)
    except DecantError:
        logger.warning("the catalogue does not take run %s; its ledger row shows it", run.id, exc_info=True)
