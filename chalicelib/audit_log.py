"""The audit log in a DynamoDB table: a hash chain for each principal, so that no two of them wait for each other.

An entry is put on the condition that its number is free; who loses that race reads the new head and tries again. A
chain is opened together with its entry in the register of chains, in one transaction.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.audit.chain import REGISTER, Entry, chain_of, event_content, seal
from chalicelib.dynamo import ConditionRefused, model_of, translated
from chalicelib.errors import Unavailable
from chalicelib.ports import AuditEvent, AuditHead

_asked = partial(translated, "audit log")

# The system's: functions that start from one snapshot share the state of Python's own, and would not be spread.
_random = random.SystemRandom()
# A request waits for its entry, and API Gateway for no request longer than 29 s: so no try begins later than this, and
# a table that does not answer is given up after some seconds more.
_TRY_SECONDS = 8.0
_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5


class _Item(Model):
    chain = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(range_key=True)
    text = UnicodeAttribute()
    digest = UnicodeAttribute()


class DynamoAuditLog:
    """See ``ports.AuditLog``. ``table`` is the name of the DynamoDB table; a first call is made when it is needed.

    ``access`` names another endpoint and credentials than the environment's, in PynamoDB's words: ``host``,
    ``aws_access_key_id``, ``aws_secret_access_key``, ``aws_session_token``.
    """

    def __init__(self, table: str, region: str | None = None, access: Mapping[str, str] = MappingProxyType({})) -> None:
        times = {"connect_timeout_seconds": 1, "read_timeout_seconds": 1, "max_retry_attempts": 2}
        given: dict[str, Any] = {"region": region, **times, **access}
        self._item = model_of(_Item, table, **given)
        self._connection = Connection(**given)

    def append(self, event: AuditEvent) -> None:
        """See ``ports.AuditLog``."""
        until = time.monotonic() + _TRY_SECONDS
        pause = _PAUSE_SECONDS
        while not self._appended(event):
            if time.monotonic() > until:
                raise Unavailable("Others took the next place in the audit log again and again.", hint="Try again.")
            time.sleep(_random.uniform(0, pause))
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)

    def chains(self) -> Iterator[str]:
        """The chains that were ever opened, the register of them first."""
        yield REGISTER
        for entry in self.entries(REGISTER):
            if opened := entry.content.get("opened"):
                yield str(opened)

    def entries(self, chain: str, *, newest_first: bool = False, limit: int | None = None) -> Iterator[Entry]:
        """The entries of a chain, in order. Raises Unavailable."""
        found = self._item.query(chain, consistent_read=True, scan_index_forward=not newest_first, limit=limit)
        while (item := _asked(lambda: next(found, None))) is not None:
            yield _entry(item)

    def head(self, chain: str) -> Entry | None:
        """The newest entry of a chain; None when it has none."""
        return next(self.entries(chain, newest_first=True, limit=1), None)

    def heads(self) -> dict[str, AuditHead]:
        """See ``ports.AuditLog``."""
        found = {chain: self.head(chain) for chain in self.chains()}
        return {chain: AuditHead(head.number, head.digest) for chain, head in found.items() if head is not None}

    def _appended(self, event: AuditEvent) -> bool:
        """Append, unless another entry takes the place meanwhile."""
        chain = chain_of(event.principal)
        entry = seal(chain, event_content(event), self.head(chain))
        try:
            if entry.number == 1:
                opening = {"opened": chain, "moment": event.moment.isoformat()}
                _asked(lambda: self._put_both(seal(REGISTER, opening, self.head(REGISTER)), entry))
            else:
                _asked(lambda: self._put(entry))
        except ConditionRefused:
            # A put that is tried again after its answer was lost finds the place taken by itself.
            return entry in self._at(chain, entry.number)
        return True

    def _put(self, entry: Entry) -> None:
        self._made(entry).save(condition=self._item.chain.does_not_exist())

    def _put_both(self, *entries: Entry) -> None:
        with TransactWrite(connection=self._connection) as transaction:
            for entry in entries:
                transaction.save(self._made(entry), condition=self._item.chain.does_not_exist())

    def _made(self, entry: Entry) -> _Item:
        return self._item(entry.chain, entry.number, text=entry.text, digest=entry.digest)

    def _at(self, chain: str, number: int) -> list[Entry]:
        query = self._item.query(chain, self._item.number == number, consistent_read=True)
        return [_entry(item) for item in _asked(lambda: list(query))]


def _entry(item: _Item) -> Entry:
    return Entry(item.chain, int(item.number), item.text, item.digest)
