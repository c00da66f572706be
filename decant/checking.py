"""Files held against the data dictionary without any server, by the reader and the validator that load them.

A check reports what a load would, but for what the database alone knows: keys that are there already, and parents that
are in no file given. Rows are held in memory, about as much as the file is big.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from chalicelib.dictionary.model import Dictionary, ForeignKey, Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.formats import source_of
from chalicelib.load.options import LoadOptions
from chalicelib.load.routing import INTAKE_PREFIX, claimed_by, route
from chalicelib.load.rows import RejectedRow, logged_row
from chalicelib.load.settling import Settling
from chalicelib.load.validation import ROW, Checked, Validator


@dataclass(frozen=True)
class Report:
    """What a check found in a file: how many rows were read, which are bad, and why it could not be read at all.

    ``unchecked`` names, in words, what the database alone knows.
    """

    file: Path
    table: str | None
    read: int = 0
    rejected: Sequence[RejectedRow] = ()
    error: Mapping[str, Any] | None = None
    unchecked: Sequence[str] = ()

    @property
    def good(self) -> bool:
        """Whether all of the file would be loaded."""
        return not self.rejected and self.error is None

    def told(self) -> dict[str, Any]:
        """The report as JSON, its rejections as ``GET /runs/{run}/rejections`` lists them."""
        return {
            "file": str(self.file),
            "table": self.table,
            "read": self.read,
            "accepted": self.read - len(self.rejected),
            "rejected": len(self.rejected),
            "error": self.error,
            "rejections": [_rejection(str(self.table), row) for row in self.rejected],
            "unchecked": list(self.unchecked),
        }


def check_files(
    dictionary: Dictionary,
    files: Iterable[Path],
    *,
    table: str | None = None,
    max_rejected: float | None = None,
    empty: bool = False,
) -> list[Report]:
    """Check files, those of parents first, whose good rows serve the others as parents.

    ``table`` is what all of them are for; without it their names tell. ``empty``: the tables are taken for empty, so
    that what no file has is nowhere. Raises NotFound when there is no such table, OSError when there is no such file.
    """
    named = dictionary.table(table) if table is not None else None
    ranks = {each.name: rank for rank, each in enumerate(dictionary.tables)}

    def rank(file: Path) -> int:
        found = named or claimed_by(dictionary, INTAKE_PREFIX + file.name)
        return ranks[found.name] if found else len(ranks)

    ordered = sorted(files, key=rank)
    given = {dictionary.tables[place].name for place in map(rank, ordered) if place < len(ranks)}
    checker = _Checker(dictionary, LoadOptions(max_rejected=max_rejected), set(ranks) if empty else given, empty)
    return [checker.check(file, named) for file in ordered]


@dataclass
class _Checker:
    """Checks one file after the other, and remembers the good rows. ``complete`` are tables whose rows are known."""

    dictionary: Dictionary
    options: LoadOptions
    complete: set[str]
    empty: bool
    good: dict[str, list[pa.Table]] = field(default_factory=dict)

    def check(self, file: Path, named: Table | None) -> Report:
        table = named
        try:
            table = table or route(self.dictionary, INTAKE_PREFIX + file.name)
            with file.open("rb") as content:
                validator = Validator(table, self)
                names = [each.name for each in self.dictionary.tables]
                checked = [validator.check(chunk) for chunk in source_of(file.name, table, content, names).chunks()]
        except FileError as error:
            if table is not None and not self.empty:
                self.complete.discard(table.name)
            return Report(file, table.name if table else None, error=error.told())
        rows = _joined(checked)
        if rows is None:
            return Report(file, table.name, unchecked=self._unchecked(table))
        settling = Settling(table, rows)
        settling.reject_orphans(self.lacking)
        settling.reject_duplicates()
        settling.reject_taken(list(self._taken(table, settling.valid)))
        read, rejected = len(rows.staged), settling.rejected
        refusal = self._refusal(read, len(rejected))
        if refusal is None:
            self.good.setdefault(table.name, []).append(settling.valid)
        return Report(file, table.name, read, rejected, refusal, self._unchecked(table))

    def lacking(self, key: ForeignKey, values: pa.Table) -> pa.Table:
        """See ``validation.ParentKeys``."""
        if key.parent not in self.complete or (self._refers_to_itself(key) and not self.empty):
            return values.slice(0, 0)
        found = [rows.select(list(key.references)) for rows in self.good.get(key.parent, ())]
        if not found:
            return values
        return values.join(pa.concat_tables(found), list(key.columns), list(key.references), join_type="left anti")

    def _refers_to_itself(self, key: ForeignKey) -> bool:
        return key in self.dictionary.table(key.parent).self_references

    def _taken(self, table: Table, rows: pa.Table) -> Iterable[tuple[int, str]]:
        """The numbers of the rows whose key a file before has with other values, and in which columns they differ."""
        others = table.non_key_columns
        before = self.good.get(table.name, ())
        if not before or not others:
            return
        kept = {_key(table, row): row for row in chain.from_iterable(each.to_pylist() for each in before)}
        for row in rows.to_pylist():
            there = kept.get(_key(table, row), row)
            if differing := [name for name in others if row[name] != there[name]]:
                yield row[ROW], ", ".join(differing)

    def _refusal(self, read: int, rejected: int) -> dict[str, Any] | None:
        if not self.options.refuses(read=read, rejected=rejected):
            return None
        return FileError(
            FileCode.TOO_MANY_REJECTIONS,
            f"More than {self.options.max_rejected:.4g} of the rows are bad, so no row would be loaded.",
            hint="Correct them, or allow for more.",
        ).told()

    def _unchecked(self, table: Table) -> list[str]:
        if self.empty:
            return []
        unknown = [f"references to {parent}" for parent in table.parents if parent not in self.complete]
        own = [f"references to rows that {table.name} has already"] if table.self_references else []
        return [f"keys that {table.name} has already", *unknown, *own]


def _joined(checked: Sequence[Checked]) -> Checked | None:
    if not checked:
        return None
    staged = pa.concat_tables([each.staged for each in checked])
    return Checked(staged.combine_chunks(), [row for each in checked for row in each.rejected])


def _key(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in table.primary_key)


def _rejection(table: str, row: RejectedRow) -> dict[str, Any]:
    told = logged_row(table, row)
    return {"table": told.pop("table_name"), **told, "corrected_by": None}
