"""Runs and backups as callers see them, in one DynamoDB table.

Each is one item: the partition says which of the two it is, and the identifier, which begins with the time, is the
range key, so that a query backwards lists the newest first. A listing for one table filters what the query reads.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.dynamo import ConditionRefused, model_of, translated
from chalicelib.ports import RUNS_ARE_SHOWN, Backup, Counts, Page, Run, RunKind, RunState, Source

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_RUNS = "run"
_BACKUPS = "backup"
_PAGE = 100
_asked = partial(translated, "catalogue")
_FINAL = [state.value for state in RunState if state.final]


class _Item(Model):
    partition = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    table = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    dictionary = UnicodeAttribute()
    created = UTCDateTimeAttribute(null=True)
    expires = TTLAttribute(null=True)
    # of a run
    kind = UnicodeAttribute(null=True)
    phase = UnicodeAttribute(null=True)
    progress = NumberAttribute(null=True)
    expected = NumberAttribute(null=True)
    reopened = UTCDateTimeAttribute(null=True)
    source = JSONAttribute(null=True)
    counts = JSONAttribute(null=True)
    started = UTCDateTimeAttribute(null=True)
    ended = UTCDateTimeAttribute(null=True)
    note = UnicodeAttribute(null=True)
    error = JSONAttribute(null=True)
    result = JSONAttribute(null=True)
    # of a backup
    snapshot = UnicodeAttribute(null=True)
    rows = NumberAttribute(null=True)
    bytes = NumberAttribute(null=True)
    sha256 = UnicodeAttribute(null=True)
    pinned = BooleanAttribute(null=True)
    verified = UTCDateTimeAttribute(null=True)


class DynamoCatalog:
    """See ``ports.Catalog``. ``table`` is the name of the DynamoDB table; a first call is made when it is first needed.

    A run that has ended stays ended, unless it is opened again: what a slow or repeated worker says of its progress
    later is dropped.
    """

    def __init__(self, table: str, region: str | None = None) -> None:
        times = {"connect_timeout_seconds": 2, "read_timeout_seconds": 3, "max_retry_attempts": 3}
        self._item = model_of(_Item, table, region=region, **times)

    def put_run(self, run: Run) -> None:
        """See ``ports.Catalog``."""
        unended = self._item.id.does_not_exist() | ~self._item.state.is_in(*_FINAL)
        if not self._save(_run_item(self._item, run), None if run.state.final else unended):
            logger.info("run %s has ended; its state %s comes late", run.id, run.state)

    def reopen_run(self, run: Run) -> None:
        """See ``ports.Catalog``."""
        failed = self._item.state == RunState.FAILED.value
        if not self._save(_run_item(self._item, run), failed | self._item.id.does_not_exist()):
            logger.info("run %s has not failed, so it is not taken up again", run.id)

    def add_run(self, run: Run) -> bool:
        """See ``ports.Catalog``."""
        if self._save(_run_item(self._item, run), self._item.id.does_not_exist()):
            return True
        # A put that is tried again after its answer was lost finds itself there.
        return self.run(run.id) == run

    def run(self, run_id: str) -> Run | None:
        """See ``ports.Catalog``."""
        item = self._get(_RUNS, run_id)
        return None if item is None else _run(item)

    def runs(self, *, limit: int, after: str | None = None, table: str | None = None) -> Page[Run]:
        """See ``ports.Catalog``."""
        return self._page(_RUNS, _run, limit, after, table)

    def put_backup(self, backup: Backup) -> None:
        """See ``ports.Catalog``."""
        self._save(self._item(_BACKUPS, **asdict(backup)), None)

    def backup(self, backup_id: str) -> Backup | None:
        """See ``ports.Catalog``."""
        item = self._get(_BACKUPS, backup_id)
        return None if item is None else _backup(item)

    def backups(self, *, limit: int, after: str | None = None, table: str | None = None) -> Page[Backup]:
        """See ``ports.Catalog``."""
        return self._page(_BACKUPS, _backup, limit, after, table)

    def note_backup(self, backup_id: str, *, pinned: bool | None = None, verified: dt.datetime | None = None) -> bool:
        """See ``ports.Catalog``."""
        noted = {"pinned": pinned, "verified": verified}
        actions = [getattr(self._item, name).set(value) for name, value in noted.items() if value is not None]
        listed = self._item.id.exists()
        try:
            _asked(lambda: self._item(_BACKUPS, backup_id).update(actions=actions, condition=listed))
        except ConditionRefused:
            return False
        return True

    def delete_backup(self, backup_id: str) -> None:
        """See ``ports.Catalog``."""
        _asked(lambda: self._item(_BACKUPS, backup_id).delete())

    def _save(self, item: _Item, condition: Condition | None) -> bool:
        """Put an item; False when the condition does not hold."""
        try:
            _asked(lambda: item.save(condition=condition))
        except ConditionRefused:
            return False
        return True

    def _get(self, partition: str, identifier: str) -> _Item | None:
        if not identifier:  # DynamoDB takes no empty key
            return None
        try:
            return _asked(lambda: self._item.get(partition, identifier, consistent_read=True))
        except DoesNotExist:
            return None

    def _page(
        self, partition: str, read: Callable[[_Item], Result], limit: int, after: str | None, table: str | None
    ) -> Page[Result]:
        found = _asked(
            lambda: list(
                self._item.query(
                    partition,
                    range_key_condition=self._item.id < after if after else None,
                    filter_condition=None if table is None else self._item.table == table,
                    consistent_read=True,
                    scan_index_forward=False,
                    limit=limit + 1,
                    page_size=max(limit + 1, _PAGE),
                )
            )
        )
        items = [read(item) for item in found[:limit]]
        return Page(items, found[limit - 1].id if len(found) > limit else None)


def _run_item(item: type[_Item], run: Run) -> _Item:
    values = {name: value for name, value in _fields(run) if name not in ("source", "counts")}
    begun = run.created or run.started
    return item(
        _RUNS,
        source=None if run.source is None else asdict(run.source),
        counts=asdict(run.counts),
        expires=None if begun is None else begun + RUNS_ARE_SHOWN,
        **values,
    )


def _fields(run: Run) -> Iterable[tuple[str, Any]]:
    for name in Run.__dataclass_fields__:
        value = getattr(run, name)
        if value is not None:
            yield name, value


def _run(item: _Item) -> Run:
    return Run(
        id=item.id,
        kind=RunKind(item.kind),
        table=item.table,
        state=RunState(item.state),
        dictionary=item.dictionary,
        phase=item.phase or "",
        progress=int(item.progress or 0),
        source=None if item.source is None else Source(**item.source),
        counts=Counts(**(item.counts or {})),
        created=item.created,
        started=item.started,
        ended=item.ended,
        note=item.note,
        error=item.error,
        result=item.result,
        expected=None if item.expected is None else int(item.expected),
        reopened=item.reopened,
    )


def _backup(item: _Item) -> Backup:
    return Backup(
        id=item.id,
        table=item.table,
        snapshot=item.snapshot,
        rows=int(item.rows),
        bytes=int(item.bytes),
        sha256=item.sha256,
        created=item.created,
        dictionary=item.dictionary,
        state=item.state,
        pinned=bool(item.pinned),
        verified=item.verified,
    )
