"""The scheduled work of the function that may delete backups.

It prunes, measures how old the newest backups are, and anchors the audit log once a day.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.audit.anchors import anchor_daily
from chalicelib.backup.pruning import Pruning, prune
from chalicelib.backup.retention import Policy
from chalicelib.errors import DecantError
from chalicelib.identifiers import new_id, scheduled_id
from chalicelib.points import Point, passed
from chalicelib.ports import Run, RunKind, RunState, whole
from chalicelib.telemetry.metrics import measure
from chalicelib.wiring import Services
from chalicelib.work.lifetime import LOOKED_AT, on_its_way
from chalicelib.work.reporting import now

logger = logging.getLogger(__name__)

# The age that is told of a table without any backup: far above every threshold.
_NEVER = dt.timedelta(days=3650)
_LISTED = 100


def tidy(services: Services, event: Mapping[str, Any]) -> dict[str, Any]:
    """Delete the backups that the policy does not keep, and tell what was done; see ``prune``.

    ``event`` is that of the schedule, or empty when a person asks. What was deleted, or why it failed, is shown as a
    run; a pass that changed nothing leaves none.
    """
    started = now()
    settings = services.settings
    policy = Policy(settings.keep_last, settings.keep_daily, settings.keep_weekly, settings.keep_monthly)
    run = Run(
        id=_run_id(event, started),
        kind=RunKind.RETENTION,
        table=None,
        state=RunState.SUCCEEDED,
        dictionary=services.dictionary.digest,
        phase="done",
        created=started,
        started=started,
    )
    try:
        pruning = prune(
            services.backups, services.catalog, policy, now=started, in_use=lambda: in_use(services, started)
        )
    except DecantError as error:
        services.catalog.put_run(replace(run, state=RunState.FAILED, ended=now(), error=error.told()))
        raise
    told = _told(pruning)
    logger.info("retention: %s", told)
    for table in services.dictionary.tables:
        taken = pruning.newest.get(table.name, started - _NEVER)
        measure("BackupAgeSeconds", (started - taken).total_seconds(), "Seconds", table=table.name)
    if pruning.deleted or pruning.unfinished or pruning.unlisted:
        services.catalog.put_run(replace(run, ended=now(), result=told))
        passed(Point.RETENTION_TOLD)
    anchor_daily(services.audit, services.backups, started)  # last: should the log be down, all else is done and told
    return told


def in_use(services: Services, moment: dt.datetime) -> dict[str, str]:
    """The backups that work under way names, each with that work."""
    found: dict[str, str] = {}
    for run in whole(services.catalog.runs):
        if run.created is not None and moment - run.created > LOOKED_AT:
            break
        if on_its_way(run, moment):
            found |= dict.fromkeys((run.result or {}).get("backups", ()), f"{run.kind.value} {run.id}")
    return found


def _run_id(event: Mapping[str, Any], moment: dt.datetime) -> str:
    if scheduled := event.get("time"):
        return scheduled_id(RunKind.RETENTION, dt.datetime.fromisoformat(scheduled))
    return new_id(moment)


def _told(pruning: Pruning) -> dict[str, Any]:
    locked = sum(reason.startswith("locked") for reason in pruning.kept.values())
    return {
        "kept": len(pruning.kept),
        "locked": locked,
        "deleted": len(pruning.deleted),
        "deleted_backups": list(pruning.deleted[:_LISTED]),
        "damaged": dict(list(pruning.damaged.items())[:_LISTED]),
        "unfinished": pruning.unfinished,
        "unlisted": pruning.unlisted,
    }
