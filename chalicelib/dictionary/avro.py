"""The Avro schema of a table's rows (https://avro.apache.org/docs/1.12.0/specification/)."""

from __future__ import annotations

from typing import Any

from chalicelib.dictionary.model import Table


def avro_schema(table: Table) -> dict[str, Any]:
    """The record schema of one row: a union with null for each column that may be blank, fields in column order."""
    return {
        "type": "record",
        "name": table.name,
        "namespace": "decant",
        "doc": table.description,
        "fields": [
            {
                "name": column.name,
                "doc": column.description,
                "type": column.type.avro if column.required else ["null", column.type.avro],
            }
            for column in table.columns
        ],
    }
