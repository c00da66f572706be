"""The work of a load in parts: messages from one part and step to the next, and what callers are told of the run.

Only so many messages of one file are in the queue at a time, so that other work gets its turn between them: whoever has
done a part sends for the one that is so many places behind it. Who finds its part done sends for nothing, for who did
it does; unless the queue gives the message out again, since its worker may have died before it sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from chalicelib.errors import DecantError, Unavailable
from chalicelib.load.digest import whole_leaves
from chalicelib.load.loader import Attempt, File, Loader
from chalicelib.load.split_ending import Ending
from chalicelib.load.split_record import Split, Step
from chalicelib.load.splitting import SILENCE, Done, Splitter
from chalicelib.load.turns import InHand, NotItsTurn
from chalicelib.points import Point, passed
from chalicelib.ports import Run, RunState
from chalicelib.telemetry.context import about
from chalicelib.wiring import Services
from chalicelib.work.messages import PartTask
from chalicelib.work.pauses import spread
from chalicelib.work.reporting import Progress, ended, fail, finish, known_run, now, wait
from chalicelib.work.waiting import refuse_to_wait_on, waited

logger = logging.getLogger(__name__)

# A worker has a part for 15 minutes at most; a connection that it left open is closed within 5.
_BUSY_PAUSE = 60
_TURN_PAUSE = 15
_LONGEST_PAUSE = 300
_PHASES = {Step.SCAN: "scanning", Step.LOAD: "loading", Step.PUBLISH: "publishing"}


def splitter(services: Services, most_bytes: int | None = None) -> Splitter:
    """What loads files in parts with these services; in new parts of ``most_bytes``, if that is less than usual."""
    usual = services.settings.split_part_bytes
    return Splitter(_loader(services), whole_leaves(min(usual, most_bytes or usual)))


def begin_parts(services: Services, file: File, attempt: Attempt, run: Run, *, late: bool = False) -> Split | None:
    """Begin to load a file in parts if it is big enough; None when it is to be loaded whole, or its run is over.

    ``late``: a worker's time was not enough for the whole of it, so whatever its size it is shared by many, unless it
    is a small file of corrected rows, of which parts would mark none as put right.
    """
    above = services.settings.split_above_bytes
    # Without versions an object might change from one part to the next.
    if not above or not (late or file.size > above) or not file.is_csv or file.version.version is None:
        return None
    end_silent(services)
    work = splitter(services, -(-file.size // services.settings.parts_at_once) if late else None)
    split = work.begin(file, attempt, corrected=file.size > above)
    if split is not None and split.plan.source.version == file.version.version:
        _send_first(services, split)
        _tell_if_possible(services, split, lambda: run)
    return split


def end_silent(services: Services) -> None:
    """End the runs that no worker has gone on with for long; one that can't be ended is left to the next time."""
    work = splitter(services)
    for silent in work.silent():
        try:
            _end_silent(services, work, silent)
        except DecantError:
            logger.warning("run %s is silent and can't be ended", silent, exc_info=True)


def do_part(services: Services, task: PartTask, *, again: bool) -> None:
    """Do what the task says, and send for what comes next. ``again``: the queue gives its message out once more."""
    about(run_id=task.run)
    if task.step is Step.PUBLISH:
        _publish(services, task, again=again)
        return
    again = again or task.tries > 0 or task.late > 0 or task.redriven
    work = splitter(services)
    done = work.scan(task.run, task.part) if task.step is Step.SCAN else work.load(task.run, task.part)
    passed(Point.SPLIT_SCAN_COMMITTED if task.step is Step.SCAN else Point.SPLIT_LOAD_COMMITTED)
    if done is Done.BUSY:
        services.queue.send(replace(task, tries=max(task.tries, int(again))).message(), delay=spread(_BUSY_PAUSE))
    elif done in (Done.NOW, Done.LAST) or (done is Done.BEFORE and again):
        _go_on(services, task, work)


