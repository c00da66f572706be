"""The worker behind the queue: takes a message, does its work, and keeps callers informed in the catalogue.

A message may come twice, or again after a crash at any point. The ledger in Postgres tells what has been done; the
catalogue is written around it, and mended from it when the same message comes again.
"""

from __future__ import annotations

import logging
import traceback
from contextlib import ExitStack

from chalicelib.errors import DecantError, OutOfTime, Unavailable
from chalicelib.load.split_record import Step
from chalicelib.load.turns import InHand
from chalicelib.points import Point, passed
from chalicelib.wiring import Services
from chalicelib.work.checking import read_back, rehearse
from chalicelib.work.dead_letters import failed_before, take_up, went_in
from chalicelib.work.listing import list_again
from chalicelib.work.loading import load
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
    tasks,
)
from chalicelib.work.pauses import growing
from chalicelib.work.reporting import begin, claim, fail, now, postpone
from chalicelib.work.saving import bring_back, help_out, save
from chalicelib.work.splitting import do_part, give_up
from chalicelib.work.sweeping import sweep

logger = logging.getLogger(__name__)

_TRIES = 6
# With their pauses some 25 minutes: a restore waits for a load to let go of its table, which may take 15.
_TRIES_OF_RESTORES = 10
_DELIVERIES = 3
# What three workers' whole time was not enough for, no worker's will be.
_LATE = 3
_SPLIT_IT = "Drop its rows in smaller files. A workbook may also be saved as CSV, which is loaded in parts."
_FREE_IT = "See what keeps the database or S3 busy (docs/runbook.md, Work that takes too long), then redrive it."
_GIVE_MORE = "Give the worker more memory (WorkerMemory), then redrive it."
_PUBLISH_LESS = f"Drop its rows in several files: all of one file are published at once. Or: {_FREE_IT}"


def handle(services: Services, body: str, deliveries: int = 1) -> None:
    """Do the work of one message of the queue. ``deliveries`` counts how often the queue has given it out.

    Work that could not be done because a part was down is put into the queue again, a bounded number of times; so is
    work that the time left was not enough for, at once, since another worker has all of its own. What can't be done at
    all ends as a failed run. Only what this code did not foresee is raised, so that the queue keeps the message and, in
    the end, the dead-letter queue; and work that needs more memory than there is, for which a part was down too long,
    or that takes longer than a worker may. So does one that comes again and again because its worker died each time:
    its run is failed rather than left running for ever. From there an operator brings it back, see
    ``work.dead_letters``.
    """
    with ExitStack() as all_of_them:  # one that fails does not keep the next from being done
        for task in reversed(tasks(body)):
            all_of_them.callback(_take, services, task, deliveries)


def _take(services: Services, task: Task, deliveries: int) -> None:
    if isinstance(task, BackupPartTask):
        help_out(services, task)
        return
    try:
        _give_up_after(services, task, deliveries - 1)
        if not _is_open(services, task, deliveries):
            return
        if isinstance(task, PartTask):
            do_part(services, task, again=deliveries > 1)
        elif deliveries > 1 or claim(services, task):
            _perform(services, task)
    except OutOfTime as error:
        _hand_on(services, task, error)
    except Unavailable as error:
        _put_back(services, task, error)
    except _Abandoned as error:
        _fail(services, task, error)
        raise
    except DecantError as error:
        _fail(services, task, error)
    except MemoryError as error:  # Arrow's is one, too
        traceback.clear_frames(error.__traceback__)  # what they hold is what it takes to tell of it
        _fail(services, task, DecantError("The worker ran out of memory.", hint=_smaller_or_more(task)))
        raise
    except Exception:
        _fail(services, task, DecantError("The worker met a defect of its own; see its log."))
        raise


def _hand_on(services: Services, task: Task, error: OutOfTime) -> None:
    """Give the work to another worker. Raises OutOfTime when enough have tried."""
    if task.late + 1 >= _LATE:
        too_long = OutOfTime(
            f"It takes longer than a worker may: {_LATE} of them stopped when their time was over.",
            hint=_what_to_do(task),
        )
        _fail(services, task, too_long)
        raise too_long from error
    logger.warning("the time is over; another worker goes on: %s", error)
    services.queue.send(task.handed_on().message(), delay=growing(0))
    passed(Point.WORK_HANDED_ON)
    postpone(services, task, error)


def _what_to_do(task: Task) -> str:
    """The hint for work that took too long each time."""
    match task:
        case LoadTask():
            return _SPLIT_IT
        case PartTask(step=Step.PUBLISH):
            return _PUBLISH_LESS
        case _:
            return _FREE_IT


def _smaller_or_more(task: Task) -> str:
    """The hint for work that took too much memory."""
    return f"{_SPLIT_IT} Or: {_GIVE_MORE}" if isinstance(task, LoadTask | PartTask) else _GIVE_MORE


def _put_back(services: Services, task: Task, error: Unavailable) -> None:
    """Have the work tried again later. Raises the error when it was tried often enough."""
    if task.tries >= (_TRIES_OF_RESTORES if isinstance(task, RestoreTask) else _TRIES):
        _fail(services, task, error)
        raise error
    logger.warning("a part is down, trying again later: %s", error)
    services.queue.send(task.tried().message(), delay=growing(task.tries))
    passed(Point.WORK_PUT_BACK)
    if not isinstance(error, InHand):  # another worker is at the run, which so does not wait
        postpone(services, task, error)


def _fail(services: Services, task: Task, error: DecantError) -> None:
    with services.time_left.to_clean_up():
        if isinstance(task, PartTask):
            give_up(services, task, error)
        else:
            fail(services, task, error)


class _Abandoned(DecantError):
    """The queue gave the work out too often, or once more after its run had failed; the message is a dead letter."""


def _give_up_after(services: Services, task: Task, deliveries: int) -> None:
    if deliveries >= _DELIVERIES and not went_in(services, task):
        raise _Abandoned(
            f"{deliveries} workers came to no end with this: out of memory, or by a defect.",
            hint="See the worker's log. A smaller file may go through.",
        )


def _is_open(services: Services, task: Task, deliveries: int) -> bool:
    """Whether there is something left to do. Raises _Abandoned when the message comes again and its run has failed."""
    if task.redriven and (task.tries == task.late == 0 or deliveries == 1):
        return take_up(services, task)
    if deliveries > 1 and (error := failed_before(services, task)):
        raise _Abandoned(error.detail, hint=error.hint)
    return True


def _perform(services: Services, task: Task) -> None:
    if isinstance(task, LoadTask):  # whether one was done before is for the ledger to say
        load(services, task)
        return
    started = now()
    run = begin(services, task, started)
    if run.state.final:  # an earlier delivery did it
        return
    match task:
        case BackupTask():
            save(services, task, run, started)
        case RestoreTask():
            bring_back(services, task, run, started)
        case VerifyTask():
            read_back(services, task, run, started)
        case DrillTask():
            rehearse(services, run, started)
        case RebuildTask():
            list_again(services, run, started)
    if task.scheduled:
        sweep(services)
