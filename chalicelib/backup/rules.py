"""Which rows of a backup break a rule of the table that is younger than they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.backup.named_rows import LISTED_ROWS, joined, named
from chalicelib.backup.swap import Swap
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote, quote_all
from chalicelib.errors import RestoreRefused
from chalicelib.ports import Transaction


def refuse_broken_rules(transaction: Transaction, swaps: Sequence[Swap]) -> None:
    """Raise RestoreRefused when staged rows lack what is required now, or break a CHECK, naming rows and rules."""
    errors = [error for swap in swaps for error in _broken(transaction, swap.table, swap.staged)]
    if errors:
        others = len(errors) - 1
        more = f" {others} more {'rule is' if others == 1 else 'rules are'} broken." if others else ""
        raise RestoreRefused(
            f"{errors[0]['message']}.{more}",
            hint="Restore a backup that is younger than the rule, or this one with the dictionary of its day, into "
            "another database.",
            errors=errors,
        )


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a row must meet: an SQL condition, which is not false of it."""

    condition: str
    code: str
    columns: list[str]

    def told(self, table: Table, rows: str) -> str:
        """That rows break the rule."""
        if self.code == "missing-cell":
            return f"{rows} no {self.columns[0]}, which {table.name} requires now"
        return f"{rows} what {table.name} takes no more: its rule is {self.condition}"


def _rules(transaction: Transaction, table: Table) -> list[_Rule]:
    """The rules of the table as it stands in the database."""
    relation = f"public.{quote(table.name)}"
    required = transaction.run(
        """SELECT attname FROM pg_attribute
        WHERE attrelid = CAST(:relation AS regclass) AND attnum > 0 AND attnotnull AND NOT attisdropped
        ORDER BY attnum""",
        relation=relation,
    )
    checks = transaction.run(
        """SELECT pg_get_expr(conbin, conrelid),
            ARRAY(SELECT CAST(attname AS text) FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))
        FROM pg_constraint WHERE conrelid = CAST(:relation AS regclass) AND contype = 'c' ORDER BY conname""",
        relation=relation,
    )
    return [_Rule(f"{quote(name)} IS NOT NULL", "missing-cell", [name]) for (name,) in required] + [
        _Rule(condition, "constraint-error", columns) for condition, columns in checks
    ]


def _broken(transaction: Transaction, table: Table, staged: str) -> list[dict[str, Any]]:
    rules = _rules(transaction, table)
    counts = ", ".join(f"count(*) FILTER (WHERE ({rule.condition}) IS FALSE)" for rule in rules)
    [found] = transaction.run(f"SELECT {counts} FROM {staged}")
    return [_error(transaction, table, staged, rule, rows) for rule, rows in zip(rules, found, strict=True) if rows > 0]


def _error(transaction: Transaction, table: Table, staged: str, rule: _Rule, rows: int) -> dict[str, Any]:
    listed = [
        name
        for (name,) in transaction.run(
            f"""SELECT {joined("s", table.primary_key)} FROM {staged} s WHERE ({rule.condition}) IS FALSE
            ORDER BY {quote_all(table.primary_key)} LIMIT {LISTED_ROWS}"""
        )
    ]
    verb = "has" if rows == 1 else "have"
    message = rule.told(table, f"{named(listed, rows)} of the backup of {table.name} {verb}")
    return {
        "code": rule.code,
        "table": table.name,
        "columns": rule.columns,
        "rows": listed,
        "row_count": rows,
        "message": message,
    }
