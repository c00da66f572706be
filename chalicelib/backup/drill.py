"""A restore for practice: everything that a restore does, but in a place that vanishes by itself.

The scratch schema is the session's own ``pg_temp``: no right to create schemas is needed for it, nobody else sees it,
and nothing of it is left when the transaction ends, whatever happens.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from chalicelib.backup.references import refuse_broken_references
from chalicelib.backup.restore import Chosen, Progress, choose, in_order, stage
from chalicelib.backup.rules import refuse_broken_rules
from chalicelib.backup.swap import Differences, Swap
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import BackupDamaged, DrillFailed, IntegrityViolation, NotFound, RestoreRefused
from chalicelib.ports import Backup, Database, Storage, Transaction

_HINT = "Take another backup now (POST /backups), then look at this one: docs/runbook.md, A failed drill."


@dataclass(frozen=True, slots=True)
class DrillReport:
    """A backup of a table that was restored for practice.

    ``differences`` are those to the table as it is now: what a restore would insert, update and delete.
    """

    table: str
    backup: str
    rows: int
    seconds: float
    differences: Differences
    notes: tuple[str, ...]


def drill(
    database: Database,
    storage: Storage,
    dictionary: Dictionary,
    backups: Sequence[Backup],
    *,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
) -> list[DrillReport]:
    """Restore backups of one snapshot, each its table, into temporary tables, and hold these against the manifests.

    Files, hashes, columns, keys, CHECKs, references among the tables and every value are checked; parents come first
    in the reports. No table is touched. Raises DrillFailed with what is wrong of which table, and Unavailable.
    """
    watch = _Watch(clock)
    chosen = _choose_all(storage, dictionary, backups, watch)
    with database.transaction() as transaction:
        swaps = []
        for each in chosen:
            with watch.timing(each.table.name), _failing(each.manifest.to_backup()):
                swaps.append(stage(transaction, each, progress))
                refuse_broken_rules(transaction, swaps[-1:])
        _check_references(transaction, dictionary, swaps)
        reports = []
        for each, swap in zip(chosen, swaps, strict=True):
            with watch.timing(each.table.name):
                _read_back(each, swap, progress)
                differences = swap.compare()
            manifest, seconds = each.manifest, watch.seconds[each.table.name]
            reports.append(DrillReport(manifest.table, manifest.id, manifest.rows, seconds, differences, each.notes))
        return reports


def _choose_all(storage: Storage, dictionary: Dictionary, backups: Sequence[Backup], watch: _Watch) -> list[Chosen]:
    """Check every file before anything is staged, so that all that are damaged are told."""
    chosen, errors = [], []
    for backup in in_order(dictionary, backups):
        try:
            with watch.timing(backup.table), _failing(backup):
                chosen.append(choose(storage, dictionary, backup))
        except DrillFailed as error:
            errors += error.errors
    if errors:
        more = f" So do {len(errors) - 1} more." if len(errors) > 1 else ""
        raise DrillFailed(f"{errors[0]['message']}{more}", hint=_HINT, errors=errors)
    return chosen


def _check_references(transaction: Transaction, dictionary: Dictionary, swaps: Sequence[Swap]) -> None:
    try:
        refuse_broken_references(transaction, dictionary, {swap.table.name: swap.staged for swap in swaps})
    except RestoreRefused as error:
        raise DrillFailed(
            f"The snapshot contradicts itself: {error.detail}", hint=_HINT, errors=error.errors
        ) from error


def _read_back(chosen: Chosen, swap: Swap, progress: Progress) -> None:
    if not swap.equals(swap.staged, partial(progress, f"check {swap.table.name}")):
        raise _failed(chosen.manifest.to_backup(), "content", "what Postgres made of its rows is not what was saved")


@contextmanager
def _failing(backup: Backup) -> Iterator[None]:
    """Turn what is wrong with a backup into the drill's failure."""
    try:
        yield
    except (BackupDamaged, NotFound, RestoreRefused) as error:
        raise _failed(backup, error.code, error.detail) from error
    except IntegrityViolation as error:
        raise _failed(backup, error.code, f"a constraint of the table refuses a row: {error.detail}") from error


def _failed(backup: Backup, code: str, reason: str) -> DrillFailed:
    message = f"The backup {backup.id} of {backup.table} failed the drill: {reason}"
    told: dict[str, Any] = {"table": backup.table, "backup": backup.id, "code": code, "message": message}
    return DrillFailed(message, hint=_HINT, errors=[told])


class _Watch:
    """Seconds spent on each table."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def timing(self, table: str) -> Iterator[None]:
        """Count what the context takes."""
        begun = self._clock()
        try:
            yield
        finally:
            self.seconds[table] += self._clock() - begun
