"""Cutting a table into ranges of its primary key, of about the same size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa

from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote, quote_literal
from chalicelib.ports import Transaction

# More would be a long manifest and gain nothing: no deployment has so many workers.
MOST_PARTS = 500
# A sample of 8 MiB: where the cuts fall need not be exact, and must not cost as much as reading the table.
_SAMPLED_BLOCKS = 1_024

# The values of a key, in its order, as Postgres writes them as text.
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The rows whose key comes behind ``after`` and not behind ``upto``; None: without that bound."""

    after: Key | None = None
    upto: Key | None = None

    def conditions(self, order: str) -> list[str]:
        """The SQL conditions of it, for a key whose ordered columns are ``order``."""
        bounds = ((">", self.after), ("<=", self.upto))
        return [f"({order}) {sign} ({', '.join(map(quote_literal, key))})" for sign, key in bounds if key is not None]


EVERYTHING = KeyRange()


def ordered(schema: pa.Schema, key: Sequence[str]) -> str:
    """The columns of a key for ORDER BY and row comparisons. Text is ordered by its bytes: on every server the same."""
    return ", ".join(
        f'{quote(name)} COLLATE "C"' if pa.types.is_string(schema.field(name).type) else quote(name) for name in key
    )


def cut(transaction: Transaction, table: Table, part_bytes: int) -> list[KeyRange]:
    """Ranges that hold every row once, in the order of the key, and about ``part_bytes`` of the table each.

    A table up to that size stays whole. The cuts come from a sample of its blocks, whose cost is bounded.
    """
    relation = f"public.{quote(table.name)}"
    [(size, blocks)] = transaction.run(
        """SELECT pg_table_size(CAST(:relation AS regclass)),
            pg_relation_size(CAST(:relation AS regclass)) / CAST(current_setting('block_size') AS bigint)""",
        relation=relation,
    )
    parts = min(MOST_PARTS, -(-size // part_bytes))
    if parts < 2:
        return [EVERYTHING]
    percent = min(100.0, 100.0 * _SAMPLED_BLOCKS / max(blocks, 1))
    order = ordered(table.arrow, table.primary_key)
    texts = ", ".join(f"CAST({quote(name)} AS text)" for name in table.primary_key)
    cuts: list[Key] = [
        tuple(key)
        for key in transaction.run(
            f"""SELECT {texts} FROM (
                SELECT *, row_number() OVER (ORDER BY {order}) AS decant_place, count(*) OVER () AS decant_count
                FROM {relation} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (0)
            ) sampled
            WHERE decant_place * {parts} / decant_count > (decant_place - 1) * {parts} / decant_count
                AND decant_place < decant_count
            ORDER BY decant_place"""
        )
    ]
    bounds = [None, *cuts, None]
    return [KeyRange(after, upto) for after, upto in pairwise(bounds)]
