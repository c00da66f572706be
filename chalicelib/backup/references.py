"""Which rows would refer to nothing after a restore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from chalicelib.backup.named_rows import LISTED_ROWS, joined, named
from chalicelib.dictionary.comparing import equal
from chalicelib.dictionary.model import Dictionary, ForeignKey, Table
from chalicelib.dictionary.names import quote
from chalicelib.errors import RestoreRefused
from chalicelib.ports import Transaction

_LISTED_KEYS = 10


def refuse_broken_references(transaction: Transaction, dictionary: Dictionary, staged: Mapping[str, str]) -> None:
    """Raise RestoreRefused when rows would refer to rows that are not there, naming both.

    ``staged`` gives, for each table to be restored, the quoted relation of the rows that it will have.
    """
    errors: list[dict[str, Any]] = []
    missed: Counter[str] = Counter()
    for table in dictionary.tables:
        for key in table.foreign_keys:
            if table.name in staged or key.parent in staged:
                found, count = _broken(transaction, table, key, staged)
                errors += found
                missed[key.parent] += count
    if errors:
        missed[errors[0]["parent"]] -= 1
        others = ", ".join(f"{count} more of {parent}" for parent, count in missed.items() if count)
        more = f" Missed in the same way: {others}." if others else ""
        raise RestoreRefused(f"{errors[0]['message']}.{more}", hint=_hint(staged), errors=errors)


def _broken(
    transaction: Transaction, table: Table, key: ForeignKey, staged: Mapping[str, str]
) -> tuple[list[dict[str, Any]], int]:
    """What to tell of the first broken references of a foreign key, and how many keys of the parent are missed."""
    child = staged.get(table.name, f"public.{quote(table.name)}")
    parent = staged.get(key.parent, f"public.{quote(key.parent)}")
    columns = ", ".join(f"c.{quote(name)}" for name in key.columns)
    filled = " AND ".join(f"c.{quote(name)} IS NOT NULL" for name in key.columns)
    same = equal("p", key.references, "c", key.columns)
    order = ", ".join(f"c.{quote(name)}" for name in table.primary_key)
    value = joined("c", key.columns)
    found = transaction.run(
        f"""SELECT value, max(total), array_agg(identity ORDER BY place), count(*) OVER ()
        FROM (
            SELECT {value} AS value, {joined("c", table.primary_key)} AS identity,
                dense_rank() OVER (ORDER BY {columns}) AS nth,
                count(*) OVER (PARTITION BY {columns}) AS total,
                row_number() OVER (PARTITION BY {columns} ORDER BY {order}) AS place
            FROM {child} c WHERE {filled} AND NOT EXISTS (SELECT FROM {parent} p WHERE {same})
        ) broken
        WHERE place <= {LISTED_ROWS} GROUP BY nth, value ORDER BY nth LIMIT {_LISTED_KEYS}"""
    )
    return [_error(table, key, staged, *row[:3]) for row in found], found[0][3] if found else 0


def _error(
    table: Table, key: ForeignKey, staged: Mapping[str, str], value: str, rows: int, listed: list[str]
) -> dict[str, Any]:
    where = "which the backup lacks" if key.parent in staged else "which is not there"
    of = f"the backup of {table.name}" if table.name in staged else table.name
    verb = "refers" if rows == 1 else "refer"
    message = f"{named(listed, rows)} of {of} {verb} to {key.parent} {value}, {where}"
    return {
        "code": "foreign-key",
        "table": table.name,
        "columns": list(key.columns),
        "parent": key.parent,
        "value": value,
        "rows": listed,
        "row_count": rows,
        "message": message,
    }


def _hint(staged: Mapping[str, str]) -> str:
    if len(staged) > 1:
        return "Restore another snapshot, or change these rows first."
    return "Restore all tables of one snapshot together, or change these rows first."
