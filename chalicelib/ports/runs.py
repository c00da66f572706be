"""What is told of a run: what it does, how far it has come, what became of the rows that it read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RunKind(StrEnum):
    """What a run does."""

    LOAD = "load"
    BATCH = "batch"
    REPLAY = "replay"
    BACKUP = "backup"
    RESTORE = "restore"
    VERIFY = "verify"
    DRILL = "drill"
    RETENTION = "retention"
    REBUILD = "rebuild"


class RunState(StrEnum):
    """How far a run has come. The last four are final."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    DUPLICATE = "duplicate"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the run."""
        return self in (RunState.SUCCEEDED, RunState.FAILED, RunState.REFUSED, RunState.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Source:
    """A version of an object in the intake bucket."""

    bucket: str
    key: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows that were read: ``read = inserted + updated + unchanged + rejected``."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.read + other.read,
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """What was done to tables or backups, and how it ended, as callers see it.

    ``error`` is the problem that ended it (``code``, ``detail``, ``hint``), ``note`` what a reader should know of a run
    that went through, ``result`` what it made (a backup's id, a restore's differences). ``progress`` counts rows, and
    ``expected`` is how many there are likely to be in all, while that is known. ``reopened`` is when a run that had
    failed was taken up again.
    """

    id: str
    kind: RunKind
    table: str | None
    state: RunState
    dictionary: str
    phase: str = ""
    progress: int = 0
    source: Source | None = None
    counts: Counts = field(default_factory=Counts)
    created: dt.datetime | None = None
    started: dt.datetime | None = None
    ended: dt.datetime | None = None
    note: str | None = None
    error: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    expected: int | None = None
    reopened: dt.datetime | None = None
