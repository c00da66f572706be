"""A table's rows in the order of its primary key, a page at a time, so that memory does not grow with the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from chalicelib.backup.ranges import EVERYTHING, KeyRange, ordered
from chalicelib.dictionary.names import quote_all, quote_literal
from chalicelib.ports import Transaction

_FIRST_PAGE_ROWS = 64
_PAGE_ROWS = 65_536
_PAGE_BYTES = 8 * 1024 * 1024


def read_pages(
    transaction: Transaction, relation: str, schema: pa.Schema, key: Sequence[str], within: KeyRange = EVERYTHING
) -> Iterator[pa.Table]:
    """The columns of ``schema`` of the rows of a quoted relation ``within`` a range of its ``key``, in the key's order.

    They come in pages of a few MiB.

    Text is ordered by its bytes (COLLATE "C"): on every server the same, which the content's checksum needs.
    """
    order = ordered(schema, key)
    columns = quote_all(schema.names)
    conditions = within.conditions(order)
    limit = _FIRST_PAGE_ROWS
    while True:
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        page = transaction.read(f"SELECT {columns} FROM {relation} {where} ORDER BY {order} LIMIT {limit}", schema)
        if len(page):
            yield page
        if len(page) < limit:
            return
        last = ", ".join(quote_literal(page[name][-1].as_py()) for name in key)
        conditions = [f"({order}) > ({last})", *KeyRange(upto=within.upto).conditions(order)]
        limit = max(1, min(_PAGE_ROWS, 16 * limit, _PAGE_BYTES * len(page) // max(page.nbytes, 1)))
