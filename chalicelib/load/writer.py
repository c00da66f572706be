"""Source rows ─▶ table: validate, stage, publish, and log what was rejected, within the caller's transaction.

Files and batches are written here, by the same steps, so that they can't disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from chalicelib.dictionary.model import Dictionary, ForeignKey, Table
from chalicelib.dictionary.names import quote
from chalicelib.errors import IntegrityViolation, Unavailable
from chalicelib.load.options import LoadOptions, OnConflict
from chalicelib.load.rows import Source, rejections_table
from chalicelib.load.staging import Staging
from chalicelib.load.validation import Validator
from chalicelib.ports import Counts, Transaction
from chalicelib.publishing import SET_WISE_FROM

_ANALYZE_FROM = 1_000
_FOREIGN_KEY_VIOLATION = "23503"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the rows of one table. When ``refused``, none went in, and all count as rejected."""

    counts: Counts
    refused: bool = False


def lock_tables(transaction: Transaction, dictionary: Dictionary, tables: list[Table]) -> None:
    """Take the locks that writing to these tables needs, children before parents.

    Every writer takes them in this order and at its start, so that none waits for another in a circle.
    """
    written = {table.name for table in tables}
    read = {parent for table in tables for parent in table.parents} - written
    for table in reversed(dictionary.tables):
        if table.name in written:
            transaction.run(f"LOCK TABLE {quote(table.name)} IN ROW EXCLUSIVE MODE")
        elif table.name in read:
            transaction.run(f"LOCK TABLE {quote(table.name)} IN ROW SHARE MODE")


def write(
    transaction: Transaction,
    table: Table,
    source: Source,
    options: LoadOptions,
    *,
    run: str,
    progress: Callable[[str, int], None] = lambda _phase, _rows: None,
) -> Written:
    """Write a source into its table and its rejections into the ledger, under the run's id.

    ``progress`` is told the phase and how many rows were read. Raises FileError when the source can't be read, and
    Unavailable when what a row refers to vanished meanwhile; the caller's transaction must then roll back.
    """
    staging = Staging(transaction, table, run)
    validator = Validator(table, DatabaseKeys(transaction))
    read = rejected = 0
    for chunk in source.chunks():
        checked = validator.check(chunk)
        staging.add(checked.staged)
        if checked.rejected:
            log = rejections_table(run, table.name, checked.rejected)
            transaction.copy_in("decant.rejections", [log])
        read += len(chunk)
        rejected += len(checked.rejected)
        progress("validating", read)
    if read >= _ANALYZE_FROM:
        staging.analyze()
    progress("checking keys", read)
    rejected += staging.reject_orphans()
    rejected += staging.reject_duplicates()
    progress("publishing", read)
    transaction.run("SAVEPOINT publish")
    try:
        written = _publish(staging, options, read, rejected)
    except IntegrityViolation as error:
        if error.sqlstate != _FOREIGN_KEY_VIOLATION:
            raise
        raise Unavailable(
            f"What a row of {table.name} refers to was deleted in the meantime.", hint="Try again."
        ) from error
    if options.refuses(read=read, rejected=written.rejected):
        transaction.run("ROLLBACK TO SAVEPOINT publish")
        if options.on_conflict is OnConflict.REJECT:
            staging.reject_taken()
        return Written(Counts(read=read, rejected=read), refused=True)
    return Written(written)


def _publish(staging: Staging, options: LoadOptions, read: int, rejected: int) -> Counts:
    valid = read - rejected
    if valid == 0:
        return Counts(read=read, rejected=rejected)
    if options.on_conflict is OnConflict.UPDATE:
        inserted, updated = staging.upsert()
        return Counts(read, inserted, updated, valid - inserted - updated, rejected)
    inserted = staging.publish() if valid >= SET_WISE_FROM else staging.insert()
    taken = 0
    if inserted < valid and options.on_conflict is OnConflict.REJECT:
        taken = staging.reject_taken()
    return Counts(read, inserted, 0, valid - inserted - taken, rejected + taken)


class DatabaseKeys:
    """Which keys the parent tables lack, as the transaction sees them; see ``validation.ParentKeys``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def lacking(self, key: ForeignKey, values: pa.Table) -> pa.Table:
        """See ``validation.ParentKeys``."""
        schema = values.schema
        named = [f"k{index}" for index in range(len(key.columns))]
        arrays = {name: column.to_pylist() for name, column in zip(named, values.columns, strict=True)}
        casts = ", ".join(
            f"CAST(:{name} AS {_array_type(field.type)})" for name, field in zip(named, schema, strict=True)
        )
        meets = " AND ".join(
            f"p.{quote(theirs)} = k.{name}" for theirs, name in zip(key.references, named, strict=True)
        )
        rows = self._transaction.run(
            f"SELECT k.* FROM unnest({casts}) AS k({', '.join(named)}) "
            f"WHERE NOT EXISTS (SELECT FROM {quote(key.parent)} p WHERE {meets})",
            **arrays,
        )
        return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


_ARRAY_TYPES = {
    "int64": "bigint[]",
    "string": "text[]",
    "bool": "boolean[]",
    "date32[day]": "date[]",
    "timestamp[us, tz=UTC]": "timestamptz[]",
}


def _array_type(datatype: pa.DataType) -> str:
    return "numeric[]" if pa.types.is_decimal(datatype) else _ARRAY_TYPES[str(datatype)]
