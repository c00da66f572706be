"""What a storage holds of backups: whole ones, damaged ones, and what an attempt that was cut off left behind."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from chalicelib.backup.manifest import DATA, MANIFEST, PART, PIN, PREFIX, Manifest, manifest_key, pin_key
from chalicelib.backup.verification import read_manifest
from chalicelib.errors import BackupDamaged, NotFound
from chalicelib.identifiers import is_id
from chalicelib.ports import Backup, Storage, StoredObject

logger = logging.getLogger(__name__)

_PIN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a backup stands, or what is left of one: its objects by their names, such as ``data.avro``."""

    table: str
    id: str
    objects: dict[str, StoredObject] = field(default_factory=dict)

    @property
    def modified(self) -> dt.datetime:
        """When something was last written here."""
        return max(each.modified for each in self.objects.values())


@dataclass(slots=True)
class Inventory:
    """``whole`` are backups with a sound manifest and files of the right size; ``damaged`` ids have their reasons.

    ``unfinished`` are files without a manifest, which are no backups.
    """

    whole: dict[str, Manifest] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    unfinished: list[Place] = field(default_factory=list)
    pinned: set[str] = field(default_factory=set)

    @property
    def backups(self) -> list[Backup]:
        """The whole ones as the catalogue lists them."""
        return [replace(each.to_backup(), pinned=each.id in self.pinned) for each in self.whole.values()]

    def has_manifest(self, backup_id: str) -> bool:
        """Whether a manifest of that backup is there, sound or not."""
        return backup_id in self.whole or backup_id in self.damaged


def take_inventory(storage: Storage) -> Inventory:
    """Look through a storage. Damaged backups are logged; what is not Decant's is passed over."""
    inventory = Inventory()
    for place in _places(storage):
        if MANIFEST not in place.objects:
            inventory.unfinished.append(place)
            continue
        if PIN in place.objects and is_pinned(storage, place.table, place.id):
            inventory.pinned.add(place.id)
        try:
            manifest = read_manifest(storage, manifest_key(place.table, place.id))
        except (BackupDamaged, NotFound) as error:
            inventory.damaged[place.id] = str(error)
            continue
        if reason := _wrong_size(place, manifest):
            inventory.damaged[place.id] = reason
        else:
            inventory.whole[place.id] = manifest
    for identifier, reason in inventory.damaged.items():
        logger.warning("the backup %s is left out: %s", identifier, reason)
    return inventory


def is_pinned(storage: Storage, table: str, backup_id: str) -> bool:
    """Whether a backup is pinned. A note that can't be read counts as a pin."""
    try:
        stream = storage.open(pin_key(table, backup_id))
    except NotFound:
        return False
    with stream:
        content = stream.read(_PIN_BYTES)
    try:
        return json.loads(content)["pinned"] is not False
    except (ValueError, KeyError, TypeError, RecursionError):
        return True


def pin(storage: Storage, backup: Backup, *, pinned: bool, by: str, now: dt.datetime) -> None:
    """Pin a backup or take the pin away, in a note beside its manifest, which outlives the catalogue."""
    note = {"pinned": pinned, "by": by, "moment": now.astimezone(dt.UTC).isoformat()}
    storage.put(pin_key(backup.table, backup.id), json.dumps(note).encode())


def _wrong_size(place: Place, manifest: Manifest) -> str | None:
    """What is wrong with the files of a backup, as far as a listing tells it."""
    sizes = {stored.key: stored.size for stored in place.objects.values()}
    for file in manifest.files:
        size = sizes.get(file.file)
        if size != file.bytes:
            has = "is not there" if size is None else f"has {size} bytes, not {file.bytes}"
            return f"The file {file.file} of the backup {place.id} of {place.table} {has}."
    return None


def _places(storage: Storage) -> Iterator[Place]:
    """Every place below the prefix that has the form of a backup's; a listing has the objects of one together."""
    place: Place | None = None
    for stored in storage.list(PREFIX):
        parts = stored.key.removeprefix(PREFIX).split("/", 2)
        if len(parts) != 3 or not is_id(parts[1]):
            continue
        table, identifier, name = parts
        if name not in (DATA, MANIFEST, PIN) and not PART.fullmatch(name):
            continue
        if place is None or (place.table, place.id) != (table, identifier):
            if place is not None:
                yield place
            place = Place(table, identifier)
        place.objects[name] = stored
    if place is not None:
        yield place
