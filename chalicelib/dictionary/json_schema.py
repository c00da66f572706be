"""The JSON Schema (2020-12, as OpenAPI 3.1 takes it) of a table's rows."""

from __future__ import annotations

from typing import Any

from chalicelib.dictionary.datatypes import Integer, String
from chalicelib.dictionary.model import Column, Table

_STORABLE = r"^[^\u0000]*$"
_SOMETHING = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"


def row_schema(table: Table) -> dict[str, Any]:
    """The schema of one row object."""
    return {
        "type": "object",
        "title": table.title,
        "description": table.description,
        "properties": {column.name: _column_schema(column) for column in table.columns},
        "required": [column.name for column in table.columns if column.required],
        "additionalProperties": False,
    }


def _column_schema(column: Column) -> dict[str, Any]:
    schema = {**column.type.json_schema, "description": column.description}
    constraints = {
        "minimum": column.minimum,
        "maximum": column.maximum,
        "minLength": column.min_length,
        "maxLength": column.max_length,
        "pattern": None if column.pattern is None else f"^(?:{column.pattern})$",
    }
    if not isinstance(column.type, Integer):
        # JSON Schema bounds only JSON numbers; the other types are written as strings.
        constraints |= {"minimum": None, "maximum": None}
    schema |= {name: value for name, value in constraints.items() if value is not None}
    if isinstance(column.type, String) and column.pattern is None:
        # Blank is missing, and Postgres has no place for U+0000.
        schema["pattern"] = _SOMETHING if column.required else _STORABLE
    if column.enum:
        schema["enum"] = [column.type.render(value) for value in column.enum]
    if not column.required:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema
