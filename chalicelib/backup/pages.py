"""A table's rows in the order of its primary key, a page at a time, so that memory does not grow with the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from chalicelib.backup.ranges import EVERYTHING, KeyRange, ordered
from chalicelib.dictionary.names import quote, quote_all, quote_literal
from chalicelib.errors import TooLarge
from chalicelib.ports import Transaction

_FIRST_PAGE_ROWS = 64
_PAGE_ROWS = 65_536
_PAGE_BYTES = 8 * 1024 * 1024
# What the texts of a page may have at most, when its rows turn out to be longer than those before.
_MOST_BYTES = 16 * _PAGE_BYTES


def read_pages(
    transaction: Transaction, relation: str, schema: pa.Schema, key: Sequence[str], within: KeyRange = EVERYTHING
) -> Iterator[pa.Table]:
    """The columns of ``schema`` of the rows of a quoted relation ``within`` a range of its ``key``, in the key's order.

    They come in pages of a few MiB, whose rows are guessed from the page before. Once a text has more than its share of
    what a page may have, the server counts the bytes of each page, which takes it longer.

    Text is ordered by its bytes (COLLATE "C"): on every server the same, which the content's checksum needs.
    """
    order = ordered(schema, key)
    columns = quote_all(schema.names)
    texts = [quote(field.name) for field in schema if pa.types.is_string(field.type)]
    conditions = within.conditions(order)
    limit = _FIRST_PAGE_ROWS
    counted = False
    while True:
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = f"SELECT {columns} FROM {relation} {where} ORDER BY {order} LIMIT {limit}"
        if counted:
            page = transaction.read(_counted(rows, columns, texts, order), schema)
        else:
            try:
                page = transaction.read(rows, schema, _MOST_BYTES // (limit * max(len(texts), 1)))
            except TooLarge:
                counted = True
                continue
        if len(page) == 0:
            return
        yield page
        last = ", ".join(quote_literal(page[name][-1].as_py()) for name in key)
        conditions = [f"({order}) > ({last})", *KeyRange(upto=within.upto).conditions(order)]
        limit = max(1, min(_PAGE_ROWS, 16 * limit, _PAGE_BYTES * len(page) // max(page.nbytes, 1)))


def _counted(rows: str, columns: str, texts: Sequence[str], order: str) -> str:
    """A query for the first of some ordered rows, until their texts have the bytes of a page; at least one row.

    To tell how long a text is, Postgres neither fetches it from its TOAST table nor decompresses it.
    """
    lengths = " + ".join(f"coalesce(octet_length({name}::text), 0)" for name in texts)
    return f"""SELECT {columns} FROM (
            SELECT *, sum({lengths}) OVER (
                ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS decant_before
            FROM ({rows}) AS decant_rows
        ) AS decant_sums
        WHERE coalesce(decant_before, 0) < {_PAGE_BYTES} ORDER BY {order}"""
