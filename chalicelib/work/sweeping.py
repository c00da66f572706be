"""The sweep of what workers that died have left for good: what no message will come for any more.

It follows the work of a schedule, so it is done once a day where any schedule is on.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace

from chalicelib.errors import DecantError
from chalicelib.load.ledger import recorded
from chalicelib.ports import Run, RunState, whole
from chalicelib.wiring import Services
from chalicelib.work.reporting import ended, finish, now
from chalicelib.work.splitting import end_silent

logger = logging.getLogger(__name__)

# So long the queues keep a message, the time among the dead letters included.
_WORK_LIVES = dt.timedelta(days=14)


def sweep(services: Services) -> None:
    """End the runs that no worker will come back to, and forget what they staged.

    A load in parts is over when no part was done for a day, any other run when its message can't be there any more: it
    is shown as the ledger says it ended, else as failed. A run that can't be ended is left to the next sweep.
    """
    end_silent(services)
    moment = now()
    for run in whole(services.catalog.runs):
        if run.state.final or run.created is None or moment - run.created < _WORK_LIVES:
            continue
        try:
            _end(services, run, moment)
        except DecantError:
            logger.warning("run %s is over and can't be ended", run.id, exc_info=True)


def _end(services: Services, run: Run, moment: dt.datetime) -> None:
    with services.database.transaction() as transaction:
        entry = recorded(transaction, run.id)
    if entry is not None:
        finish(services, run, ended(run, entry))
        return
    error = DecantError(
        f"The run was {run.state.value} for {_WORK_LIVES.days} days, and no worker comes back to it.",
        hint="Nothing of it was done. See the worker's log of that time, and order it again.",
    )
    finish(services, run, replace(run, state=RunState.FAILED, phase="done", ended=moment, error=error.told()))
