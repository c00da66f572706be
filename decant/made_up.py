"""Made-up rows for the tables of a dictionary: good ones, and bad ones whose faults are known."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chalicelib.dictionary.datatypes import Boolean, Date, DateTime, Integer, Number
from chalicelib.dictionary.model import Column, Dictionary, Table
from decant.failures import CommandError

Row = dict[str, Any]
_NOBODY = 7_777


@dataclass(frozen=True)
class BadRow:
    """A row, and the column and code of the fault that it has."""

    row: Row
    column: str
    code: str


@dataclass
class MadeUp:
    """Makes rows whose keys count up from ``start``, and remembers them: they are the parents of those to come."""

    dictionary: Dictionary
    start: int
    made: dict[str, list[Row]] = field(default_factory=dict)

    def good(self, table: Table, count: int) -> list[Row]:
        """Make rows that the table takes, parents of which were made before. Raises CommandError when it can't."""
        made = self.made.setdefault(table.name, [])
        new = [self._row(table, len(made) + number) for number in range(count)]
        made.extend(new)
        return new

    def bad(self, table: Table) -> list[BadRow]:
        """Make a row for each fault that the table allows of. They are rejected behind the good ones made before."""
        return list(self._bad(table))

    def _bad(self, table: Table) -> Iterator[BadRow]:
        numbers = iter(range(500, 600))
        linked = {name for key in table.foreign_keys for name in key.columns}
        for column in table.columns:
            own = column.name not in table.primary_key and column.name not in linked
            if own and column.required:
                row = self._row(table, next(numbers))
                yield BadRow({**row, column.name: None}, column.name, "constraint-error")
                break
        first = table.column(table.primary_key[0])
        if isinstance(first.type, Integer) and first.name not in linked:
            yield BadRow({**self._row(table, next(numbers)), first.name: "many"}, first.name, "type-error")
        for key in table.foreign_keys:
            if key.parent != table.name and all(_counts(table.column(name)) for name in key.columns):
                row = self._row(table, next(numbers))
                unknown = dict.fromkeys(key.columns, self.start + _NOBODY)
                yield BadRow({**row, **unknown}, key.columns[0], "foreign-key")
        if table.non_key_columns and self.made.get(table.name):
            yield BadRow(dict(self.made[table.name][0]), table.primary_key[0], "primary-key")

    def _row(self, table: Table, number: int) -> Row:
        row = {column.name: self._value(table, column, number) for column in table.columns}
        for key in table.foreign_keys:
            parents = self.made.get(key.parent, ())
            if key.parent != table.name and parents:
                parent = parents[number % len(parents)]
                row |= {mine: parent[theirs] for mine, theirs in zip(key.columns, key.references, strict=True)}
            elif all(not table.column(name).required for name in key.columns):
                row |= dict.fromkeys(key.columns)
        return row

    def _value(self, table: Table, column: Column, number: int) -> Any:
        if column.enum:
            return column.enum[number % len(column.enum)]
        if column.pattern is not None:
            if column.required:
                raise CommandError(f"Nobody can make up {table.name}.{column.name}, of the form {column.pattern}.")
            return None
        match column.type:
            case Integer():
                counted = self.start + number if column.name in table.primary_key else number
                return _within(column, counted)
            case Number():
                return _within(column, Decimal(number % 10))
            case Boolean():
                return number % 2 == 0
            case Date():
                return _within(column, dt.date.today())
            case DateTime():
                return _within(column, dt.datetime.now(dt.UTC).replace(microsecond=0))
        text = f"{table.title or table.name} {self.start + number}"
        return text[: column.max_length].ljust(column.min_length or 0, "x")


def overwritten(table: Table, rows: list[Row]) -> list[Row] | None:
    """The rows with one text of each overwritten, as by a formula that was filled down too far; None: there is none."""
    linked = {name for key in table.foreign_keys for name in key.columns}
    for column in table.columns:
        own = column.name not in table.primary_key and column.name not in linked
        if own and column.type.name == "string" and not (column.enum or column.pattern):
            length = column.max_length or 20
            return [{**row, column.name: f"#REF! {number}"[-length:]} for number, row in enumerate(rows)]
    return None


def text_of(value: Any) -> str:
    """A value as a CSV has it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
    return str(value)


def as_json(row: Mapping[str, Any]) -> Row:
    """A row as JSON has it."""
    return {name: value if value is None or isinstance(value, bool | int) else text_of(value)
            for name, value in row.items()}  # fmt: skip


def _within(column: Column, value: Any) -> Any:
    if column.minimum is not None and value < column.minimum:
        return column.minimum
    return column.maximum if column.maximum is not None and value > column.maximum else value


def _counts(column: Column) -> bool:
    return isinstance(column.type, Integer) and not column.enum
