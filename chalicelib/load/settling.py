"""What the rows of a source do to one another: references among them, and keys that come twice.

``staging`` has Postgres tell the same where there are more rows than memory should hold.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from chalicelib.dictionary.model import ForeignKey, Table
from chalicelib.load.rows import Reason, ReasonCode, RejectedRow
from chalicelib.load.validation import FAULTY, LINE, ROW, Checked

Key = tuple[Any, ...]
Lacking = Callable[[ForeignKey, pa.Table], pa.Table]


class Settling:
    """The rows of one source, as they are settled: each is valid, or rejected with its reasons."""

    def __init__(self, table: Table, checked: Checked) -> None:
        self._table = table
        self._rows = checked.staged
        self._valid = ~checked.staged[FAULTY].to_numpy()
        self._faulty = ~self._valid
        self._rejected = {row.row: row for row in checked.rejected}

    @property
    def rejected(self) -> list[RejectedRow]:
        """The rows rejected so far, by row number."""
        return [self._rejected[number] for number in sorted(self._rejected)]

    @property
    def valid(self) -> pa.Table:
        """The rows not rejected so far, with their numbers in ROW and the table's columns."""
        rows = self._rows.select([ROW, *self._table.column_names])
        return rows if self._valid.all() else rows.filter(pa.array(self._valid))

    def reject_orphans(self, lacking: Lacking) -> None:
        """Reject rows whose reference to a row of their own table is met neither by it nor by a valid row.

        ``lacking`` tells which keys the table does not have. A rejected row may be what another refers to, so it goes
        on until none is found.
        """
        references = [_SelfReference(key, self._rows, lacking) for key in self._table.self_references]
        found = True
        while found:
            found = False
            for reference in references:
                orphans = reference.orphans(self._valid)
                self._valid[orphans] = False
                for index in orphans:
                    self._blame(index, reference.reason(index, self._table))
                found = found or bool(orphans)
        for reference in references:
            for index in reference.orphans(self._faulty, among=self._valid):
                self._blame(index, reference.reason(index, self._table))

    def reject_duplicates(self, before: Mapping[Any, int] = MappingProxyType({})) -> None:
        """Reject each row whose key a valid row before it has.

        ``before`` are the rows of the source that are not among these, by their key, which is one column then.
        """
        names = self._table.primary_key
        keys = _keys(self._rows, names)
        if len(set(keys)) == len(keys) and not before:
            return
        numbers = self._rows[ROW].to_pylist()
        first: dict[Key, int] = {(key,): row for key, row in before.items()}
        for index in np.flatnonzero(self._valid).tolist():
            first[keys[index]] = min(numbers[index], first.get(keys[index], numbers[index]))
        for index in np.flatnonzero(self._valid | self._faulty).tolist():
            winner = first.get(keys[index])
            if winner is not None and numbers[index] > winner:
                self._valid[index] = False
                message = f"row {winner} of the source has the same {' and '.join(names)}; the first valid row wins"
                self._blame(index, Reason(names[0], ReasonCode.PRIMARY_KEY, message, _shown(keys[index])))

    def reject_taken(self, taken: Sequence[tuple[int, str]]) -> None:
        """Reject the rows of these numbers: the table has their keys, with other values in the columns named."""
        names = self._table.primary_key
        numbers = {number: index for index, number in enumerate(self._rows[ROW].to_pylist())} if taken else {}
        for number, differing in taken:
            index = numbers[number]
            self._valid[index] = False
            message = f"the table has this {' and '.join(names)} already, with another {differing}"
            shown = _shown([self._rows[name][index].as_py() for name in names])
            self._blame(index, Reason(names[0], ReasonCode.PRIMARY_KEY, message, shown))

    def _blame(self, index: int, reason: Reason) -> None:
        number = self._rows[ROW][index].as_py()
        known = self._rejected.get(number)
        if known is not None:
            self._rejected[number] = replace(known, reasons=[reason, *known.reasons])
            return
        cells = {name: _text(self._rows[name][index].as_py()) for name in self._table.column_names}
        self._rejected[number] = RejectedRow(number, self._rows[LINE][index].as_py(), cells, [reason])


class _SelfReference:
    """One foreign key that refers to its own table, over the rows of a source."""

    def __init__(self, key: ForeignKey, rows: pa.Table, lacking: Lacking) -> None:
        self._key = key
        self._wanted = _keys(rows, key.columns)
        self._offered = _keys(rows, key.references)
        asked = rows.select(key.columns).group_by(list(key.columns)).aggregate([]).drop_null()
        self._lacking = set(_keys(lacking(key, asked), key.columns)) if len(asked) else set()

    def orphans(self, rows: np.ndarray[Any, np.dtype[np.bool_]], among: Any = None) -> list[int]:
        """Those of the ``rows`` that are marked whose reference no table's row meets, and none of those ``among``."""
        meeting = np.flatnonzero(rows if among is None else among)
        offered = {self._offered[index] for index in meeting.tolist()}
        return [
            index
            for index in np.flatnonzero(rows).tolist()
            if self._wanted[index] in self._lacking and self._wanted[index] not in offered
        ]

    def reason(self, index: int, table: Table) -> Reason:
        """What is wrong with an orphan."""
        shown = _shown(self._wanted[index])
        message = (
            f"{', '.join(self._key.columns)} refers to {', '.join(self._key.references)} {shown}, "
            f"which neither {table.name} nor a valid row of the source has"
        )
        return Reason(self._key.columns[0], ReasonCode.FOREIGN_KEY, message, shown)


def _keys(rows: pa.Table, names: Sequence[str]) -> list[Key]:
    return list(zip(*(rows[name].to_pylist() for name in names), strict=True))


def _shown(values: Sequence[Any]) -> str:
    return ", ".join(_text(value) or "" for value in values)


def _text(value: Any) -> str | None:
    """A value as text that the validator reads back, and as Postgres shows it in JSON."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case dt.datetime():
            text = value.isoformat(timespec="microseconds")
            seconds, zone = text[:-6], text[-6:]
            return seconds.rstrip("0").rstrip(".") + zone if value.microsecond else value.isoformat()
        case dt.date():
            return value.isoformat()
        case _:
            return str(value)
