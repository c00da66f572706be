"""The rows of a first load, which go straight into their empty table: each is settled before it is sent.

What staging would tell of all rows together is told here of each chunk and the keys of those before it.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote
from chalicelib.load.keys import SeenKeys, is_one_integer
from chalicelib.load.settling import Settling
from chalicelib.load.validation import FAULTY, ROW, Checked
from chalicelib.load.vanished import parents_stay
from chalicelib.ports import Transaction
from chalicelib.publishing import begin_first_load, end_first_load


class FirstLoad:
    """The rows of one source on their way into their table, whose keys are off since ``begin`` and until ``end``.

    Those that are settled are sent to ``relation``.
    """

    def __init__(self, transaction: Transaction, table: Table) -> None:
        self.relation = f"public.{quote(table.name)}"
        self._transaction = transaction
        self._table = table
        self._key = table.primary_key[0]
        self._seen = SeenKeys()

    @staticmethod
    def possible(transaction: Transaction, table: Table) -> bool:
        """Whether the table is empty, and what its rows do to one another can be told as they pass.

        And whether it is worth the locks: a table that others refer to keeps its primary key, which saves little.
        """
        if table.self_references or not is_one_integer(table):
            return False
        name = f"public.{quote(table.name)}"
        return transaction.run(
            f"""SELECT NOT EXISTS (SELECT FROM {name}) AND NOT EXISTS (
                SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = CAST(:name AS regclass)
            )""",
            name=name,
        ) == [(True,)]

    @staticmethod
    def begin(transaction: Transaction, table: Table) -> FirstLoad | None:
        """Begin, where it is possible and the table is free."""
        return FirstLoad(transaction, table) if begin_first_load(transaction, table) else None

    def settle(self, checked: Checked) -> Checked:
        """The rows that go in, as the table has them, and those that are rejected: also for a key before them."""
        rows, rejected = checked.staged, checked.rejected
        keys = rows[self._key].combine_chunks()
        valid = pc.invert(rows[FAULTY].combine_chunks())
        suspects = self._seen.suspects(keys)
        if suspects is not None:
            settling = Settling(self._table, _only(checked, suspects))
            settling.reject_duplicates(self._seen.rows_of(keys.filter(suspects)))
            blamed = {row.row for row in settling.rejected}
            rejected = [row for row in rejected if row.row not in blamed] + settling.rejected
            valid = pc.and_(valid, pc.invert(pc.is_in(rows[ROW].combine_chunks(), pa.array(blamed, pa.int64()))))
        good = rows.select([ROW, *self._table.column_names]).filter(valid)
        self._seen.add(good[self._key], good[ROW])
        return Checked(good.select(list(self._table.column_names)), rejected)

    def end(self) -> None:
        """Put the keys on again. Raises ParentGone."""
        with parents_stay(self._table):
            end_first_load(self._transaction)


def _only(checked: Checked, mask: pa.Array) -> Checked:
    numbers = set(checked.staged[ROW].combine_chunks().filter(mask).to_pylist())
    return Checked(checked.staged.filter(mask), [row for row in checked.rejected if row.row in numbers])
