"""What callers are told of a run while it is at work, through the catalogue."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.errors import DecantError, RestoreRefused, Unavailable
from chalicelib.ledger import LedgerEntry, recorded
from chalicelib.points import Point, passed
from chalicelib.ports import Run, RunKind, RunState, Source
from chalicelib.telemetry.context import about
from chalicelib.telemetry.metrics import run_ended
from chalicelib.wiring import Services
from chalicelib.work.messages import (
    BackupPartTask,
    BackupTask,
    DrillTask,
    LoadTask,
    PartTask,
    RebuildTask,
    RestoreTask,
    Task,
    VerifyTask,
)

logger = logging.getLogger(__name__)

# The phase of a run that was promised with a form for an upload, until its file comes.
AWAITING_UPLOAD = "awaiting the upload"
_TELL_EVERY = 1.0
_SILENT_FOR = 60.0
_KINDS = {
    LoadTask: RunKind.LOAD,
    PartTask: RunKind.LOAD,
    BackupTask: RunKind.BACKUP,
    BackupPartTask: RunKind.BACKUP,
    RestoreTask: RunKind.RESTORE,
    VerifyTask: RunKind.VERIFY,
    DrillTask: RunKind.DRILL,
    RebuildTask: RunKind.REBUILD,
}


def begin(services: Services, task: Task, started: dt.datetime) -> Run:
    """The task's run as the catalogue has it, or a new one; running from now on, unless it has ended."""
    run = known_run(services, task, started)
    if run.state.final and not isinstance(task, LoadTask):
        return run
    run = replace(run, state=RunState.RUNNING, phase="opening", source=_source(task) or run.source, started=started)
    services.catalog.put_run(run)
    passed(Point.RUN_BEGUN)
    return run


def claim(services: Services, task: Task) -> bool:
    """Whether a message that comes for the first time is to be worked on.

    A schedule may send two messages for one moment. The first to be taken counts: should its worker die, the queue
    gives out that one again.
    """
    if not isinstance(task, BackupTask | DrillTask) or not task.scheduled or task.redriven:
        return True
    claimed = services.catalog.add_run(_new_run(services, task, task.run, now()))
    passed(Point.WORK_CLAIMED)
    return claimed


def run_id(services: Services, task: Task) -> str:
    """The run that a task belongs to: for an uploaded file the one that its form was given for.

    A form may be sent twice. The version that came first has the run; when its event comes again, it still has.
    """
    if not isinstance(task, LoadTask) or task.run is not None:
        return str(task.run)
    arrival = task.arrival
    if arrival.fault or arrival.bucket != services.intake.name:  # no form was given for such an object
        return arrival.run_id
    try:
        promised = services.intake.head(arrival.key, arrival.version).metadata.get("run")
    except Unavailable:
        raise
    except DecantError:
        promised = None  # an object that is gone or denied; what is wrong with it, its load will tell
    run = services.catalog.run(promised) if promised else None
    if run is not None and run.source is not None and run.source.key == arrival.key:
        taken_by = run.source.version
        if taken_by == arrival.version if taken_by else not run.state.final:
            return run.id
    return arrival.run_id


def wait(services: Services, run: Run, reason: str) -> None:
    """Show the run as waiting, and why."""
    services.catalog.put_run(replace(run, state=RunState.WAITING, phase=f"waiting: {reason}", started=None))


def postpone(services: Services, task: Task, error: Unavailable) -> None:
    """Show the run as waiting for a part that is down, if the catalogue can be told."""
    try:
        run = known_run(services, task)
        if not run.state.final:
            wait(services, run, error.detail)
    except DecantError:
        logger.warning("the catalogue can't be told that a run waits", exc_info=True)


def fail(services: Services, task: Task, error: DecantError) -> None:
    """Show the run as failed, or as refused when that is what the error means; as it ended when it did before."""
    run = known_run(services, task)
    if run.state.final:
        return
    if entry := _recorded(services, run.id):
        finish(services, run, ended(run, entry))
        return
    state = RunState.REFUSED if isinstance(error, RestoreRefused) else RunState.FAILED
    told = {**error.told(), "errors": error.errors} if error.errors else error.told()
    finish(services, run, replace(run, state=state, phase="done", ended=now(), error=told))


def succeed(services: Services, run: Run, **made: Any) -> None:
    """Show the run as gone through, with what it ``made``: fields of ``Run``."""
    finish(services, run, replace(run, state=RunState.SUCCEEDED, phase="done", ended=now(), **made))


def finish(services: Services, begun: Run, over: Run) -> None:
    """Show the run as ended, and measure it, unless it had ended when its task ``begun`` it once more."""
    services.catalog.put_run(over)
    passed(Point.RUN_ENDED)
    if begun.ended is None:
        run_ended(over)


def ended(run: Run, entry: LedgerEntry) -> Run:
    """The run as its entry in the ledger says it ended."""
    return replace(
        run,
        table=entry.table,
        state=entry.state,
        phase="done",
        progress=entry.counts.read,
        expected=None,
        counts=entry.counts,
        started=entry.started,
        ended=entry.ended or now(),
        note=entry.note,
        error=entry.error,
        result=entry.result,
    )


class Progress:
    """Tells callers how far a run has come, at most once a second. What it can't tell is no reason to stop.
    That no time is left is one.

    A catalogue that does not answer costs seconds each time, so it is left alone for a minute then.
    """

    def __init__(self, services: Services, run: Run, clock: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._run = run
        self._clock = clock
        self._told = clock()
        self._phase = run.phase
        self._silent_until = self._told

    def tell(self, phase: str, rows: int, expected: int | None = None) -> None:
        """Tell the phase, how many rows are done, and how many are expected in all; None: nobody knows.

        Raises OutOfTime.
        """
        self._services.time_left.check()
        moment = self._clock()
        if moment < self._silent_until or (phase == self._phase and moment - self._told < _TELL_EVERY):
            return
        self._phase, self._told = phase, moment
        try:
            self._services.catalog.put_run(replace(self._run, phase=phase, progress=rows, expected=expected))
        except DecantError:
            self._silent_until = self._clock() + _SILENT_FOR
            logger.warning("the catalogue can't be told; the run goes on without telling its progress", exc_info=True)


def now() -> dt.datetime:
    """The moment, in UTC."""
    return dt.datetime.now(dt.UTC)


def known_run(services: Services, task: Task, created: dt.datetime | None = None) -> Run:
    """The task's run as the catalogue has it, or a new one."""
    identifier = run_id(services, task)
    about(run_id=identifier)
    return services.catalog.run(identifier) or _new_run(services, task, identifier, created or now())


def _new_run(services: Services, task: Task, identifier: str, created: dt.datetime) -> Run:
    return Run(
        identifier,
        _KINDS[type(task)],
        None,
        RunState.QUEUED,
        services.dictionary.digest,
        source=_source(task),
        created=created,
    )


def _source(task: Task) -> Source | None:
    if not isinstance(task, LoadTask):
        return None
    return Source(task.arrival.bucket, task.arrival.key, task.arrival.version)


def _recorded(services: Services, run: str) -> LedgerEntry | None:
    """What the ledger has of a run; None when it has nothing, or can't be asked."""
    try:
        with services.database.transaction() as transaction:
            return recorded(transaction, run)
    except DecantError:
        logger.warning("the ledger can't be asked how run %s ended", run, exc_info=True)
        return None
