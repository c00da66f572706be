"""What callers are told of a run while it is at work, through the catalogue."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from chalicelib.errors import DecantError, NotFound, RestoreRefused, Unavailable
from chalicelib.ports import Run, RunKind, RunState, Source
from chalicelib.wiring import Services
from chalicelib.work.messages import LoadTask, Task

logger = logging.getLogger(__name__)

_TELL_EVERY = 1.0


def begin(services: Services, task: Task, kind: RunKind, started: dt.datetime) -> Run:
    """The task's run as the catalogue has it, or a new one; running from now on, unless it has ended."""
    source = None
    if isinstance(task, LoadTask):
        source = Source(task.arrival.bucket, task.arrival.key, task.arrival.version)
    identifier = run_id(services, task)
    known = services.catalog.run(identifier)
    if known is not None and known.state.final and not isinstance(task, LoadTask):
        return known
    run = known or Run(identifier, kind, None, RunState.QUEUED, services.dictionary.digest, created=started)
    run = replace(run, state=RunState.RUNNING, phase="opening", source=source or run.source, started=started)
    services.catalog.put_run(run)
    return run


def run_id(services: Services, task: Task) -> str:
    """The run that a task belongs to: for an uploaded file the one that its form was given for."""
    if not isinstance(task, LoadTask) or task.run is not None:
        return str(task.run)
    arrival = task.arrival
    try:
        promised = services.intake.head(arrival.key, arrival.version).metadata.get("run")
    except NotFound:
        promised = None
    run = services.catalog.run(promised) if promised else None
    if run is not None and run.source is not None and run.source.key == arrival.key and not run.state.final:
        return run.id
    return arrival.run_id


def fail(services: Services, task: Task, error: DecantError) -> None:
    """Show the run as failed, or as refused when that is what the error means."""
    known = services.catalog.run(run_id(services, task))
    if known is None or known.state.final:
        return
    state = RunState.REFUSED if isinstance(error, RestoreRefused) else RunState.FAILED
    told = {**error.told(), "errors": error.errors} if error.errors else error.told()
    services.catalog.put_run(replace(known, state=state, phase="done", ended=now(), error=told))


class Progress:
    """Tells callers how far a run has come, at most once a second. What it can't tell is no reason to stop."""

    def __init__(self, services: Services, run: Run, clock: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._run = run
        self._clock = clock
        self._told = clock()
        self._phase = run.phase

    def tell(self, phase: str, rows: int) -> None:
        if phase == self._phase and self._clock() - self._told < _TELL_EVERY:
            return
        self._phase, self._told = phase, self._clock()
        try:
            self._services.catalog.put_run(replace(self._run, phase=phase, progress=rows))
        except Unavailable:
            logger.warning("the catalogue is down; the run goes on without telling its progress")


def now() -> dt.datetime:
    """The moment, in UTC."""
    return dt.datetime.now(dt.UTC)
