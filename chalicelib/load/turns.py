"""Whose turn it is: loads of a table come one after another, and a file waits while a table that it refers to is empty,
or has a file of its own on the way.

Files may so be dropped in any order, at the same moment. What is on the way is told from the bucket and the ledger: an
object there that no run has brought to its end. A worker that dies leaves nothing behind that others would wait for
without end: only what arrived lately counts, and a caller bounds the waiting.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator

from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote
from chalicelib.errors import Unavailable
from chalicelib.ledger import settled_objects
from chalicelib.load.routing import INTAKE_PREFIX, claimed_by
from chalicelib.ports import Database, Storage, StoredObject, Transaction

LATELY = dt.timedelta(minutes=15)
_TAKE_TURN = "SELECT pg_try_advisory_xact_lock(hashtextextended('decant load ' || :name, 0))"
_TURN_SECONDS = 8.0
_TURN_PAUSE = 0.05


class NotItsTurn(Unavailable):
    """Another load has to end first, and takes its time."""


class InHand(NotItsTurn):
    """Another worker is at the same run, or the server has yet to notice that it died."""


def waits_for(
    database: Database, intake: Storage, dictionary: Dictionary, table: Table, now: dt.datetime
) -> str | None:
    """What a load of ``table`` should wait for, in words; None when it can go ahead."""
    if not table.parents:
        return None
    # The bucket first: a listing takes its time, and what the ledger then says of it is the newer truth.
    recent = [(parent, stored) for parent in table.parents for stored in _recent(intake, dictionary, parent, now)]
    with database.transaction() as transaction:
        for parent in table.parents:
            [(filled,)] = transaction.run(f"SELECT EXISTS (SELECT FROM {quote(parent)})")
            if not filled:
                return f"the table {parent} is empty"
        settled = settled_objects(transaction, intake.name, [stored.key for _, stored in recent]) if recent else set()
    for parent, stored in recent:
        if (stored.key, stored.etag) not in settled:
            return f"the table {parent} is being loaded from {stored.key}"
    return None


def take_turn(transaction: Transaction, run: str, *tables: str) -> None:
    """Keep other loads of these tables out until the end; raise NotItsTurn when they take long.

    The run's own name keeps a second delivery of it out, which InHand is raised for. Files of one table, or of tables
    that share a parent, take turns because publishing many rows wants table and parents for itself; batches are short
    and take none.
    """
    patience = time.monotonic() + _TURN_SECONDS
    for name in (run, *tables):
        while transaction.run(_TAKE_TURN, name=name) == [(False,)]:
            if time.monotonic() > patience:
                kind = InHand if name == run else NotItsTurn
                raise kind(f"Another load is at work on {name}.", hint="It is tried again.")
            time.sleep(_TURN_PAUSE)


def _recent(intake: Storage, dictionary: Dictionary, parent: str, now: dt.datetime) -> Iterator[StoredObject]:
    # Keys are routed without regard to letter case, and listed with it.
    for letter in sorted({parent[0].lower(), parent[0].upper()}):
        for stored in intake.list(f"{INTAKE_PREFIX}{letter}"):
            lately = now - stored.modified < LATELY and not stored.key.endswith("/")
            held = "\0" not in stored.key  # or it is refused for its name, and the ledger can't be asked for it
            if lately and held and claimed_by(dictionary, stored.key) == dictionary.table(parent):
                yield stored