def give_up(services: Services, task: PartTask, error: DecantError) -> None:
    """End the run of a part that can't be done. Raises Unavailable when that has to be tried again."""
    try:
        Ending(_loader(services)).abandon(task.run, error)
    except DecantError as unable:
        if isinstance(unable, Unavailable) and not isinstance(error, Unavailable):
            raise
        logger.warning("the database can't be told that run %s has failed", task.run, exc_info=True)
    fail(services, task, error)


def _publish(services: Services, task: PartTask, *, again: bool) -> None:
    run = known_run(services, task)
    if not run.state.final:
        run = replace(run, state=RunState.RUNNING)
    work = splitter(services)
    try:
        entry = Ending(work.loader).publish(task.run, Progress(services, run).tell)
    except NotItsTurn as error:
        # A message that a worker died with is counted as tried, or it would come back as a new one for ever.
        if again or (isinstance(error, InHand) and (task.tries or task.late)):
            raise
        if not isinstance(error, InHand):  # who is at it has a message of its own
            refuse_to_wait_on(error, waited(task.since, now()))
            _wait(services, task, run, work, error.detail)
        return
    if entry is not None:
        finish(services, run, ended(run, entry))
        return
    split = work.find(task.run)
    if split is not None and split.step is Step.LOAD:  # what was staged is lost
        _send_first(services, split)


def _wait(services: Services, task: PartTask, run: Run, work: Splitter, reason: str) -> None:
    """Put a publish back into the queue until other loads have ended; less and less often."""
    since = task.since or now()
    work.touch(task.run)
    if not run.state.final:
        wait(services, run, reason)
    pause = _TURN_PAUSE + waited(since, now()) / 4
    services.queue.send(replace(task, since=since).message(), delay=spread(min(_LONGEST_PAUSE, pause)))


def _go_on(services: Services, task: PartTask, work: Splitter) -> None:
    split = work.find(task.run)
    if split is None:
        return
    following = task.part + services.settings.parts_at_once
    if split.step is not task.step:
        _send_first(services, split)
    elif following < split.plan.shape.parts:
        services.queue.send(PartTask(task.run, task.step, following).message())
        passed(Point.SPLIT_SENT)
    _tell_if_possible(services, split, lambda: known_run(services, task))


def _tell_if_possible(services: Services, split: Split, run: Callable[[], Run]) -> None:
    try:
        _tell(services, run(), split)
    except DecantError:
        logger.warning("the run goes on without telling its progress", exc_info=True)


def _send_first(services: Services, split: Split) -> None:
    """Send for the first parts of the load's step; for publishing, once."""
    parts = 1 if split.step is Step.PUBLISH else min(split.plan.shape.parts, services.settings.parts_at_once)
    for part in range(parts):
        services.queue.send(PartTask(split.run, split.step, part).message())
        passed(Point.SPLIT_SENT)


def _tell(services: Services, run: Run, split: Split) -> None:
    parts = split.plan.shape.parts
    phase = f"{_PHASES[split.step]}: {parts - split.pending} of {parts} parts are done"
    if run.state.final:
        return
    shown = replace(run, table=split.plan.table, state=RunState.RUNNING, started=split.plan.started)
    loaded = parts - split.pending if split.step is Step.LOAD else parts
    expected = round(split.rows * parts / loaded) if split.rows and loaded else None
    Progress(services, shown).tell(phase, split.rows, expected)


def _end_silent(services: Services, work: Splitter, run: str) -> None:
    hours = SILENCE.total_seconds() / 3600
    error = DecantError(
        f"For {hours:.0f} hours no worker went on with a part of the file.",
        hint="See the dead-letter queue and the worker's log, and drop the file again.",
    )
    shown = services.catalog.run(run)
    entry = Ending(work.loader).abandon(run, error)
    if entry is not None and shown is not None:
        finish(services, shown, ended(shown, entry))


def _loader(services: Services) -> Loader:
    return Loader(services.database, services.intake, services.dictionary)
