"""Which keys the parent tables have, as a transaction sees them."""

from __future__ import annotations

import pyarrow as pa

from chalicelib.dictionary.comparing import equal
from chalicelib.dictionary.model import ForeignKey
from chalicelib.dictionary.names import quote
from chalicelib.load.relations import parameters, unnested
from chalicelib.ports import Transaction

_TYPES = {
    "int64": "bigint",
    "string": "text",
    "bool": "boolean",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamptz",
}


class DatabaseKeys:
    """See ``validation.ParentKeys``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def lacking(self, key: ForeignKey, values: pa.Table) -> pa.Table:
        """See ``validation.ParentKeys``."""
        named = {f"k{index}": _type(field.type) for index, field in enumerate(values.schema)}
        meets = equal("p", key.references, "k", list(named))
        rows = self._transaction.run_prepared(
            f"SELECT k.* FROM {unnested('k', named)} "
            f"WHERE NOT EXISTS (SELECT FROM public.{quote(key.parent)} p WHERE {meets})",
            **parameters(values),
        )
        names = values.schema.names
        return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=values.schema)


def _type(datatype: pa.DataType) -> str:
    return "numeric" if pa.types.is_decimal(datatype) else _TYPES[str(datatype)]
