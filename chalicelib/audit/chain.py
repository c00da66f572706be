"""Chains of entries, each of which holds the digest of the one before: what is changed or taken out shows.

The end of a chain could be cut, and a whole chain be written anew; that shows against its anchors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.ports import AuditEvent

# Before the first entry of a chain.
NOTHING = "0" * 64
# The chain that tells of all others: each is entered here as it is opened.
REGISTER = "chains"
_PRINCIPAL = "principal/"


@dataclass(frozen=True, slots=True)
class Entry:
    """One link: ``text`` is canonical JSON, and holds the entry's own place; ``digest`` is the SHA-256 of it."""

    chain: str
    number: int
    text: str
    digest: str

    @property
    def content(self) -> dict[str, Any]:
        """What the entry says; nothing when its text is no longer what was written."""
        try:
            read = json.loads(self.text)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain is not as it was written: ``number`` is that of the first entry that shows it."""

    chain: str
    number: int
    reason: str

    def __str__(self) -> str:
        return f"{self.chain}, entry {self.number}: {self.reason}"


class Chains(Protocol):
    """An audit log that can be read. Raises Unavailable."""

    def chains(self) -> Iterator[str]:
        """The chains that were ever opened, the register of them first."""

    def entries(self, chain: str) -> Iterator[Entry]:
        """The entries of a chain, in order."""


def chain_of(principal: str) -> str:
    """The chain in which a principal's doings stand."""
    return _PRINCIPAL + principal


def seal(chain: str, content: Mapping[str, Any], head: Entry | None) -> Entry:
    """The entry that follows ``head``; None: the first of its chain."""
    number, previous = (head.number + 1, head.digest) if head else (1, NOTHING)
    text = _canonical({**content, "chain": chain, "number": number, "previous": previous})
    return Entry(chain, number, text, digest_of(text))


def event_content(event: AuditEvent) -> dict[str, Any]:
    """An event as an entry tells it."""
    told = {name: getattr(event, name) for name in AuditEvent.__dataclass_fields__}
    return told | {"moment": event.moment.isoformat()}


def breaks(chain: str, entries: Iterable[Entry]) -> Iterator[Break]:
    """Hold the entries of a chain, in order, against one another; yield where they contradict each other."""
    expected, previous = 1, NOTHING
    for entry in entries:
        if entry.number != expected:
            yield Break(chain, expected, f"it is gone; the next that is there is entry {entry.number}.")
        elif digest_of(entry.text) != entry.digest:
            yield Break(chain, entry.number, "its text is not what its digest was made of; it was changed.")
        elif not _stands(entry, previous):
            yield Break(chain, entry.number, "it does not follow from the entry before; one of the two was replaced.")
        expected, previous = entry.number + 1, entry.digest


def digest_of(text: str) -> str:
    """The digest that the next entry holds."""
    return hashlib.sha256(text.encode()).hexdigest()


def _stands(entry: Entry, previous: str) -> bool:
    """Whether the entry says itself that this is its place."""
    said = entry.content
    return (said.get("chain"), said.get("number"), said.get("previous")) == (entry.chain, entry.number, previous)


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))
