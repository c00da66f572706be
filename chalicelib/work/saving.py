"""The work of backups and restores."""

from __future__ import annotations

import datetime as dt
import logging

from chalicelib.backup.backup import back_up
from chalicelib.backup.restore import restore, told
from chalicelib.backup.sharing import SnapshotGone, make_part
from chalicelib.errors import DecantError, NotFound
from chalicelib.identifiers import new_id
from chalicelib.points import Point, passed
from chalicelib.ports import Counts, Run
from chalicelib.telemetry.context import about
from chalicelib.wiring import Services
from chalicelib.work.messages import BackupPartTask, BackupTask, RestoreTask
from chalicelib.work.reporting import Progress, succeed

logger = logging.getLogger(__name__)


def save(services: Services, task: BackupTask, run: Run, started: dt.datetime) -> None:
    """Back up the task's tables, the parts of big ones with whatever workers are free."""
    # A snapshot is one moment, so a second try is another snapshot: the first may have left backups of its own behind.
    snapshot = new_id(started)
    tables = task.tables or [table.name for table in services.dictionary.tables]
    made = back_up(
        services.database,
        services.backups,
        services.catalog,
        services.dictionary,
        tables,
        snapshot=snapshot,
        now=started,
        progress=Progress(services, run).tell,
        part_bytes=services.settings.backup_part_bytes,
        offer=lambda part: services.queue.send(BackupPartTask(run.id, part).message()),
        at_once=services.settings.parts_at_once,
    )
    rows = sum(backup.rows for backup in made)
    result = {"snapshot": snapshot, "backups": [backup.id for backup in made], "rows": rows}
    succeed(services, run, progress=rows, result=result)


def help_out(services: Services, task: BackupPartTask) -> None:
    """Make a part of a backup that another worker is at, which makes it itself when this comes to nothing."""
    part = task.part
    about(run_id=task.run)
    try:
        made = make_part(services.database, services.backups, services.dictionary, part)
    except SnapshotGone as error:
        logger.info("nobody waits for part %d of the backup %s: %s", part.number, part.backup, error)
    except DecantError as error:
        logger.warning("part %d of the backup %s is left to its worker: %s", part.number, part.backup, error)
    else:
        logger.info("part %d of the backup %s %s", part.number, part.backup, "made" if made else "is in hand")


def bring_back(services: Services, task: RestoreTask, run: Run, started: dt.datetime) -> None:
    """Restore the task's backups, or tell what that would change."""
    backups = []
    for name in task.backups:
        backup = services.catalog.backup(name)
        if backup is None:
            raise NotFound(f"There is no backup {name}.")
        backups.append(backup)
    reports = restore(
        services.database,
        services.backups,
        services.dictionary,
        backups,
        run_id=run.id,
        started=started,
        dry_run=task.dry_run,
        progress=Progress(services, run).tell,
    )
    passed(Point.RESTORE_COMMITTED)
    succeed(
        services,
        run,
        counts=Counts(
            read=sum(report.rows for report in reports),
            inserted=sum(report.inserted for report in reports),
            updated=sum(report.updated for report in reports),
            unchanged=sum(report.unchanged for report in reports),
        ),
        result=told(reports, dry_run=task.dry_run),
    )
