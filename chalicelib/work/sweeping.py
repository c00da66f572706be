"""The sweep of what workers that died have left for good: what no message will come for any more.

It follows the work of a schedule, so it is done once a day where any schedule is on.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace

from chalicelib.errors import DecantError, NotFound
from chalicelib.identifiers import new_id
from chalicelib.ledger import recorded
from chalicelib.load.loader import Loader
from chalicelib.ports import Run, RunKind, RunState, whole
from chalicelib.wiring import Services
from chalicelib.work.lifetime import LOOKED_AT, MESSAGE_LIVES, on_its_way
from chalicelib.work.reporting import AWAITING_UPLOAD, ended, now
from chalicelib.work.splitting import end_silent

logger = logging.getLogger(__name__)

# Whose work and entry in the ledger are one transaction.
_WHOLE_OR_NOTHING = (RunKind.LOAD, RunKind.REPLAY, RunKind.RESTORE)


def sweep(services: Services) -> None:
    """End the runs that no worker will come back to, forget what they staged, and make the indexes they left out.

    A load in parts is over when no part was done for a day, any other run when its message can't be there any more: it
    is shown as the ledger says it ended, else as failed. Nothing is measured: what happened is days ago. A run that
    can't be ended is left to the next sweep.
    """
    end_silent(services)
    _index(services)
    moment = now()
    for run in whole(services.catalog.runs, after=new_id(moment - MESSAGE_LIVES)):
        if run.created is not None and moment - run.created > LOOKED_AT:
            return
        if run.state.final or on_its_way(run, moment):
            continue
        try:
            services.catalog.put_run(_over(services, run, moment))
        except DecantError:
            logger.warning("run %s is over and can't be ended", run.id, exc_info=True)


def _index(services: Services) -> None:
    loader = Loader(services.database, services.intake, services.dictionary)
    for table in services.dictionary.tables:
        try:
            loader.index(table)
        except DecantError:
            logger.warning("the indexes of %s can't be made", table.name, exc_info=True)


def _over(services: Services, run: Run, moment: dt.datetime) -> Run:
    with services.database.transaction() as transaction:
        entry = recorded(transaction, run.id)
    if entry is not None:
        return ended(run, entry)
    return replace(run, state=RunState.FAILED, phase="done", ended=moment, error=_why(run).told())


def _why(run: Run) -> DecantError:
    if run.phase == AWAITING_UPLOAD:
        return NotFound(
            "No file came that was uploaded with the form of this run, which has expired.",
            hint="Order another form if the file is still to be loaded.",
        )
    nothing = "Nothing of it was done. " if run.kind in _WHOLE_OR_NOTHING else ""
    return DecantError(
        f"The run was {run.state.value} for {MESSAGE_LIVES.days} days, and no worker comes back to it.",
        hint=f"{nothing}See the worker's log of that time, and order it again.",
    )
