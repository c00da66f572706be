"""Which backups there are: finding one, copying one, and listing them again from their manifests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from chalicelib.backup.inventory import take_inventory
from chalicelib.backup.manifest import Manifest, manifest_key, render_manifest
from chalicelib.backup.verification import FileChecksum, load_manifest, open_file
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import NotFound
from chalicelib.ports import Backup, Catalog, Storage, whole

_COPY_BYTES = 1024 * 1024


def find(catalog: Catalog, table: str, *, backup: str | None = None, as_of: dt.datetime | None = None) -> Backup:
    """The backup of a table: the one of that id, or else the newest, taken at ``as_of`` or before. Raises NotFound."""
    if backup is not None:
        found = catalog.backup(backup)
        if found is None or found.table != table:
            of = "" if found is None else f"; it is one of {found.table}"
            raise NotFound(
                f"There is no backup {backup} of {table}{of}.", hint=f"GET /backups?table={table} lists them."
            )
        return found
    for each in _newest_first(catalog, as_of, table):
        return each
    raise NotFound(
        f"There is no backup of {table}{_until(as_of)}.",
        hint=f"GET /backups?table={table} lists its backups; POST /tables/{table}/backups takes one.",
    )


def find_snapshot(
    storage: Storage,
    catalog: Catalog,
    dictionary: Dictionary,
    *,
    snapshot: str | None = None,
    as_of: dt.datetime | None = None,
) -> list[Backup]:
    """The backups of a snapshot: the one of that id, or else the newest of all tables, at ``as_of`` or before.

    Raises NotFound when there is none, or when one of its backups is gone.
    """
    groups: dict[str, dict[str, Backup]] = {}
    for each in _newest_first(catalog, None if snapshot else as_of):
        group = groups.setdefault(each.snapshot, {})
        group[each.table] = each
        if snapshot is None and all(table.name in group for table in dictionary.tables):
            return list(group.values())
    found = groups.get(snapshot or "")
    if found is None:
        what = f"There is no snapshot {snapshot}" if snapshot else f"There is no snapshot of all tables{_until(as_of)}"
        raise NotFound(f"{what}.", hint="GET /backups lists the backups with their snapshots; POST /backups takes one.")
    manifest = load_manifest(storage, next(iter(found.values())))
    if missing := [table for table in manifest.tables if table not in found]:
        raise NotFound(
            f"The snapshot {snapshot} is not whole: it has no backup of {', '.join(missing)} any more.",
            hint="Restore its tables one by one, or another snapshot.",
        )
    return list(found.values())


def rebuild_catalog(storage: Storage, catalog: Catalog) -> int:
    """List every backup of a storage in the catalogue again; return how many. Damaged ones are logged and left out."""
    backups = take_inventory(storage).backups
    for backup in backups:
        known = catalog.backup(backup.id)
        same = known is not None and known.sha256 == backup.sha256
        catalog.put_backup(replace(backup, verified=known.verified) if known and same else backup)
    return len(backups)


def manifests(storage: Storage) -> Iterator[Manifest]:
    """The manifests of a storage whose files are there, by table and age. Others are logged and left out."""
    yield from take_inventory(storage).whole.values()


def copy_backup(source: Storage, target: Storage, manifest: Manifest) -> None:
    """Copy a backup, checked on the way, under the same keys. Raises BackupDamaged, and then there is no copy."""
    key = manifest_key(manifest.table, manifest.id)
    target.delete(key)
    for file in manifest.files:
        checked = FileChecksum(manifest, file)
        with open_file(source, manifest, file) as stream, target.write(file.file) as sink:
            while block := stream.read(_COPY_BYTES):
                checked.add(block)
                sink.write(block)
            checked.check()
    target.put(key, render_manifest(manifest))


def _newest_first(catalog: Catalog, as_of: dt.datetime | None, table: str | None = None) -> Iterator[Backup]:
    return (each for each in whole(catalog.backups, table) if as_of is None or each.created <= as_of)


def _until(as_of: dt.datetime | None) -> str:
    return "" if as_of is None else f" from {as_of.isoformat()} or before"
