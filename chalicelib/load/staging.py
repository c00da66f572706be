"""A table's staging table: where rows wait until all of them are there, and what only all of them can tell.

It is a temporary table of the session, emptied by every commit; the app's role may make it, and nobody else sees it.
All statements here work on whole sets. Rows that the validator rejected wait here too, marked as faulty and with what
could be read of them, so that every reason for them is found; they never leave.
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.dictionary.comparing import differ, differing, equal
from chalicelib.dictionary.ddl import staging_name
from chalicelib.dictionary.model import ForeignKey, Table
from chalicelib.dictionary.names import quote, quote_all, quote_literal
from chalicelib.load.rows import ReasonCode
from chalicelib.load.validation import FAULTY, LINE, ROW
from chalicelib.load.vanished import RowGone
from chalicelib.ports import Transaction
from chalicelib.publishing import insert_staged, publish_staged

# Beside the table's own columns, whose names never begin so.
_FIRST, _DIFFERING = "decant_first", "decant_differing"


class Staging:
    """The staged rows of one table in one transaction, for one run of the ledger.

    They are in ``relation``, which is quoted and there already, or else in the session's own. Rows are to be sent to
    ``name``: the table's columns, and ROW, LINE and FAULTY before them.
    """

    def __init__(self, transaction: Transaction, table: Table, run: str, relation: str | None = None) -> None:
        self._transaction = transaction
        self._table = table
        self._run = run
        self._relation = relation
        self.name = relation or f"pg_temp.{quote(staging_name(table))}"
        self._target = f"public.{quote(table.name)}"
        self._columns = quote_all(table.column_names)
        self._others = table.non_key_columns
        if relation is not None:
            return
        columns = ", ".join(f"{quote(column.name)} {column.type.postgres}" for column in table.columns)
        transaction.run_script(
            f"CREATE TEMP TABLE IF NOT EXISTS {quote(staging_name(table))} "
            f"({ROW} bigint, {LINE} bigint, {FAULTY} boolean, {columns}) ON COMMIT DELETE ROWS"
        )

    def analyze(self) -> None:
        """Let Postgres look at what is staged, so that it joins many rows by hash."""
        self._transaction.run(f"ANALYZE {self.name}")

    def reject_orphans(self) -> int:
        """Reject rows whose reference to a row of their own table is met neither there nor here; return how many.

        A rejected row may be what another refers to, so it goes on until none is found.
        """
        rejected = 0
        references = self._table.self_references
        while found := sum(self._reject_orphans_of(key) for key in references):
            rejected += found
        for key in references:
            orphans = f"SELECT s.* FROM {self.name} s WHERE {FAULTY} AND {self._orphaned(key)}"
            self._log(orphans, key.columns, ReasonCode.FOREIGN_KEY, self._orphan_message(key))
        return rejected

    def reject_duplicates(self, among: Sequence[int] | None = None) -> int:
        """Reject each row whose key a valid row before it has; return how many.

        ``among`` are the only keys that more than one row may have, where that is known; the key is one number then.
        """
        key = self._table.primary_key
        if among is not None and not among:
            return 0
        named = f"WHERE {quote(key[0])} IN ({', '.join(map(str, among))})" if among else ""
        found = f"""DELETE FROM {self.name} s USING (
                SELECT {quote_all(key)}, min({ROW}) FILTER (WHERE NOT {FAULTY}) AS {_FIRST}
                FROM {self.name} {named} GROUP BY {quote_all(key)} HAVING count(*) > 1
            ) t WHERE {equal("s", key, "t", key)} AND s.{ROW} > t.{_FIRST} RETURNING s.*, t.{_FIRST}"""
        first = self._row(f"found.{_FIRST}")
        message = f"'row ' || {first} || ' of the source has the same {' and '.join(key)}; the first valid row wins'"
        return self._log(found, key, ReasonCode.PRIMARY_KEY, message)

    def drop_faulty(self) -> None:
        """Drop the rows that are rejected, when every reason for them is found."""
        self._transaction.run(f"DELETE FROM {self.name} WHERE {FAULTY}")

    def reject_taken(self, *, all_there: bool = False) -> int:
        """Reject rows whose key the table has with other values; return how many.

        ``all_there``: by now the table has the keys of all rows. Raises RowGone where it has not: a row that was
        neither put there nor compared would be taken for one that was there already.
        """
        if not self._others:
            return 0
        key = self._table.primary_key
        gone = f"t.{quote(key[0])} IS NULL"
        found = f"""SELECT s.*, CASE WHEN NOT {gone} THEN {differing("s", "t", self._others)} END AS {_DIFFERING}
            FROM {self.name} s {"LEFT" if all_there else ""} JOIN {self._target} t ON {equal("s", key, "t", key)}
            WHERE {gone} OR {differ("s", "t", self._others)}"""
        message = f"'the table has this {' and '.join(key)} already, with another ' || found.{_DIFFERING}"
        return self._log(found, key, ReasonCode.PRIMARY_KEY, message, gone=f"found.{_DIFFERING} IS NULL")

    def insert(self) -> int:
        """Insert the rows whose key the table does not have; return how many."""
        return insert_staged(self._transaction, self._table, self._relation)

    def publish(self) -> int:
        """As ``insert``, but with foreign keys checked as a set; it may keep readers waiting till the commit."""
        return publish_staged(self._transaction, self._table, self._relation)

    def upsert(self) -> tuple[int, int]:
        """Insert new rows and update those that differ; return how many of each."""
        if not self._others:
            return self.insert(), 0
        key = quote_all(self._table.primary_key)
        settings = ", ".join(f"{quote(name)} = EXCLUDED.{quote(name)}" for name in self._others)
        [(inserted, updated)] = self._transaction.run(
            f"""WITH done AS (
                INSERT INTO {self._target} AS t ({self._columns})
                SELECT {self._columns} FROM {self.name} ORDER BY {key}
                ON CONFLICT ({key}) DO UPDATE SET {settings} WHERE {differ("t", "EXCLUDED", self._others)}
                RETURNING xmax = 0 AS new
            ) SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM done"""
        )
        return int(inserted), int(updated)

    def _row(self, staged: str) -> str:
        """An SQL expression for a row's number in the source, from one for the number that it is staged with."""
        return staged

    def _reject_orphans_of(self, key: ForeignKey) -> int:
        found = f"DELETE FROM {self.name} s WHERE NOT {FAULTY} AND {self._orphaned(key)} RETURNING s.*"
        return self._log(found, key.columns, ReasonCode.FOREIGN_KEY, self._orphan_message(key))

    def _orphaned(self, key: ForeignKey) -> str:
        given = " AND ".join(f"s.{quote(name)} IS NOT NULL" for name in key.columns)
        meets = equal("p", key.references, "s", key.columns)
        return (
            f"{given} AND NOT EXISTS (SELECT FROM {self._target} p WHERE {meets}) "
            f"AND NOT EXISTS (SELECT FROM {self.name} p WHERE NOT p.{FAULTY} AND {meets})"
        )

    def _orphan_message(self, key: ForeignKey) -> str:
        refers = f"{', '.join(key.columns)} refers to {', '.join(key.references)} "
        lacks = f", which neither {self._table.name} nor a valid row of the source has"
        return f"{quote_literal(refers)} || {_shown('found', key.columns)} || {quote_literal(lacks)}"

    def _log(self, found: str, columns: tuple[str, ...], code: ReasonCode, message: str, *, gone: str = "false") -> int:
        """Log the rows that ``found`` gives, and add the reason to those that are logged already as faulty.

        ``message`` and ``gone`` are SQL expressions over ``found``. Returns how many rows are rejected by it that were
        not before. Raises RowGone where one is ``gone``.
        """
        table = self._table
        cells = ", ".join(f"{quote_literal(name)}, {_text('found', name)}" for name in table.column_names)
        reason = (
            f"jsonb_build_object('column', {quote_literal(columns[0])}, 'code', {quote_literal(code.value)}, "
            f"'message', {message}, 'value', {_shown('found', columns)})"
        )
        row = self._row(f"found.{ROW}")
        [(count, is_gone)] = self._transaction.run(
            f"""WITH found AS ({found}), blamed AS (
                UPDATE decant.rejections r SET reasons = jsonb_build_array({reason}) || r.reasons FROM found
                WHERE found.{FAULTY} AND r.run = :run AND r.table_name = :table AND r.row = {row}
            ), logged AS (
                INSERT INTO decant.rejections (run, table_name, row, line, cells, reasons)
                SELECT CAST(:run AS text), CAST(:table AS text), {row}, found.{LINE},
                    jsonb_build_object({cells}), jsonb_build_array({reason})
                FROM found WHERE NOT found.{FAULTY} RETURNING 1
            ) SELECT count(*), EXISTS (SELECT FROM found WHERE {gone}) FROM logged""",
            run=self._run,
            table=table.name,
        )
        if is_gone:
            raise RowGone(table)
        return int(count)


def _text(relation: str, column: str) -> str:
    """An SQL expression for a value as text that the validator reads back: timestamps in ISO 8601."""
    return f"(to_jsonb({relation}.{quote(column)}) #>> '{{}}')"


def _shown(relation: str, columns: tuple[str, ...]) -> str:
    return f"concat_ws(', ', {', '.join(_text(relation, name) for name in columns)})"
