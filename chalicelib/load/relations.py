"""Rows as a relation within a statement: an array for each column, sent as a parameter, unnested by Postgres.

So any number of rows travels with the statement that works on them, and the text of the statement stays the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.names import quote


def unnested(alias: str, types: Mapping[str, str]) -> str:
    """The SQL of a relation with these columns (their Postgres types by name), whose rows are ``parameters``."""
    arrays = ", ".join(f"CAST(:c{index} AS {datatype}[])" for index, datatype in enumerate(types.values()))
    return f"unnest({arrays}) AS {alias}({', '.join(map(quote, types))})"


def parameters(rows: pa.Table) -> dict[str, str]:
    """The parameters of ``unnested``, for rows with its columns in its order."""
    return {f"c{index}": _array_literal(column) for index, column in enumerate(rows.columns)}


def _array_literal(values: pa.ChunkedArray) -> str:
    # https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO: text is quoted, so that NULL alone means null.
    text = pc.cast(values, pa.string())
    if pa.types.is_string(values.type):
        escaped = pc.replace_substring_regex(text, r'(["\\])', r"\\\1")
        text = pc.binary_join_element_wise('"', escaped, '"', "")
    return f"{{{','.join(pc.fill_null(text, 'NULL').to_pylist())}}}"
