"""Whether the tables are what the record says: not changed by hand, and none of another origin in the way."""

from __future__ import annotations

from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.errors import MigrationRefused
from chalicelib.migrations.history import History
from chalicelib.ports import Session

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    AND c.relname = ANY (CAST(:tables AS text[]))
"""
Columns = dict[str, tuple[str, bool]]


def refuse_other_tables(session: Session, history: History, dictionary: Dictionary) -> None:
    """Raise MigrationRefused when a table has other columns than the dictionary that it was last brought to.

    A table that is there and was never migrated must be as the new dictionary says. While a migration is unfinished
    nothing is held against it: a table may be as before, as after, or between.
    """
    if history.unfinished is not None:
        return
    before = history.dictionary
    expected = {table.name: table for table in dictionary.tables} | {
        table.name: table for table in (before.tables if before else ())
    }
    found: dict[str, Columns] = {}
    for table, column, kind, required in session.run(_COLUMNS, tables=list(expected)):
        found.setdefault(table, {})[column] = (kind, required)
    for name, table in expected.items():
        recorded = before is not None and name in before
        if found.get(name, _expected(table) if not recorded else {}) != _expected(table):
            raise MigrationRefused(
                f"The table {name} is not as the dictionary has it: {_differences(_expected(table), found.get(name))}.",
                hint="Undo by hand what was changed by hand, or move a table of another origin out of the way.",
            )


def _expected(table: Table) -> Columns:
    return {column.name: (_told(column.type.postgres), column.required) for column in table.columns}


def _told(kind: str) -> str:
    """A type as Postgres's catalogue tells it."""
    return "timestamp with time zone" if kind == "timestamptz" else kind.replace(", ", ",")


def _differences(expected: Columns, found: Columns | None) -> str:
    if not found:
        return "it is gone"
    lacking = [f"it has no column {name}" for name in expected if name not in found]
    more = [f"it has a column {name}" for name in found if name not in expected]
    other = [
        f"{name} is {found[name][0]}{' not null' if found[name][1] else ''}"
        for name in expected
        if name in found and found[name] != expected[name]
    ]
    return ", ".join([*lacking, *more, *other])
