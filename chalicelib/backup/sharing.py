"""The parts of big tables, made by any number of workers in the one snapshot of the backup that they are of.

Whoever makes a part holds its lock, an advisory one of Postgres, until its transaction ends; the part's manifest is
written before that. So a free lock tells that a part is made, or that nobody is at it. The backup's own worker needs no
other: it makes every part that is free, and only waits for those that others are at.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.backup.manifest import BackupFile, part_file_key, part_manifest_key
from chalicelib.backup.part_file import parse_part, render_part, write_part
from chalicelib.backup.ranges import KeyRange
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.names import quote_literal
from chalicelib.errors import DecantError, NotFound, Unavailable
from chalicelib.points import Point, passed
from chalicelib.ports import Database, Storage, Transaction

logger = logging.getLogger(__name__)

# How often the backup's worker looks whether others are done, and how long it waits for the next of their parts. Each
# look is a statement, so that its transaction is never idle for long.
_PAUSE, _PATIENCE = 0.5, 300.0
_MANIFEST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the backup ``backup`` of a table: the rows ``within`` a range, as ``snapshot`` shows them.

    ``snapshot`` is what Postgres exported: it ends with the transaction of the backup's worker, and the part with it.
    ``number`` counts from 1. ``dictionary`` is the digest of that by which the parts are written.
    """

    backup: str
    table: str
    number: int
    within: KeyRange
    snapshot: str
    dictionary: str

    @property
    def lock(self) -> int:
        """The key of its lock. It must only differ from others' keys."""
        digest = hashlib.sha256(f"decant part {self.number} of {self.backup}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


# Given a part of a big table, for another worker to make; see ``make_part``.
Offer = Callable[[Part], None]


class Offers:
    """Parts that are offered to other workers, the first ones first, and ``at_once`` of them until some are made.

    So what else is in the queue waits behind few of them.
    """

    def __init__(self, offer: Offer | None, at_once: int, parts: Iterable[Part]) -> None:
        self._offer = offer
        self._at_once = at_once
        self._coming = deque(parts)
        self._open: list[Part] = []

    def top_up(self, storage: Storage, made: Container[Part]) -> None:
        """Offer parts in the place of those that are made, here (``made``) or by others.

        A queue that takes none is no reason to stop.
        """
        self._open = [part for part in self._open if part not in made and _made(storage, part) is None]
        while self._offer is not None and self._coming and len(self._open) < self._at_once:
            part = self._coming.popleft()
            if part in made:
                continue
            try:
                self._offer(part)
            except DecantError:
                logger.warning("the queue takes no parts of a backup; its worker makes the others", exc_info=True)
                self._offer = None
            else:
                self._open.append(part)
                passed(Point.BACKUP_OFFERED)


class SnapshotGone(DecantError):
    """The backup that a part is of has ended, so nobody waits for the part."""


def make_part(database: Database, storage: Storage, dictionary: Dictionary, part: Part) -> bool:
    """Make a part of another worker's backup; False when it is made, or somebody is at it.

    Raises SnapshotGone when that backup has ended. Whatever is raised, the backup's own worker makes the part.
    """
    if dictionary.digest != part.dictionary:
        return False
    with database.transaction(snapshot=True) as transaction:
        _enter(transaction, part.snapshot)
        if not _claim(transaction, part) or _made(storage, part):
            return False
        passed(Point.BACKUP_PART_CLAIMED)
        made = _write(transaction, storage, dictionary, part, lambda _rows: None)
        storage.put(part_manifest_key(part.table, part.backup, part.number), render_part(made))
        passed(Point.BACKUP_PART_NOTED)
    return True


def make_all(
    transaction: Transaction,
    storage: Storage,
    dictionary: Dictionary,
    parts: Sequence[Part],
    offers: Offers,
    progress: Callable[[str, int], None],
) -> dict[Part, BackupFile]:
    """The files of all parts, in the transaction whose snapshot they are of; others may be at some of them.

    After each one, others are offered the next.

    Raises Unavailable when a worker holds on to a part for too long.
    """
    made: dict[Part, BackupFile] = {}
    since = time.monotonic()
    while True:
        # From the end: the others are told of the first ones first.
        for part in reversed(parts):
            if part in made or not _claim(transaction, part):
                continue
            told = _telling(made, part.table, progress)
            made[part] = _made(storage, part) or _write(transaction, storage, dictionary, part, told)
            told(made[part].rows)
            offers.top_up(storage, made)
            since = time.monotonic()
        if len(made) == len(parts):
            return made
        if time.monotonic() - since > _PATIENCE:
            raise Unavailable(
                f"A worker holds on to a part of the backup for more than {_PATIENCE:.0f} s.", hint="Try again."
            )
        time.sleep(_PAUSE)


def export_snapshot(transaction: Transaction) -> str:
    """Let other sessions see what this transaction sees, until it ends: the name by which they enter it."""
    [(name,)] = transaction.run("SELECT pg_export_snapshot()")
    return str(name)


def _telling(
    made: Mapping[Part, BackupFile], table: str, progress: Callable[[str, int], None]
) -> Callable[[int], None]:
    """Tells the rows of a table, those of its next part after those of the parts that are made."""
    before = sum(file.rows for part, file in made.items() if part.table == table)
    return lambda rows: progress(f"backup {table}", before + rows)


def _enter(transaction: Transaction, snapshot: str) -> None:
    try:
        transaction.run_script(f"SET TRANSACTION SNAPSHOT {quote_literal(snapshot)}")
    except Unavailable:
        raise
    except DecantError as error:
        raise SnapshotGone(f"The backup has ended, and its snapshot {snapshot} with it.") from error


def _claim(transaction: Transaction, part: Part) -> bool:
    [(mine,)] = transaction.run("SELECT pg_try_advisory_xact_lock(:lock)", lock=part.lock)
    return bool(mine)


def _made(storage: Storage, part: Part) -> BackupFile | None:
    key = part_manifest_key(part.table, part.backup, part.number)
    try:
        stream = storage.open(key)
    except NotFound:
        return None
    with stream:
        return parse_part(stream.read(_MANIFEST_BYTES), key)


def _write(
    transaction: Transaction, storage: Storage, dictionary: Dictionary, part: Part, progress: Callable[[int], None]
) -> BackupFile:
    key = part_file_key(part.table, part.backup, part.number, secrets.token_hex(4))
    return write_part(transaction, storage, dictionary.table(part.table), part.within, key, progress)
