"""The work that shows backups to be good: reading one back, and the drill."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, replace

from chalicelib.backup.catalogue import find_snapshot
from chalicelib.backup.drill import drill
from chalicelib.backup.verification import verify
from chalicelib.errors import DecantError, NotFound, Unavailable
from chalicelib.ports import Run
from chalicelib.telemetry.metrics import measure
from chalicelib.wiring import Services
from chalicelib.work.messages import VerifyTask
from chalicelib.work.reporting import Progress, succeed


def read_back(services: Services, task: VerifyTask, run: Run, started: dt.datetime) -> None:
    """Verify the task's backup. A damaged one fails the run, with the damage."""
    backup = services.catalog.backup(task.backup)
    if backup is None:
        raise NotFound(f"There is no backup {task.backup}.", hint="GET /backups lists those there are.")
    found = verify(services.backups, services.dictionary, backup)
    services.catalog.note_backup(backup.id, verified=started)
    manifest = found.manifest
    told = {
        "backups": [manifest.id],
        "rows": manifest.rows,
        "bytes": manifest.bytes,
        "sha256": manifest.sha256,
        "content": manifest.content,
        "restorable": found.refusal is None,
        "refusal": found.refusal,
        "notes": list(found.notes),
    }
    succeed(services, run, progress=manifest.rows, result=told)


def rehearse(services: Services, run: Run, started: dt.datetime) -> None:
    """Restore the newest snapshot of all tables for practice. What is wrong with it fails the run, and rings."""
    try:
        backups = find_snapshot(services.backups, services.catalog, services.dictionary)
        told = {"snapshot": backups[0].snapshot, "backups": [backup.id for backup in backups]}
        run = replace(run, result=told)
        services.catalog.put_run(run)
        reports = drill(
            services.database,
            services.backups,
            services.dictionary,
            backups,
            progress=Progress(services, run).tell,
        )
    except Unavailable:
        raise
    except DecantError:
        measure("DrillFailed", 1, "Count")
        raise
    for backup in backups:
        services.catalog.note_backup(backup.id, verified=started)
    result = {**told, "tables": [asdict(report) for report in reports]}
    succeed(services, run, progress=sum(report.rows for report in reports), result=result)
    measure("DrillFailed", 0, "Count")
    for report in reports:
        measure("DrillSeconds", report.seconds, "Seconds", table=report.table)
