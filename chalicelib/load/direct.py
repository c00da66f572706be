"""Few rows ─▶ table, without a staging table: the rows travel as parameters of the statement that inserts them.

Which of them are valid is settled before that, with one question for each foreign key. The reports are those of
``writer`` and ``staging``, which take any number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from chalicelib.dictionary.comparing import differ, differing, equal
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote, quote_all
from chalicelib.load.options import OnConflict
from chalicelib.load.parent_keys import DatabaseKeys
from chalicelib.load.relations import parameters, unnested
from chalicelib.load.rows import RejectedRow, SourceChunk
from chalicelib.load.settling import Settling
from chalicelib.load.validation import ROW, Validator
from chalicelib.load.vanished import RowGone, parents_stay
from chalicelib.points import Point, passed
from chalicelib.ports import Counts, Transaction


@dataclass(frozen=True, slots=True)
class Direct:
    """What became of the rows: how many went in, and every rejected one by its number, not logged yet."""

    counts: Counts
    rejected: list[RejectedRow]


def write_direct(transaction: Transaction, table: Table, rows: SourceChunk, on_conflict: OnConflict) -> Direct:
    """Insert all rows of a source that are valid; ``lock_tables`` comes before it.

    Raises Unavailable when what a row refers to, or what kept it out, vanished meanwhile; the caller's transaction
    must then roll back.
    """
    keys = DatabaseKeys(transaction)
    settling = Settling(table, Validator(table, keys).check(rows))
    settling.reject_orphans(keys.lacking)
    settling.reject_duplicates()
    valid = settling.valid
    passed(Point.DIRECT_CHECKED)
    with parents_stay(table):
        inserted, updated = _put(transaction, table, valid, on_conflict) if len(valid) else (0, 0)
    passed(Point.DIRECT_INSERTED)
    if inserted < len(valid) and on_conflict is OnConflict.REJECT:
        settling.reject_taken(_taken(transaction, table, valid))
    rejected = settling.rejected
    unchanged = len(rows) - inserted - updated - len(rejected)
    return Direct(Counts(len(rows), inserted, updated, unchanged, len(rejected)), rejected)


def _put(transaction: Transaction, table: Table, rows: pa.Table, on_conflict: OnConflict) -> tuple[int, int]:
    """Insert rows whose key is new, or upsert all; return how many were inserted and updated."""
    others = table.non_key_columns
    on_key = f"ON CONFLICT ({quote_all(table.primary_key)}) DO"
    if on_conflict is OnConflict.UPDATE and others:
        settings = ", ".join(f"{quote(name)} = EXCLUDED.{quote(name)}" for name in others)
        action = f"{on_key} UPDATE SET {settings} WHERE {differ('t', 'EXCLUDED', others)} RETURNING xmax = 0 AS new"
    else:
        action = f"{on_key} NOTHING RETURNING true AS new"
    columns = quote_all(table.column_names)
    # In the order of the key, against deadlocks.
    [(inserted, updated)] = transaction.run_prepared(
        f"""WITH done AS (
            INSERT INTO public.{quote(table.name)} AS t ({columns})
            SELECT {columns} FROM {unnested("s", _types(table))} ORDER BY {quote_all(table.primary_key)} {action}
        ) SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM done""",
        **parameters(rows.select(list(table.column_names))),
    )
    return int(inserted), int(updated)


def _taken(transaction: Transaction, table: Table, rows: pa.Table) -> list[tuple[int, str]]:
    """The numbers of the rows whose key the table has with other values, and in which columns they differ.

    By now it has the keys of all rows. Raises RowGone where it has not: a row that was neither put there nor compared
    would be taken for one that was there already.
    """
    others = table.non_key_columns
    if not others:
        return []
    same_key = equal("s", table.primary_key, "t", table.primary_key)
    gone = f"t.{quote(table.primary_key[0])} IS NULL"
    found = transaction.run_prepared(
        f"""SELECT s.{ROW}, {differing("s", "t", others)}, {gone}
        FROM {unnested("s", {ROW: "bigint", **_types(table)})}
        LEFT JOIN public.{quote(table.name)} t ON {same_key} WHERE {gone} OR {differ("s", "t", others)}""",
        **parameters(rows),
    )
    if any(is_gone for _, _, is_gone in found):
        raise RowGone(table)
    return [(int(number), str(names)) for number, names, _ in found]


def _types(table: Table) -> dict[str, str]:
    return {column.name: column.type.postgres for column in table.columns}
