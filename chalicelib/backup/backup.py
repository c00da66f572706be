"""Backing tables up: one consistent snapshot, streamed to Avro files, their manifests last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from chalicelib.backup.codec import CODEC
from chalicelib.backup.manifest import BackupFile, Manifest, file_key, fingerprint, manifest_key, render_manifest
from chalicelib.backup.part_file import write_part
from chalicelib.backup.ranges import KeyRange, cut
from chalicelib.backup.sharing import Offer, Offers, Part, export_snapshot, make_all
from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote
from chalicelib.identifiers import new_id
from chalicelib.points import Point, passed
from chalicelib.ports import Backup, Catalog, Database, Storage, Transaction

# Told what is being done ("backup hired_employees") and how many rows of it have been.
Progress = Callable[[str, int], None]

# How much of a table goes into one file, and how many parts are offered at a time, when nobody says otherwise.
PART_BYTES = 128 * 1024 * 1024
PARTS_AT_ONCE = 10


def back_up(
    database: Database,
    storage: Storage,
    catalog: Catalog,
    dictionary: Dictionary,
    tables: Sequence[str],
    *,
    snapshot: str,
    now: dt.datetime,
    progress: Progress,
    part_bytes: int = PART_BYTES,
    offer: Offer | None = None,
    at_once: int = PARTS_AT_ONCE,
) -> list[Backup]:
    """Back up tables as they all are at one moment; return the backups in the order of ``tables``.

    ``snapshot`` names this attempt and is not used for another. No manifest is written before every file is complete:
    whatever fails on the way leaves files that are no backup. Writers of the tables are not held up; migrations are.
    Raises Unavailable when a migration is at one of the tables for too long.

    A table of more than ``part_bytes`` in the database is cut into parts, each a file. They are offered to other
    workers, ``at_once`` at a time; those that nobody takes are made here.
    """
    chosen = [dictionary.table(name) for name in dict.fromkeys(tables)]
    with database.transaction(snapshot=True) as transaction:
        _lock(transaction, dictionary, chosen)
        passed(Point.BACKUP_LOCKED)
        plans = [_Plan(table, new_id(now), cut(transaction, table, part_bytes)) for table in chosen]
        parts = _parts(transaction, dictionary, plans)
        offers = Offers(offer, at_once, parts)
        offers.top_up(storage, ())
        files: dict[str, list[BackupFile]] = {plan.backup: [] for plan in plans}
        for plan in plans:
            if len(plan.ranges) == 1:
                files[plan.backup].append(_whole(transaction, storage, plan, progress))
        made = make_all(transaction, storage, dictionary, parts, offers, progress)
        for part in parts:
            files[part.backup].append(made[part])
    passed(Point.BACKUP_READ)
    tables_saved = tuple(table.name for table in chosen)
    manifests = [_manifest(plan, files[plan.backup], snapshot, tables_saved, now, dictionary.digest) for plan in plans]
    for manifest in manifests:
        storage.put(manifest_key(manifest.table, manifest.id), render_manifest(manifest))
        passed(Point.BACKUP_MANIFEST_WRITTEN)
    backups = [manifest.to_backup() for manifest in manifests]
    for backup in backups:
        catalog.put_backup(backup)
        passed(Point.BACKUP_LISTED)
    return backups


def _lock(transaction: Transaction, dictionary: Dictionary, chosen: Sequence[Table]) -> None:
    """Let no migration rewrite the tables until the end.

    A rewritten table is empty to a snapshot that is older. LOCK TABLE takes no snapshot: as the transaction's first
    statement it waits for a migration that is at it, whose rows are then seen. Children come before parents, as with
    every writer.
    """
    relations = [f"public.{quote(table.name)}" for table in reversed(dictionary.tables) if table in chosen]
    transaction.run_script(f"LOCK TABLE {', '.join(relations)} IN ACCESS SHARE MODE")


@dataclass(frozen=True, slots=True)
class _Plan:
    """The backup of a table that is to be made: its id, and the ranges of its files."""

    table: Table
    backup: str
    ranges: Sequence[KeyRange]


def _parts(transaction: Transaction, dictionary: Dictionary, plans: Sequence[_Plan]) -> list[Part]:
    """The parts of all tables that have several, in order."""
    divided = [plan for plan in plans if len(plan.ranges) > 1]
    exported = export_snapshot(transaction) if divided else ""
    return [
        Part(plan.backup, plan.table.name, number, within, exported, dictionary.digest)
        for plan in divided
        for number, within in enumerate(plan.ranges, start=1)
    ]


def _whole(transaction: Transaction, storage: Storage, plan: _Plan, progress: Progress) -> BackupFile:
    """Write the one file of a table."""
    key = file_key(plan.table.name, plan.backup)
    told = partial(progress, f"backup {plan.table.name}")
    return write_part(transaction, storage, plan.table, plan.ranges[0], key, told)


def _manifest(
    plan: _Plan, files: Sequence[BackupFile], snapshot: str, tables: tuple[str, ...], now: dt.datetime, digest: str
) -> Manifest:
    schema = avro_schema(plan.table)
    return Manifest(
        id=plan.backup,
        table=plan.table.name,
        snapshot=snapshot,
        tables=tables,
        created=now,
        dictionary=digest,
        key=plan.table.primary_key,
        schema=schema,
        schema_fingerprint=fingerprint(schema),
        codec=CODEC,
        files=tuple(files),
    )
