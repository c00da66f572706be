"""Which backups there are: finding one, copying one, and listing them again from their manifests."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator

from chalicelib.backup.manifest import PREFIX, Manifest, is_manifest_key, manifest_key, render_manifest
from chalicelib.backup.verification import FileChecksum, load_manifest, open_file, read_manifest
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import BackupDamaged, NotFound
from chalicelib.ports import Backup, Catalog, Storage

logger = logging.getLogger(__name__)

_PAGE = 100
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
    rebuilt = 0
    for manifest in manifests(storage):
        catalog.put_backup(manifest.to_backup())
        rebuilt += 1
    return rebuilt


def manifests(storage: Storage) -> Iterator[Manifest]:
    """The manifests of a storage whose files are there, by table and age. Others are logged and left out."""
    for each in storage.list(PREFIX):
        if is_manifest_key(each.key):
            try:
                manifest = read_manifest(storage, each.key)
                size = storage.head(manifest.file).size
            except (BackupDamaged, NotFound) as error:
                logger.warning("%s is left out: %s", each.key, error)
                continue
            if size == manifest.bytes:
                yield manifest
            else:
                logger.warning("%s is left out: its file has %d bytes, not %d", each.key, size, manifest.bytes)


def copy_backup(source: Storage, target: Storage, manifest: Manifest) -> None:
    """Copy a backup, checked on the way, under the same keys. Raises BackupDamaged, and then there is no copy."""
    key = manifest_key(manifest.table, manifest.id)
    target.delete(key)
    checked = FileChecksum(manifest)
    with open_file(source, manifest) as stream, target.write(manifest.file) as sink:
        for block in iter(lambda: stream.read(_COPY_BYTES), b""):
            checked.add(block)
            sink.write(block)
        checked.check()
    target.put(key, render_manifest(manifest))


def _newest_first(catalog: Catalog, as_of: dt.datetime | None, table: str | None = None) -> Iterator[Backup]:
    after: str | None = None
    while True:
        page = catalog.backups(limit=_PAGE, after=after, table=table)
        yield from (each for each in page.items if as_of is None or each.created <= as_of)
        if page.next is None:
            return
        after = page.next


def _until(as_of: dt.datetime | None) -> str:
    return "" if as_of is None else f" from {as_of.isoformat()} or before"
