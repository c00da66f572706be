"""The work of a load: its turn, its run, its end."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from chalicelib.errors import DecantError, Unavailable
from chalicelib.ledger import ObjectVersion
from chalicelib.load.loader import Attempt, Loader
from chalicelib.load.turns import InHand, NotItsTurn, waits_for
from chalicelib.points import Point, passed
from chalicelib.ports import Run
from chalicelib.wiring import Services
from chalicelib.work.messages import LoadTask
from chalicelib.work.pauses import spread
from chalicelib.work.reporting import Progress, begin, ended, finish, now, wait
from chalicelib.work.splitting import begin_parts
from chalicelib.work.waiting import refuse_to_wait_on, waited


def load(services: Services, task: LoadTask) -> None:
    """Load the task's object, or put the task back into the queue while it has to wait for its turn."""
    source = _load(services, task)
    if source is not None and source.version != task.arrival.version:
        # An upload's form was sent twice, and two workers took both versions for the one that came first.
        _load(services, replace(task, run=task.arrival.run_id))


def _load(services: Services, task: LoadTask) -> ObjectVersion | None:
    """Bring the task's run on; return the object that it is the run of, or None when it waits."""
    loader = Loader(services.database, services.intake, services.dictionary)
    started = now()
    seconds = waited(task.since, started)
    begun = run = begin(services, task, started)
    attempt = Attempt(run.id, run.kind, started, again=task.again)
    try:
        file = loader.open(task.arrival, again=task.again)
        passed(Point.LOAD_OPENED)
        run = replace(run, table=file.table.name)
        reason = None
        if not task.again:
            reason = waits_for(services.database, services.intake, services.dictionary, file.table, started)
        if reason and seconds < services.settings.parent_wait:
            _wait(services, task, run, started, reason)
            return None
        if reason:
            attempt = replace(attempt, note=f"Went ahead after {seconds:.0f} s of waiting: {reason}.")
        split = begin_parts(services, file, attempt, run, late=task.late > 0)
        if split is not None:
            return split.plan.source
        entry = loader.load(file, attempt, Progress(services, run).tell)
    except NotItsTurn as error:
        refuse_to_wait_on(error, seconds)
        _wait(services, task, run, started, None if isinstance(error, InHand) else error.detail)
        return None
    except Unavailable:
        raise
    except DecantError as error:
        entry = loader.fail(task.arrival, attempt, error)
    if entry.source is not None and entry.source.version != task.arrival.version:
        services.catalog.put_run(replace(entry.to_run(), created=begun.created))  # whoever loaded it has measured it
    else:
        finish(services, begun, ended(run, entry))
    return entry.source


def _wait(services: Services, task: LoadTask, run: Run, started: dt.datetime, reason: str | None) -> None:
    """Put the task back into the queue. Its tries begin anew, for no part was down.

    Without a ``reason`` another worker is at the run, which tells how far it is.
    """
    since = task.since or started
    if reason is not None:
        wait(services, run, reason)
    again = replace(task, run=run.id, since=since, tries=0)
    services.queue.send(again.message(), delay=_pause(waited(task.since, started)))
    passed(Point.LOAD_PUT_BACK)


def _pause(seconds: float) -> int:
    """How long a file that has waited for so many seconds waits again: briefly at first, then for half a minute."""
    return spread(min(30, 2 + seconds / 4))
