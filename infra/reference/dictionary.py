"""dictionary.md: what a data dictionary may say, and the tables of the shipped one."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.dictionary.datatypes import TYPES, DataType
from chalicelib.dictionary.model import Column, Dictionary, Table
from chalicelib.dictionary.package import CONSTRAINTS, FIELD_KEYS, SCHEMA_KEYS
from infra.reference.markdown import code, document, table

# What each rule means; a test holds the names against those that the reader of dictionaries knows.
FIELDS = {
    "name": "The column, as headers, JSON and Postgres call it: letters, digits and `_`.",
    "type": "One of the types below; `string` if left out.",
    "format": "Only `default`.",
    "title": "For people; kept, not used.",
    "description": "For people: the API, its documents and the console show it.",
    "example": "For people; kept, not used.",
    "constraints": "The rules below.",
    "precision": "Of a `number`: how many digits, 1 to 38.",
    "scale": "Of a `number`: how many of them are behind the point.",
}
RULES = {
    "required": "`true`: a blank or missing cell is an error of the row, and the column is NOT NULL.",
    "minimum": "The least value, of integers, numbers, dates and datetimes. An integer beyond 32 bits makes the "
    "column a `bigint`.",
    "maximum": "The greatest value, likewise.",
    "minLength": "The least number of characters, of strings.",
    "maxLength": "The greatest number of characters, of strings.",
    "pattern": "A regular expression (RE2) that the whole of a string matches.",
    "enum": "The values that there are.",
}
SCHEMA = {
    "fields": "The columns, in the order that files without a header have them.",
    "primaryKey": "The columns that tell rows apart; required, of required columns.",
    "foreignKeys": 'References to the primary key of another table, or of the same one (`"resource": ""`).',
    "missingValues": 'Only `[""]`: a blank cell is missing, and nothing else is.',
    "$schema": "Kept, not used.",
}


def dictionary_document(dictionary: Dictionary) -> str:
    """The rules, and the tables."""
    return document(
        "The data dictionary",
        "One file says what the tables are: `chalicelib/dictionary/datapackage.json`, or the one that "
        "`DECANT_DICTIONARY` names. It is a [Frictionless Data "
        "Package](https://specs.frictionlessdata.io/data-package/) whose resources have a [Table "
        "Schema](https://specs.frictionlessdata.io/table-schema/); the columns of Postgres, the validation, AVRO "
        "schemas, OpenAPI and the console come from it. What could not be kept as a promise is refused when it is "
        "read, with the place and the reason. How to change it: [dictionary-changes.md](../dictionary-changes.md).",
        "## A table",
        "A resource has a `name`, which is the table's, `title` and `description` for people, and a `schema`:",
        table(["property", "means"], _told(SCHEMA, sorted(SCHEMA_KEYS, key=list(SCHEMA).index))),
        "## A column",
        table(["property", "means"], _told(FIELDS, sorted(FIELD_KEYS, key=list(FIELDS).index))),
        "## Constraints",
        table(["constraint", "means"], _told(RULES, sorted(CONSTRAINTS, key=list(RULES).index))),
        "## Types",
        table(["type", "takes", "Postgres", "AVRO", "JSON"], [_type(each) for each in TYPES.values()]),
        f"## The shipped dictionary: {dictionary.title}",
        f"Its SHA-256, which every run and backup names, is `{dictionary.digest}`.",
        *(part for each in dictionary.tables for part in _table(each)),
    )


def _told(means: dict[str, str], names: Iterable[str]) -> list[list[str]]:
    return [[code(name), means[name]] for name in names]


def _type(kind: type[DataType]) -> list[str]:
    """A type with its usual parameters."""
    usual = kind()
    avro = usual.avro if isinstance(usual.avro, str) else f"{usual.avro['type']}, {usual.avro['logicalType']}"
    shape = usual.json_schema
    kinds = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
    told = " or ".join(kinds) + (f", {shape['format']}" if "format" in shape else "")
    return [code(kind.name), kind.expects, code(usual.postgres), code(avro), told]


def _table(each: Table) -> list[str]:
    keys = [
        f"`{', '.join(key.columns)}` refers to `{', '.join(key.references)}` of `{key.parent}`"
        for key in each.foreign_keys
    ]
    told = [f"Primary key: `{', '.join(each.primary_key)}`", *keys]
    rows = [
        [code(column.name), column.type.name, "yes" if column.required else "", _rules(column), column.description]
        for column in each.columns
    ]
    heads = ["column", "type", "required", "rules", "what it is"]
    return [f"### {each.name}", each.description, table(heads, rows), f"{'; '.join(told)}."]


def _rules(column: Column) -> str:
    known = {
        "minimum": column.minimum, "maximum": column.maximum, "minLength": column.min_length,
        "maxLength": column.max_length, "pattern": column.pattern, "enum": ", ".join(map(str, column.enum)) or None,
    }  # fmt: skip
    return ", ".join(f"{name} `{value}`" for name, value in known.items() if value is not None)
