"""One table of a restore: its backup staged beside it, compared with it, and put in its place by the difference.

All statements run in the restore's one transaction, and rows that are equal are not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from chalicelib.backup.ahead import ahead
from chalicelib.backup.manifest import Manifest
from chalicelib.backup.pages import read_pages
from chalicelib.backup.schemas import fit, fitted
from chalicelib.dictionary.comparing import equal
from chalicelib.dictionary.ddl import staging_name
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote, quote_all
from chalicelib.errors import DecantError
from chalicelib.points import Point, passed
from chalicelib.ports import Transaction
from chalicelib.publishing import SET_WISE_FROM, publish_staged


@dataclass(frozen=True, slots=True)
class Differences:
    """How many rows a restore inserts, updates and deletes, and how many it leaves as they are."""

    inserted: int
    updated: int
    deleted: int
    unchanged: int


class Swap:
    """The restore of one table: ``stage``, ``compare``, then ``insert``, ``update``, ``delete``, at last ``check``."""

    def __init__(self, transaction: Transaction, table: Table, manifest: Manifest) -> None:
        self._transaction = transaction
        self.table = table
        self._manifest = manifest
        self._target = f"public.{quote(table.name)}"
        self.staged = f"pg_temp.{quote(staging_name(table))}"
        self._key = quote_all(table.primary_key)
        self._same_key = equal("t", table.primary_key, "s", table.primary_key)
        self._others = [quote(name) for name in table.non_key_columns]
        self._schema = fitted(manifest, table)
        drops = ", ".join(f"ALTER COLUMN {name} DROP NOT NULL" for name in self._others)
        self._may_be_blank = f"; ALTER TABLE {self.staged} {drops}" if drops else ""
        self._differ = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in self._others) or "false"

    def stage(self, chunks: Iterator[pa.Table]) -> None:
        """COPY the backup's rows into a temporary table with the columns and the key of the real one.

        It takes rows that break the table's rules too, for them to be told; see ``rules``.
        """
        # A load may have left its own staging table in this session, with other columns.
        self._transaction.run_script(
            f"""DROP TABLE IF EXISTS {self.staged};
            CREATE TEMP TABLE {quote(staging_name(self.table))} (LIKE {self._target}) ON COMMIT DROP
            {self._may_be_blank}"""
        )
        with ahead(fit(chunk, self._manifest, self._schema) for chunk in chunks) as decoded:
            self._transaction.copy_in(self.staged, decoded)
        self._transaction.run_script(f"ALTER TABLE {self.staged} ADD PRIMARY KEY ({self._key}); ANALYZE {self.staged}")

    def compare(self) -> Differences:
        """Count what tells the table from the backup."""
        if not self._transaction.run(f"SELECT 1 FROM {self._target} LIMIT 1"):
            return Differences(inserted=self._manifest.rows, updated=0, deleted=0, unchanged=0)
        first = quote(self.table.primary_key[0])
        [row] = self._transaction.run(
            f"""SELECT count(*) FILTER (WHERE t.{first} IS NULL),
                count(*) FILTER (WHERE t.{first} IS NOT NULL AND s.{first} IS NOT NULL AND ({self._differ})),
                count(*) FILTER (WHERE s.{first} IS NULL),
                count(*) FILTER (WHERE t.{first} IS NOT NULL AND s.{first} IS NOT NULL AND NOT ({self._differ}))
            FROM {self._target} t FULL JOIN {self.staged} s ON {self._same_key}"""
        )
        return Differences(*row)

    def insert(self, differences: Differences) -> None:
        """Insert the rows that the table lacks.

        When that is most of it, the table's foreign keys are checked as a set, three times as fast; readers, whom the
        few rows left are of little use, then wait for the commit.
        """
        if differences.inserted >= max(SET_WISE_FROM, differences.updated + differences.unchanged):
            publish_staged(self._transaction, self.table)
        elif differences.inserted:
            columns = quote_all(self.table.column_names)
            self._transaction.run(
                f"""INSERT INTO {self._target} ({columns}) SELECT {columns} FROM {self.staged} s
                WHERE NOT EXISTS (SELECT FROM {self._target} t WHERE {self._same_key})"""
            )

    def update(self, differences: Differences) -> None:
        """Update the rows that differ."""
        if differences.updated:
            values = ", ".join(f"{name} = s.{name}" for name in self._others)
            self._transaction.run(
                f"""UPDATE {self._target} t SET {values}
                FROM {self.staged} s WHERE {self._same_key} AND ({self._differ})"""
            )

    def delete(self, differences: Differences) -> None:
        """Delete the rows that the backup does not have."""
        if differences.deleted:
            self._transaction.run(
                f"""DELETE FROM {self._target} t
                WHERE NOT EXISTS (SELECT FROM {self.staged} s WHERE {self._same_key})"""
            )

    def check(self, progress: Callable[[int, int], None]) -> None:
        """Read the table back and hold it against the backup. Raises DecantError."""
        if not self.equals(self._target, progress):
            raise DecantError(
                f"The restored table {self.table.name} does not equal the backup {self._manifest.id}; "
                "the restore was rolled back, and nothing was changed.",
                hint="This is a defect of Decant: please report it with the backup's manifest.",
            )

    def equals(self, relation: str, progress: Callable[[int, int], None]) -> bool:
        """Whether a quoted relation has the backup's rows; ``progress`` is told how many of how many are read."""
        checksum = self._manifest.checksum()
        for page in read_pages(self._transaction, relation, self._schema, self._manifest.key):
            checksum.add(page.cast(self._manifest.arrow))
            progress(checksum.rows, self._manifest.rows)
        return (checksum.rows, checksum.hexdigest()) == (self._manifest.rows, self._manifest.content)


def swap_all(swaps: Sequence[Swap], differences: Sequence[Differences]) -> None:
    """Make tables, parents first, equal to their backups.

    What is missing is inserted parents first, then rows are updated, then what is too much is deleted children first:
    so every statement leaves all foreign keys met, and Postgres has no million checks to remember until the commit.
    """
    pairs = list(zip(swaps, differences, strict=True))
    for swap, found in pairs:
        swap.insert(found)
        passed(Point.RESTORE_INSERTED)
    for swap, found in pairs:
        swap.update(found)
        passed(Point.RESTORE_UPDATED)
    for swap, found in reversed(pairs):
        swap.delete(found)
        passed(Point.RESTORE_DELETED)
