"""Many rows out of Postgres: COPY TO STDOUT ─▶ Arrow."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from chalicelib.postgres.translation import execute_copy


def read(connection: Any, query: str, schema: pa.Schema) -> pa.Table:
    """See ``ports.Transaction.read``."""
    buffer = io.BytesIO()
    execute_copy(connection, f"COPY ({query}) TO STDOUT (FORMAT csv)", buffer)
    if buffer.tell() == 0:
        return schema.empty_table()
    buffer.seek(0)
    return pa_csv.read_csv(
        buffer,
        read_options=pa_csv.ReadOptions(column_names=schema.names, use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types={each.name: each.type for each in schema},
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ).cast(schema)
