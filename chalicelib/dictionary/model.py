"""The data dictionary: which tables there are, what their columns hold, how they refer to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from chalicelib.dictionary.datatypes import DataType
from chalicelib.errors import NotFound


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Bounds and enumerated values are values of its type; ``()`` or None: no such constraint."""

    name: str
    type: DataType
    required: bool
    description: str = ""
    minimum: Any = None
    maximum: Any = None
    enum: tuple[Any, ...] = ()
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None

    @property
    def arrow(self) -> pa.Field:
        """The column as an Arrow field."""
        return pa.field(self.name, self.type.arrow, nullable=not self.required)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """``columns`` of a table refer to the primary key ``references`` of ``parent``, in the same order."""

    columns: tuple[str, ...]
    parent: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``columns`` keep the order of the dictionary, which is that of files without a header."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    title: str = ""
    description: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def non_key_columns(self) -> tuple[str, ...]:
        """The names of the columns that are no part of the primary key, in order."""
        return tuple(name for name in self.column_names if name not in self.primary_key)

    @property
    def arrow(self) -> pa.Schema:
        """The table's rows as an Arrow schema."""
        return pa.schema([column.arrow for column in self.columns])

    @property
    def parents(self) -> tuple[str, ...]:
        """The other tables that this one refers to, each once, in order."""
        return tuple(dict.fromkeys(key.parent for key in self.foreign_keys if key.parent != self.name))

    @property
    def self_references(self) -> tuple[ForeignKey, ...]:
        """The foreign keys that refer to the table itself."""
        return tuple(key for key in self.foreign_keys if key.parent == self.name)

    def column(self, name: str) -> Column:
        """The column of that name; NotFound when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFound(
            f"The table {self.name} has no column {name!r}.", hint=f"Its columns are {', '.join(self.column_names)}."
        )


@dataclass(frozen=True, slots=True)
class Dictionary:
    """All tables, parents before their children, with the data package they were read from and its SHA-256."""

    name: str
    tables: tuple[Table, ...]
    digest: str
    title: str = ""
    package: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _by_name: Mapping[str, Table] = field(default_factory=dict, repr=False, compare=False)

    def table(self, name: str) -> Table:
        """The table of that name; NotFound when there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise NotFound(
                f"There is no table {name!r}.", hint=f"The tables are {', '.join(sorted(self._by_name))}."
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def in_order(self, names: Iterable[str]) -> list[Table]:
        """The tables of these names, parents first. Raises NotFound for one that is none."""
        wanted = {self.table(name).name for name in names}
        return [table for table in self.tables if table.name in wanted]

    def children(self, parent: str) -> tuple[tuple[Table, ForeignKey], ...]:
        """Every foreign key that refers to ``parent``, with the table that holds it."""
        return tuple((table, key) for table in self.tables for key in table.foreign_keys if key.parent == parent)
