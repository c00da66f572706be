"""What the flows need from outside, in the words of the domain, and the records they keep there.

Adapters implement the protocols; flows take them as arguments. Nothing here knows AWS or a driver.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

import pyarrow as pa

Item = TypeVar("Item")

# The ledger in Postgres keeps every run for good; the catalogue shows those of a year.
RUNS_ARE_SHOWN = dt.timedelta(days=366)
_PAGE = 100


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
    ``expected`` is how many there are likely to be in all, while that is known. ``reopened`` is when a run that had failed
    was taken up again.
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


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup of one table, as the catalogue lists it; its manifest in S3 is the truth.

    A ``pinned`` one is never deleted by retention. ``verified`` is when it was last read back and found whole.
    """

    id: str
    table: str
    snapshot: str
    rows: int
    bytes: int
    sha256: str
    created: dt.datetime
    dictionary: str
    state: str = "complete"
    pinned: bool = False
    verified: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A stretch of a listing, and where the next one begins (None: there is none)."""

    items: Sequence[Item]
    next: str | None


class Listing(Protocol[Item]):
    """One of the catalogue's listings, newest first."""

    def __call__(self, *, limit: int, after: str | None = None, table: str | None = None) -> Page[Item]:
        """A page of it."""


def whole(listing: Listing[Item], table: str | None = None, *, after: str | None = None) -> Iterator[Item]:
    """All that a listing has from behind ``after``, fetched a page at a time as it is asked for."""
    while True:
        page = listing(limit=_PAGE, after=after, table=table)
        yield from page.items
        if page.next is None:
            return
        after = page.next


class Catalog(Protocol):
    """Runs and backups, newest first."""

    def put_run(self, run: Run) -> None:
        """Keep a run, in place of what was known of it."""

    def reopen_run(self, run: Run) -> None:
        """Keep a run that has failed and is taken up again. One that has not failed stays as it is known."""

    def add_run(self, run: Run) -> bool:
        """Keep a run unless another of its id is there already; tell whether it is this one that is there."""

    def run(self, run_id: str) -> Run | None:
        """The run of that id."""

    def runs(self, *, limit: int, after: str | None = None, table: str | None = None) -> Page[Run]:
        """Runs, newest first, from behind the run ``after``."""

    def put_backup(self, backup: Backup) -> None:
        """Keep a backup, in place of what was known of it."""

    def backup(self, backup_id: str) -> Backup | None:
        """The backup of that id."""

    def backups(self, *, limit: int, after: str | None = None, table: str | None = None) -> Page[Backup]:
        """Backups, newest first, from behind the backup ``after``."""

    def note_backup(self, backup_id: str, *, pinned: bool | None = None, verified: dt.datetime | None = None) -> bool:
        """Note what has become of a backup; False when it is not listed (any more)."""

    def delete_backup(self, backup_id: str) -> None:
        """List a backup no longer; one that is not listed is no error."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a store says of an object without opening it.

    Object Lock keeps it until ``locked_until``; without end when somebody holds it.
    """

    key: str
    size: int
    modified: dt.datetime
    etag: str
    version: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    locked_until: dt.datetime | None = None


class Storage(Protocol):
    """A bucket, or a folder."""

    @property
    def name(self) -> str:
        """The bucket's name."""

    def head(self, key: str, version: str | None = None) -> StoredObject:
        """What is known of an object. Raises NotFound."""

    def open(self, key: str, version: str | None = None, *, first: int = 0, last: int | None = None) -> BinaryIO:
        """The object's bytes as a stream, which the caller closes. Raises NotFound.

        ``first`` and ``last`` are places in it: from the one up to, and without, the other.
        """

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write a small object at once."""

    def write(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A stream to write an object of any size to; it exists once the context ends, and not if it fails."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """The objects below a prefix, in the order of their keys."""

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""


class Queue(Protocol):
    """Work for later, each message a JSON object, delivered at least once."""

    def send(self, message: Mapping[str, Any], delay: int = 0) -> None:
        """Put a message into the queue, to be delivered after ``delay`` seconds (900 at most)."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that the queue gave up on. ``deliveries`` counts how often it was given out, to whoever looked too."""

    id: str
    body: str
    sent: dt.datetime
    deliveries: int
    receipt: str


class Session(Protocol):
    """A connection. Each statement commits by itself unless one began a transaction."""

    def run(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows. Parameters are named ``:name`` in the SQL."""

    def run_script(self, sql: str) -> None:
        """Run fixed SQL of one or more statements, without parameters or rows."""


class Transaction(Session, Protocol):
    """Statements that become true together."""

    def run_prepared(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """As ``run``, in one round trip, for a statement that comes again and again: the connection keeps it prepared.

        Its columns have types of their own (casts, counts), for it lives on when a table's column gets another one.
        """

    def copy_in(self, relation: str, rows: Iterable[pa.Table]) -> int:
        """COPY rows into a quoted relation, by the names of their columns; return how many."""

    def read(self, query: str, schema: pa.Schema, longest: int | None = None) -> pa.Table:
        """The rows of a query as an Arrow table of that schema, all of them at once: 1 GB of them at most.

        Raises TooLarge when a text has more than ``longest`` bytes. Such texts are not sent, so that whoever does not
        know how long they are bounds the answer; the transaction goes on.

        It goes through COPY, which takes no parameters: put values in with ``names.quote_literal``.
        """


class Database(Protocol):
    """The Postgres database."""

    def transaction(self, *, snapshot: bool = False) -> AbstractContextManager[Transaction]:
        """Begin a transaction; it commits when the context ends and rolls back when it fails.

        With ``snapshot`` it is REPEATABLE READ: all its statements see the same moment.
        Raises Unavailable when the database can't be reached, is busy, or ended the transaction in favour of another.
        """


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that was done, or refused: who did what, and what came of it. It holds no token, secret or cell.

    ``principal`` is who did it (its id) and ``name`` what people call them; ``action`` is a method with its route, or
    a command, ``resource`` what it was done to, ``outcome`` an HTTP status, or how the command ended. ``run`` is what
    it set off, ``request`` the request's id, ``address`` where it came from.
    """

    principal: str
    name: str
    action: str
    resource: str
    outcome: str
    moment: dt.datetime
    run: str | None = None
    request: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest entry of a chain of the audit log: its place, and the SHA-256 that vouches for all before it."""

    number: int
    digest: str


class AuditLog(Protocol):
    """Who did what; it only grows."""

    def append(self, event: AuditEvent) -> None:
        """Enter an event for good. Raises Unavailable, or another DecantError when it is not allowed."""

    def heads(self) -> Mapping[str, AuditHead]:
        """The newest entry of every chain, by chain. Raises Unavailable."""
