"""A table's rows in the order of its primary key, a page at a time, so that memory does not grow with the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from chalicelib.dictionary.names import quote, quote_all, quote_literal
from chalicelib.ports import Transaction

_FIRST_PAGE_ROWS = 1_024
_PAGE_ROWS = 65_536
_PAGE_BYTES = 8 * 1024 * 1024


def read_pages(transaction: Transaction, relation: str, schema: pa.Schema, key: Sequence[str]) -> Iterator[pa.Table]:
    """The columns of ``schema`` of all rows of a quoted relation, ordered by ``key``, in pages of a few MiB.

    Text is ordered by its bytes (COLLATE "C"): on every server the same, which the content's checksum needs.
    """
    order = ", ".join(_ordered(name, schema) for name in key)
    columns = quote_all(schema.names)
    behind = ""
    limit = _FIRST_PAGE_ROWS
    while True:
        select = f"SELECT {columns} FROM {relation}"
        page = transaction.read(f"{select} {behind} ORDER BY {order} LIMIT {limit}", schema)
        if len(page):
            yield page
        if len(page) < limit:
            return
        last = ", ".join(quote_literal(page[name][-1].as_py()) for name in key)
        behind = f"WHERE ({order}) > ({last})"
        limit = max(1, min(_PAGE_ROWS, 4 * limit, _PAGE_BYTES * len(page) // max(page.nbytes, 1)))


def _ordered(name: str, schema: pa.Schema) -> str:
    return f'{quote(name)} COLLATE "C"' if pa.types.is_string(schema.field(name).type) else quote(name)
