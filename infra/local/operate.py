"""What operators do with a running stack from the command line: files, backups, drills, dead letters."""

import argparse
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console

from chalicelib.backup.catalogue import copy_backup, manifests
from chalicelib.backup.manifest import Manifest
from chalicelib.backup.restore import restore
from chalicelib.identifiers import new_id
from chalicelib.storage import FolderStorage
from chalicelib.wiring import Services, services
from infra.audit import audited
from infra.local import dead_letters, report, samples
from infra.local.api import order, request
from infra.local.record import Record, StackError


def drop(console: Console, record: Record, arguments: argparse.Namespace) -> int:
    """Put files into the intake bucket and follow their runs; the exit status tells whether all were loaded."""
    dropped = []
    for path in arguments.files:
        folder = f"{arguments.table}/" if arguments.table else ""
        key = f"incoming/{folder}{path.name}"
        options = {"on-conflict": arguments.on_conflict} if arguments.on_conflict else {}
        with path.open("rb") as content:
            put = record.client("s3").put_object(Bucket=record.intake_bucket, Key=key, Body=content, Metadata=options)
        dropped.append(samples.Dropped(key, put["VersionId"]))
    with report.Loads(console) as loads:
        runs = samples.follow(record, dropped, loads.show)
    report.files(console, runs)
    for run in runs.values():
        console.print(f"{record.api_url}/runs/{run['id']}", highlight=False, soft_wrap=True)
    return 0 if all(run["state"] in ("succeeded", "duplicate") for run in runs.values()) else 1


def backup_to_directory(console: Console, record: Record, arguments: argparse.Namespace) -> int:
    """Back all tables up in one snapshot, and copy the backups with their manifests into a folder."""
    run = _done(order(record, "/backups"))
    bucket, folder = _services(record).backups, FolderStorage(arguments.directory)
    for manifest in manifests(bucket):
        if manifest.id in run["result"]["backups"]:
            copy_backup(bucket, folder, manifest)
            console.print(f"{manifest.table}: {manifest.rows} rows, {manifest.bytes} bytes", highlight=False)
    console.print(f"Snapshot {run['result']['snapshot']} is in {arguments.directory}", highlight=False, soft_wrap=True)
    return 0


def restore_from_directory(console: Console, record: Record, arguments: argparse.Namespace) -> int:
    """Make the tables equal to the newest snapshot in a folder."""
    folder = FolderStorage(arguments.directory)
    snapshot = _newest_snapshot(folder, arguments.directory)
    now = dt.datetime.now(dt.UTC)
    run = new_id(now)
    wired = _services(record)
    with audited(wired.audit, record.client("sts"), "make restore-from-dir", f"snapshot {snapshot[0].snapshot}", run):
        reports = restore(
            wired.database,
            folder,
            wired.dictionary,
            [manifest.to_backup() for manifest in snapshot],
            run_id=run,
            started=now,
            dry_run=arguments.dry_run,
            progress=lambda _phase, _rows: None,
        )
    would = "would be " if arguments.dry_run else ""
    for each in reports:
        console.print(
            f"{each.table}: {each.rows} rows in the backup; {would}inserted {each.inserted}, "
            f"{would}updated {each.updated}, {would}deleted {each.deleted}, unchanged {each.unchanged}",
            highlight=False,
            soft_wrap=True,
        )
    return 0


def rebuild(console: Console, record: Record, _arguments: argparse.Namespace) -> int:
    """Fill a lost catalogue again: the backups from the bucket, the runs from the database."""
    result = _done(order(record, "/backups/rebuild"))["result"]
    console.print(
        f"{result['backups_listed']} backups are in the catalogue, {result['runs_listed']} runs came back.",
        highlight=False,
    )
    return 0


def drill(console: Console, record: Record, _arguments: argparse.Namespace) -> int:
    """Restore the newest backups for practice, into tables that vanish, and tell what a restore would change."""
    run = _done(order(record, "/drills"))
    for each in run["result"]["tables"]:
        found = each["differences"]
        console.print(
            f"{each['table']}: {each['rows']} rows restored and checked in {each['seconds']:.1f} s; a restore would "
            f"insert {found['inserted']}, update {found['updated']}, delete {found['deleted']}",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"The snapshot {run['result']['snapshot']} can be restored.", highlight=False, soft_wrap=True)
    return 0


def retention(console: Console, record: Record, _arguments: argparse.Namespace) -> int:
    """Delete the backups that need not be kept, as the schedule does."""
    answer = record.client("lambda").invoke(FunctionName=record.retention_function, Payload=b"{}")
    told = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise StackError(f"The function failed: {told.get('errorMessage', told)}. See `make logs`.")
    console.print(f"{told['kept']} backups stay, {told['deleted']} are deleted.", highlight=False)
    for reason in told["damaged"].values():
        console.print(f"Damaged: {reason}", highlight=False, soft_wrap=True)
    return 0


def call(console: Console, record: Record, arguments: argparse.Namespace) -> int:
    """Ask the deployed API for something, or order it, and print the answer; an order is waited for."""
    body = getattr(arguments, "body", None)
    status, content = request(record, arguments.command.upper(), arguments.route, body.encode() if body else None)
    console.print(json.dumps(json.loads(content), indent=2), highlight=False, markup=False, soft_wrap=True)
    return 0 if status < 400 else 1


def show_dead_letters(console: Console, record: Record, _arguments: argparse.Namespace) -> int:
    """Show the work that failed as often as it may, oldest first."""
    letters = dead_letters.look(record.client("sqs"), record.dead_letter_queue_url)
    for letter in letters:
        console.print(f"{letter.sent:%Y-%m-%d %H:%M:%S} {letter.body}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"{len(letters)} messages are in the dead-letter queue.", highlight=False)
    return 0


def redrive(console: Console, record: Record, _arguments: argparse.Namespace) -> int:
    """Give the work of the dead-letter queue to the workers again."""
    moved = dead_letters.redrive(record.client("sqs"), record.dead_letter_queue_url, record.queue_url)
    console.print(f"{moved} messages are in the work queue again.", highlight=False)
    return 0


def _services(record: Record) -> Services:
    """The application's own services, on this stack."""
    os.environ.update(record.variables())
    return services()


def _newest_snapshot(folder: FolderStorage, path: Path) -> list[Manifest]:
    found = list(manifests(folder))
    if not found:
        raise StackError(f"There is no backup in {path}.")
    newest = max(found, key=lambda manifest: manifest.created).snapshot
    return [manifest for manifest in found if manifest.snapshot == newest]


def _done(run: dict[str, Any]) -> dict[str, Any]:
    """The run of an order, which must have succeeded."""
    if run["state"] != "succeeded":
        error = run["error"] or {}
        raise StackError(f"The {run['kind']} ended as {run['state']}: {error.get('detail')} {error.get('hint') or ''}")
    return run
