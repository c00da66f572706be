"""Whose turn it is: a file waits while a table that it refers to is empty, or has a file of its own on the way.

Files may so be dropped in any order, at the same moment. What is on the way is told from the bucket and the ledger: an
object there that no run has brought to its end. A worker that dies leaves nothing behind that others would wait for
without end: only what arrived lately counts, and a caller bounds the waiting.
"""

from __future__ import annotations

import datetime as dt

from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote
from chalicelib.load.ledger import settled_objects
from chalicelib.load.routing import INTAKE_PREFIX, claimed_by
from chalicelib.ports import Database, Storage, StoredObject

LATELY = dt.timedelta(minutes=15)


def waits_for(
    database: Database, intake: Storage, dictionary: Dictionary, table: Table, now: dt.datetime
) -> str | None:
    """What a load of ``table`` should wait for, in words; None when it can go ahead."""
    if not table.parents:
        return None
    with database.transaction() as transaction:
        for parent in table.parents:
            [(filled,)] = transaction.run(f"SELECT EXISTS (SELECT FROM {quote(parent)})")
            if not filled:
                return f"the table {parent} is empty"
        recent = {name: _recent(intake, dictionary, dictionary.table(name), now) for name in table.parents}
        keys = [stored.key for objects in recent.values() for stored in objects]
        settled = settled_objects(transaction, intake.name, keys) if keys else set()
    for parent, objects in recent.items():
        for stored in objects:
            if (stored.key, stored.etag) not in settled:
                return f"the table {parent} is being loaded from {stored.key}"
    return None


def _recent(intake: Storage, dictionary: Dictionary, parent: Table, now: dt.datetime) -> list[StoredObject]:
    return [
        stored
        for stored in intake.list(f"{INTAKE_PREFIX}{parent.name}")
        if now - stored.modified < LATELY
        and not stored.key.endswith("/")
        and claimed_by(dictionary, stored.key) == parent
    ]
