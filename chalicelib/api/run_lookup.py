"""Runs by their id: from the catalogue, healed from the ledger."""

from __future__ import annotations

import logging
import time

from chalicelib.errors import DecantError, NotFound, Unavailable
from chalicelib.ledger import recorded
from chalicelib.ports import Run, Transaction
from chalicelib.telemetry.context import about
from chalicelib.wiring import Services

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 1.0


def find_run(services: Services, run_id: str) -> Run:
    """The run of that id. Raises NotFound.

    The catalogue tells of runs under way. The ledger has the last word on those that have ended, and what it says is
    put into the catalogue where that lacks it.
    """
    about(run_id=run_id)
    try:
        shown = services.catalog.run(run_id)
    except Unavailable:
        logger.warning("the catalogue is out of reach; the ledger tells of run %s", run_id, exc_info=True)
        return _of_ledger(services, run_id)
    if shown is not None and shown.state.final:
        return shown
    try:
        ended = _of_ledger(services, run_id)
    except (NotFound, Unavailable):
        if shown is None:
            raise
        return shown
    _heal(services, ended)
    return ended


def wait_for(services: Services, run_id: str, seconds: float) -> Run | None:
    """The run when it has ended within so many seconds; None when it has not, or nobody can tell."""
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        try:
            run = services.catalog.run(run_id)
        except Unavailable:
            logger.warning("the catalogue is out of reach; nobody can tell of run %s", run_id, exc_info=True)
            continue
        if run is not None and run.state.final:
            return run
    return None


def _of_ledger(services: Services, run_id: str) -> Run:
    with services.database.transaction() as transaction:
        run = ledger_run(transaction, run_id)
    if run is None:
        raise NotFound(f"There is no run {run_id}.", hint="GET /runs lists those there are.")
    return run


def ledger_run(transaction: Transaction, run_id: str) -> Run | None:
    """The run as the ledger has it; None while it has not ended, and when there is none."""
    entry = recorded(transaction, run_id)
    return None if entry is None else entry.to_run()


def _heal(services: Services, run: Run) -> None:
    try:
        services.catalog.put_run(run)
    except DecantError:
        logger.warning("the catalogue does not take run %s", run.id, exc_info=True)
