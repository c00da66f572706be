"""Deleting the backups that the policy does not keep, and what attempts that were cut off left behind.

The storage is the truth, and the catalogue follows it. A backup is taken off the catalogue, then its manifest is
deleted, which ends its being a backup, then its files: whatever a crash leaves behind is found and finished by the next
pass. In a bucket with versions nothing is lost by it before the bucket's own lifecycle says so.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chalicelib.backup.inventory import Inventory, is_pinned, take_inventory
from chalicelib.backup.manifest import PREFIX, Manifest, manifest_key
from chalicelib.backup.retention import Policy, retained
from chalicelib.backup.verification import check_file
from chalicelib.errors import BackupDamaged, NotFound
from chalicelib.points import Point, passed
from chalicelib.ports import Backup, Catalog, Storage, whole

logger = logging.getLogger(__name__)

# Files without a manifest may be a backup in the making; no worker lives so long.
_MAKING = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pruning:
    """What became of the backups, by id: why they were ``kept``, which are ``deleted`` and, unusable, ``damaged``.

    ``newest`` tells of each table when its newest backup was taken that is not known to be damaged. ``unfinished``
    counts the attempts that were swept away, ``unlisted`` the entries of the catalogue that had no backup any more.
    """

    kept: Mapping[str, str] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    damaged: Mapping[str, str] = field(default_factory=dict)
    newest: Mapping[str, dt.datetime] = field(default_factory=dict)
    unfinished: int = 0
    unlisted: int = 0


def prune(
    storage: Storage,
    catalog: Catalog,
    policy: Policy,
    *,
    now: dt.datetime,
    in_use: Callable[[], Mapping[str, str]],
) -> Pruning:
    """Delete what the policy does not keep; never the last good backup of a table.

    Before one of a table is deleted, the newest that stays has been read and found whole; a damaged one counts for
    nothing, and is left for people to look at. ``in_use`` tells which backups some work needs, each with the reason; it
    is asked last, so that work that is ordered meanwhile keeps its backups too. Raises Unavailable when a part is down;
    what was done until then is done, and the next pass does the rest.
    """
    # The catalogue first: of what it lists now, the manifest was there before the listing of the storage.
    listed = list(whole(catalog.backups))
    inventory = take_inventory(storage)
    choice = _Choice(storage, inventory, policy, now)
    choice.make_sure()
    choice.hold(in_use())
    choice.hold({each.id: "pinned" for each in choice.doomed() if is_pinned(storage, each.table, each.id)})
    deleted = choice.doomed()
    passed(Point.RETENTION_CHOSEN)
    for backup in deleted:
        _delete(storage, catalog, backup)
        logger.info("deleted the backup %s of %s, made %s", backup.id, backup.table, backup.created.isoformat())
    unlisted = [each for each in listed if not inventory.has_manifest(each.id)]
    for backup in unlisted:
        logger.warning("took the backup %s of %s off the catalogue: it has no manifest", backup.id, backup.table)
        catalog.delete_backup(backup.id)
    return Pruning(
        kept=choice.kept(),
        deleted=tuple(backup.id for backup in deleted),
        damaged=inventory.damaged,
        newest=_newest(inventory.backups),
        unfinished=_sweep(storage, inventory, now),
        unlisted=len(unlisted),
    )


class _Choice:
    """Which backups go, as more comes to be known of them. What is found only ever keeps more."""

    def __init__(self, storage: Storage, inventory: Inventory, policy: Policy, now: dt.datetime) -> None:
        self._storage = storage
        self._inventory = inventory
        self._policy = policy
        self._now = now
        self._held = dict.fromkeys(inventory.pinned, "pinned")
        self._proven: set[str] = set()
        self._unlocked: set[str] = set()

    def hold(self, held: Mapping[str, str]) -> None:
        """Keep these whatever the policy says."""
        self._held |= held

    def kept(self) -> dict[str, str]:
        """What stays, with the reasons."""
        return retained(self._inventory.backups, self._policy, self._now, self._held)

    def doomed(self) -> list[Backup]:
        """What goes."""
        kept = self.kept()
        return [backup for backup in self._inventory.backups if backup.id not in kept]

    def make_sure(self) -> None:
        """Hold what is locked, and prove the newest that stays of each table that loses one; as often as it takes."""
        while doomed := self.doomed():
            locked = {backup.id: reason for backup in doomed if (reason := self._lock(backup))}
            self.hold(locked)
            tables = {backup.table for backup in doomed}
            if all(self._prove_newest(table) for table in tables) and not locked:
                return

    def _lock(self, backup: Backup) -> str | None:
        if backup.id in self._unlocked:
            return None
        files = [self._storage.head(each.file) for each in self._inventory.whole[backup.id].files]
        until = max((each.locked_until for each in files if each.locked_until is not None), default=self._now)
        if until <= self._now:
            self._unlocked.add(backup.id)
            return None
        return "locked" if until.year == dt.MAXYEAR else f"locked until {until.astimezone(dt.UTC).isoformat()}"

    def _prove_newest(self, table: str) -> bool:
        """Whether the newest kept backup of a table is whole; one that is not counts no longer."""
        kept = self.kept()
        newest = max(
            (backup for backup in self._inventory.backups if backup.table == table and backup.id in kept),
            key=lambda backup: (backup.created, backup.id),
        )
        if newest.id in self._proven:
            return True
        manifest: Manifest = self._inventory.whole[newest.id]
        try:
            check_file(self._storage, manifest)
        except (BackupDamaged, NotFound) as error:
            logger.warning("the backup %s of %s does not count: %s", newest.id, table, error)
            self._inventory.damaged[newest.id] = str(error)
            del self._inventory.whole[newest.id]
            return False
        self._proven.add(newest.id)
        return True


def _delete(storage: Storage, catalog: Catalog, backup: Backup) -> None:
    catalog.delete_backup(backup.id)
    passed(Point.RETENTION_UNLISTED)
    storage.delete(manifest_key(backup.table, backup.id))
    passed(Point.RETENTION_MANIFEST_DELETED)
    # With what tries at its parts left behind.
    for stored in list(storage.list(f"{PREFIX}{backup.table}/{backup.id}/")):
        storage.delete(stored.key)
        passed(Point.RETENTION_FILE_DELETED)


def _sweep(storage: Storage, inventory: Inventory, now: dt.datetime) -> int:
    """Delete files that never became backups, or were being deleted when a pass was cut off; return how many."""
    old = [place for place in inventory.unfinished if now - place.modified > _MAKING]
    for place in old:
        for stored in place.objects.values():
            storage.delete(stored.key)
            passed(Point.RETENTION_SWEPT)
    return len(old)


def _newest(backups: list[Backup]) -> dict[str, dt.datetime]:
    newest: dict[str, dt.datetime] = {}
    for backup in backups:
        newest[backup.table] = max(backup.created, newest.get(backup.table, backup.created))
    return newest
