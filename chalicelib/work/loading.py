"""The work of a load: its turn, its run, its end."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.errors import DecantError, Unavailable
from chalicelib.load.ledger import LedgerEntry
from chalicelib.load.loader import Attempt, Loader
from chalicelib.load.turns import waits_for
from chalicelib.ports import Run, RunKind, RunState
from chalicelib.wiring import Services
from chalicelib.work.messages import LoadTask
from chalicelib.work.reporting import Progress, begin, now


def load(services: Services, task: LoadTask) -> None:
    """Load the task's object, or put the task back into the queue while it has to wait for its turn."""
    loader = Loader(services.database, services.intake, services.dictionary)
    started = now()
    run = begin(services, task, RunKind.LOAD, started)
    attempt = Attempt(run.id, run.kind, started, again=task.again)
    try:
        file = loader.open(task.arrival, again=task.again)
        run = replace(run, table=file.table.name)
        reason = None
        if not task.again:
            reason = waits_for(services.database, services.intake, services.dictionary, file.table, started)
        if reason:
            waited = (started - (task.since or started)).total_seconds()
            if waited < services.settings.parent_wait:
                waiting = replace(run, state=RunState.WAITING, phase=f"waiting: {reason}", started=None)
                services.catalog.put_run(waiting)
                again = replace(task, run=run.id, since=task.since or started)
                services.queue.send(again.message(), delay=_pause(waited))
                return
            attempt = replace(attempt, note=f"Went ahead after {waited:.0f} s of waiting: {reason}.")
        entry = loader.load(file, attempt, Progress(services, run).tell)
    except Unavailable:
        raise
    except DecantError as error:
        entry = loader.fail(task.arrival, attempt, error)
    services.catalog.put_run(_ended(run, entry))


def _ended(run: Run, entry: LedgerEntry) -> Run:
    return replace(
        run,
        table=entry.table,
        state=entry.state,
        phase="done",
        progress=entry.counts.read,
        counts=entry.counts,
        ended=now(),
        note=entry.note,
        error=entry.error,
    )


def _pause(waited: float) -> int:
    """How long a file waits for its turn before it asks again: soon at first, then every half minute."""
    return int(min(30, 2 + waited / 4))
