"""Restoring tables from backups: verify, stage, compare, swap, check, record; all or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from chalicelib import ledger
from chalicelib.backup.manifest import Manifest
from chalicelib.backup.references import refuse_broken_references
from chalicelib.backup.rules import refuse_broken_rules
from chalicelib.backup.schemas import reconcile
from chalicelib.backup.swap import Swap, swap_all
from chalicelib.backup.verification import BackupContent, check_file, load_manifest
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote
from chalicelib.errors import BadRequest, IntegrityViolation, RestoreRefused
from chalicelib.ledger import LedgerEntry
from chalicelib.points import Point, passed
from chalicelib.ports import Backup, Counts, Database, RunKind, RunState, Storage, Transaction

# How long a restore waits for the writers of a table before it gives up and is tried again.
_LOCK_TIMEOUT = "10s"

# What is told the phase, how many rows are done, and how many there are.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did to one table, or a dry run would do. ``rows`` are the backup's, and the table's afterwards.

    ``notes`` tell what a reader should know, such as columns that the backup did not have.
    """

    table: str
    backup: str
    rows: int
    inserted: int
    updated: int
    deleted: int
    unchanged: int
    notes: tuple[str, ...] = ()


def told(reports: Sequence[RestoreReport], *, dry_run: bool) -> dict[str, Any]:
    """What a restore did, as its run and the ledger keep it."""
    return {"dry_run": dry_run, "tables": [asdict(report) for report in reports]}


def restore(
    database: Database,
    storage: Storage,
    dictionary: Dictionary,
    backups: Sequence[Backup],
    *,
    run_id: str,
    started: dt.datetime,
    dry_run: bool,
    progress: Progress,
) -> list[RestoreReport]:
    """Make tables equal to backups, all of them in one transaction, and record it in the ledger under ``run_id``.

    Parents come first in the reports. A run that is in the ledger is not done again, for rows may have come since: its
    reports are returned. A dry run changes and records nothing.

    Raises BackupDamaged before a table is touched; RestoreRefused when a backup does not fit its table, or rows would
    refer to nothing; Unavailable when a table stays locked. Whatever is raised, nothing was changed.
    """
    if not dry_run:
        with database.transaction() as transaction:
            if (reports := _recorded(transaction, run_id)) is not None:
                return reports
    chosen = [choose(storage, dictionary, backup) for backup in in_order(dictionary, backups)]
    passed(Point.RESTORE_VERIFIED)
    try:
        with database.transaction() as transaction:
            swaps = [stage(transaction, each, progress) for each in chosen]
            passed(Point.RESTORE_STAGED)
            if not dry_run:
                _lock(transaction, dictionary, {each.table.name for each in chosen})
                passed(Point.RESTORE_LOCKED)
                # The same run may have been at it at the same time; the lock made us wait for its end.
                if (reports := _recorded(transaction, run_id)) is not None:
                    return reports
            refuse_broken_rules(transaction, swaps)
            refuse_broken_references(transaction, dictionary, {swap.table.name: swap.staged for swap in swaps})
            differences = [swap.compare() for swap in swaps]
            reports = [
                RestoreReport(each.table.name, each.manifest.id, each.manifest.rows, **asdict(found), notes=each.notes)
                for each, found in zip(chosen, differences, strict=True)
            ]
            if not dry_run:
                swap_all(swaps, differences)
                for swap in swaps:
                    swap.check(partial(progress, f"check {swap.table.name}"))
                passed(Point.RESTORE_CHECKED)
                _record(transaction, dictionary, reports, run_id, started)
                passed(Point.RESTORE_RECORDED)
            return reports
    except IntegrityViolation as error:
        # A row that began to refer to one of ours while we worked.
        raise RestoreRefused(
            f"A constraint of the table refuses a row: {error.detail}",
            hint="Nothing was changed. Restore another backup, or change the rows that are named first.",
        ) from error


@dataclass(frozen=True, slots=True)
class Chosen:
    """A backup whose file is whole and whose columns fit the table."""

    table: Table
    manifest: Manifest
    content: BackupContent
    notes: tuple[str, ...]


def in_order(dictionary: Dictionary, backups: Sequence[Backup]) -> list[Backup]:
    """The backups, those of parents first. Raises BadRequest unless there is one for each of some tables."""
    by_table = {backup.table: backup for backup in backups}
    if len(by_table) < len(backups) or not backups:
        raise BadRequest("A restore takes one backup for each of its tables, and at least one.")
    for name in by_table:
        dictionary.table(name)
    return [by_table[table.name] for table in dictionary.tables if table.name in by_table]


def choose(storage: Storage, dictionary: Dictionary, backup: Backup) -> Chosen:
    """Hold a backup's file against its manifest, and its columns against the table.

    Raises BackupDamaged, NotFound without a manifest, or RestoreRefused when the columns don't fit.
    """
    manifest = load_manifest(storage, backup)
    table = dictionary.table(backup.table)
    notes = reconcile(manifest, table)
    check_file(storage, manifest)
    return Chosen(table, manifest, BackupContent(storage, manifest), tuple(notes))


def stage(transaction: Transaction, chosen: Chosen, progress: Progress) -> Swap:
    """Put a backup's rows into a temporary table, with the key of the real one; see ``Swap``."""
    swap = Swap(transaction, chosen.table, chosen.manifest)

    def chunks() -> Iterator[pa.Table]:
        rows = 0
        for chunk in chosen.content.chunks():
            rows += len(chunk)
            yield chunk
            progress(f"stage {chosen.table.name}", rows, chosen.manifest.rows)

    swap.stage(chunks())
    chosen.content.check()
    return swap


def _lock(transaction: Transaction, dictionary: Dictionary, restored: set[str]) -> None:
    """Keep other writers out of the tables until the end; readers go on.

    As every writer does, it takes at once all locks that its statements need, children before parents.
    """
    parents = {parent for name in restored for parent in dictionary.table(name).parents}
    children = {child.name for name in restored for child, _ in dictionary.children(name)}
    transaction.run(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
    for table in reversed(dictionary.tables):
        if table.name in restored:
            transaction.run(f"LOCK TABLE public.{quote(table.name)} IN SHARE ROW EXCLUSIVE MODE")
        elif table.name in parents | children:
            transaction.run(f"LOCK TABLE public.{quote(table.name)} IN ROW SHARE MODE")


def _recorded(transaction: Transaction, run_id: str) -> list[RestoreReport] | None:
    entry = ledger.recorded(transaction, run_id)
    if entry is None or entry.result is None:
        return None
    return [RestoreReport(**{**each, "notes": tuple(each["notes"])}) for each in entry.result["tables"]]


def _record(
    transaction: Transaction,
    dictionary: Dictionary,
    reports: Sequence[RestoreReport],
    run_id: str,
    started: dt.datetime,
) -> None:
    entry = LedgerEntry(
        id=run_id,
        kind=RunKind.RESTORE,
        table=reports[0].table if len(reports) == 1 else None,
        state=RunState.SUCCEEDED,
        dictionary=dictionary.digest,
        counts=Counts(
            read=sum(report.rows for report in reports),
            inserted=sum(report.inserted for report in reports),
            updated=sum(report.updated for report in reports),
            unchanged=sum(report.unchanged for report in reports),
        ),
        started=started,
        note=" ".join(note for report in reports for note in report.notes) or None,
        result=told(reports, dry_run=False),
    )
    ledger.record(transaction, entry)
    for report in reports:
        if report.unchanged < report.rows or report.deleted:
            # Rows that a load brought may be gone again, so the same file must be loadable once more.
            ledger.forget_contents(transaction, report.table)
