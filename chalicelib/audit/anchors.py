"""Anchors: the heads of all chains, written from time to time to where who writes the chains can't write.

They lie in the backup bucket under ``audit/``, where Object Lock can hold them. The log is held against them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from chalicelib.audit.chain import REGISTER, Break, Chains, Entry, breaks
from chalicelib.identifiers import new_id
from chalicelib.ports import AuditLog, Storage

PREFIX = "audit/"
_DAY = len("20261122")  # the part of an id that tells the day


@dataclass(frozen=True, slots=True)
class _Held:
    """An entry as an anchor knows it."""

    anchor: str
    number: int
    digest: str


def anchor_daily(log: AuditLog, storage: Storage, now: dt.datetime) -> str | None:
    """Write an anchor unless there is one of the day of ``now``, in UTC; return its key, or None. See ``anchor``."""
    today = f"{PREFIX}{new_id(now)[:_DAY]}"
    return None if any(storage.list(today)) else anchor(log, storage, now)


def anchor(log: AuditLog, storage: Storage, now: dt.datetime) -> str | None:
    """Write the heads of all chains into a new object, and return its key; None when there is nothing to anchor.

    ``now`` is aware. Needs dynamodb:Query on the audit log's table and s3:PutObject below ``audit/``.
    """
    told = {chain: asdict(head) for chain, head in log.heads().items()}
    if not told:
        return None
    key = f"{PREFIX}{new_id(now)}.json"
    storage.put(key, json.dumps({"moment": now.isoformat(), "heads": told}, sort_keys=True).encode())
    return key


def verify(log: Chains, storage: Storage) -> Iterator[Break]:
    """Hold every chain against itself and against the anchors; yield each place where it is broken.

    Needs dynamodb:Query on the table, and s3:ListBucket and s3:GetObject below ``audit/``.
    """
    anchored = _anchored(storage)
    opened = set(log.chains())
    for chain in sorted(opened | anchored.keys()):
        if chain not in opened:
            yield Break(chain, 1, f"the register does not know the chain, {anchored[chain][0].anchor} does.")
        entries = list(log.entries(chain))
        if not entries and chain in opened and chain != REGISTER:
            yield Break(chain, 1, "the register knows the chain, and all its entries are gone.")
        yield from breaks(chain, entries)
        yield from _missing({entry.number: entry for entry in entries}, chain, anchored.get(chain, []))


def _anchored(storage: Storage) -> Mapping[str, list[_Held]]:
    """What all anchors know, by chain, the oldest first."""
    known = defaultdict(list)
    for each in storage.list(PREFIX):
        with storage.open(each.key) as stream:
            heads = json.load(stream)["heads"]
        for chain, head in heads.items():
            known[chain].append(_Held(each.key, head["number"], head["digest"]))
    return known


def _missing(entries: Mapping[int, Entry], chain: str, anchored: list[_Held]) -> Iterator[Break]:
    for held in anchored:
        entry = entries.get(held.number)
        if entry is None:
            yield Break(chain, held.number, f"it is gone, and {held.anchor} knows it: the end of the chain was cut.")
            return
        if entry.digest != held.digest:
            yield Break(chain, held.number, f"{held.anchor} knows another one: the chain was written anew.")
            return
