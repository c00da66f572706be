"""The catalogue: runs and backups as callers see them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from chalicelib.ports.runs import Run

Item = TypeVar("Item")

# The ledger in Postgres keeps every run for good; the catalogue shows those of a year.
RUNS_ARE_SHOWN = dt.timedelta(days=366)
_PAGE = 100


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
