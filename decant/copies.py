"""Backups in a folder: copied there from the API, and which of them a restore takes."""

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, cast

from chalicelib.backup.catalogue import copy_backup, manifests
from chalicelib.backup.manifest import Manifest, manifest_key, parse_manifest, sealed
from chalicelib.backup.restore import restore
from chalicelib.identifiers import new_id
from chalicelib.ports import Storage
from chalicelib.storage import FolderStorage
from chalicelib.wiring import services
from decant.client import Client
from decant.failures import CommandError
from infra.audit import audited
from infra.local.record import Record


def copy_to(client: Client, backup_id: str, folder: Path) -> Manifest:
    """Copy a backup into a folder, checked on the way. Raises CommandError, or BackupDamaged: then there is no copy."""
    told = client.ask(f"/backups/{backup_id}")["manifest"]
    # The API tells moments as JSON does, the manifest as Python does.
    told["created"] = dt.datetime.fromisoformat(told["created"]).isoformat()
    manifest = parse_manifest(sealed(told), manifest_key(told["table"], told["id"]))
    copy_backup(cast(Storage, _ApiFiles(client, manifest)), FolderStorage(folder), manifest)
    return manifest


def newest(folder: Path, table: str | None) -> list[Manifest]:
    """The newest backup of a table in a folder; None: those of the newest snapshot. Raises CommandError."""
    found = [each for each in manifests(FolderStorage(folder)) if table in (None, each.table)]
    if not found:
        raise CommandError(
            f"There is no backup{f' of {table}' if table else ''} in {folder}.",
            hint="`decant backup --to FOLDER` puts one there.",
        )
    last = max(found, key=lambda manifest: manifest.created)
    return [last] if table else [each for each in found if each.snapshot == last.snapshot]


def restore_from(record: Record, chosen: Sequence[Manifest], folder: Path, *, dry_run: bool) -> list[dict[str, Any]]:
    """Make the local stack's tables equal to backups in a folder, or tell what would change; give the reports."""
    # The application's own services, on this stack, as its administrator.
    os.environ.update(record.variables())
    wired, now = services(), dt.datetime.now(dt.UTC)
    run = new_id(now)
    with audited(wired.audit, record.client("sts"), "make restore-from-dir", f"snapshot {chosen[0].snapshot}", run):
        reports = restore(
            wired.database,
            FolderStorage(folder),
            wired.dictionary,
            [manifest.to_backup() for manifest in chosen],
            run_id=run,
            started=now,
            dry_run=dry_run,
            progress=lambda *_: None,
        )
    return [asdict(report) for report in reports]


class _ApiFiles:
    """The files of one backup, as a storage to read from."""

    def __init__(self, client: Client, manifest: Manifest) -> None:
        self._client = client
        self._backup = manifest.id
        self._parts = {each.file: number for number, each in enumerate(manifest.files, start=1)}

    def open(self, key: str) -> BinaryIO:
        """See ``ports.Storage``."""
        part = self._parts[key] if len(self._parts) > 1 else None
        return self._client.open(f"/backups/{self._backup}/file", part=part)
