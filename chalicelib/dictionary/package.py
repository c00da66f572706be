"""Reading the data dictionary from a Frictionless Data Package whose resources carry a Table Schema.

See https://specs.frictionlessdata.io/data-package/ and https://specs.frictionlessdata.io/table-schema/. Whatever Decant
could not keep as a promise is refused, with the place and the reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.datatypes import INT4, INT8, TYPES, Boolean, DataType, Integer, Number, String
from chalicelib.dictionary.model import Column, Dictionary, ForeignKey, Table
from chalicelib.dictionary.names import check_name
from chalicelib.errors import DictionaryError

FIELD_KEYS = {"name", "type", "format", "title", "description", "example", "constraints", "precision", "scale"}
CONSTRAINTS = {"required", "minimum", "maximum", "minLength", "maxLength", "pattern", "enum"}
SCHEMA_KEYS = {"fields", "primaryKey", "foreignKeys", "missingValues", "$schema"}


def load_dictionary(path: Path) -> Dictionary:
    """Read and check a data dictionary. Raises DictionaryError with the place and the reason."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DictionaryError(f"The data dictionary {path.name} can't be read: {error.strerror}.") from error
    try:
        package = json.loads(content)
    except ValueError as error:
        raise DictionaryError(f"The data dictionary {path.name} is not JSON: {error}.") from error
    return parse_dictionary(package)


def parse_dictionary(package: Mapping[str, Any]) -> Dictionary:
    """Check a data package that has been read from JSON. Raises DictionaryError with the place and the reason."""
    resources = package.get("resources") if isinstance(package, Mapping) else None
    if not isinstance(resources, list) or not resources:
        raise DictionaryError("The data dictionary has no resources.", hint="It takes one resource for each table.")
    tables = [_table(resource) for resource in resources]
    by_name = {table.name: table for table in tables}
    if len({name.lower() for name in by_name}) < len(tables):
        raise DictionaryError("Two tables of the data dictionary have the same name.")
    for table in tables:
        for key in table.foreign_keys:
            _check_reference(table, key, by_name)
    canonical = json.dumps(package, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    ordered = _parents_first(by_name)
    return Dictionary(
        name=str(package.get("name", "")),
        tables=ordered,
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        title=str(package.get("title", "")),
        package=package,
        _by_name=by_name,
    )


def _table(resource: Mapping[str, Any]) -> Table:
    name = check_name(resource.get("name", ""), "A table")
    where = f"The table {name}"
    schema = resource.get("schema")
    if not isinstance(schema, Mapping) or not schema.get("fields"):
        raise DictionaryError(f"{where} has no schema with fields.")
    _refuse_unknown(schema, SCHEMA_KEYS, f"{where}: its schema")
    if schema.get("missingValues", [""]) != [""]:
        raise DictionaryError(f"{where} names missingValues.", hint="Only a blank cell is missing; leave it out.")
    columns = tuple(_column(spec, name) for spec in schema["fields"])
    names = [column.name for column in columns]
    if len({each.lower() for each in names}) < len(names):
        raise DictionaryError(f"{where} has two columns of the same name.")
    primary_key = _names(schema.get("primaryKey", ()))
    if not primary_key:
        raise DictionaryError(f"{where} has no primaryKey.", hint="Rows are told apart by it; name its columns.")
    table = Table(
        name=name,
        columns=columns,
        primary_key=primary_key,
        foreign_keys=tuple(_foreign_key(spec, name) for spec in schema.get("foreignKeys", ())),
        title=str(resource.get("title", name)),
        description=str(resource.get("description", "")),
    )
    for column_name in (*primary_key, *(each for key in table.foreign_keys for each in key.columns)):
        if column_name not in names:
            raise DictionaryError(f"{where} has no column {column_name!r}, which one of its keys names.")
    for column_name in primary_key:
        if not table.column(column_name).required:
            raise DictionaryError(f"{where}: {column_name} is in the primary key and must be required.")
    return table


def _column(spec: Mapping[str, Any], table: str) -> Column:
    name = check_name(spec.get("name", ""), f"A column of {table}")
    where = f"{table}.{name}"
    _refuse_unknown(spec, FIELD_KEYS, where)
    if spec.get("format", "default") != "default":
        raise DictionaryError(f"{where} has the format {spec['format']!r}.", hint="Only the default format is read.")
    constraints = spec.get("constraints", {})
    _refuse_unknown(constraints, CONSTRAINTS, f"{where}: its constraints")
    datatype = _datatype(spec, constraints, where)
    if not isinstance(datatype, String) and {"pattern", "minLength", "maxLength"} & constraints.keys():
        raise DictionaryError(f"{where}: pattern, minLength and maxLength are for columns of the type string.")
    pattern = constraints.get("pattern")
    if pattern is not None:
        try:
            pc.match_substring_regex(pa.array([""]), f"^(?:{pattern})$")
        except pa.ArrowInvalid as error:
            raise DictionaryError(f"{where}: its pattern is no RE2 expression: {error}.") from error
    return Column(
        name=name,
        type=datatype,
        required=bool(constraints.get("required", False)),
        description=str(spec.get("description", "")),
        minimum=_bound(constraints, "minimum", datatype, where),
        maximum=_bound(constraints, "maximum", datatype, where),
        enum=tuple(_value(each, datatype, f"{where}: enum") for each in constraints.get("enum", ())),
        pattern=pattern,
        min_length=_length(constraints, "minLength", where),
        max_length=_length(constraints, "maxLength", where),
    )


def _datatype(spec: Mapping[str, Any], constraints: Mapping[str, Any], where: str) -> DataType:
    name = spec.get("type", "string")
    if name not in TYPES:
        raise DictionaryError(f"{where} has the type {name!r}.", hint=f"The types are {', '.join(sorted(TYPES))}.")
    if name == Number.name:
        number = Number(
            precision=_whole(spec.get("precision", 38), f"{where}: precision"),
            scale=_whole(spec.get("scale", 9), f"{where}: scale"),
        )
        if not 0 <= number.scale <= number.precision <= 38 or number.precision == 0:
            raise DictionaryError(f"{where}: it takes 1 ≤ precision ≤ 38 and 0 ≤ scale ≤ precision.")
        return number
    if name == Integer.name:
        bounds = [
            _whole(constraints[each], f"{where}: {each}") for each in ("minimum", "maximum") if each in constraints
        ]
        if any(not INT8[0] <= bound <= INT8[1] for bound in bounds):
            raise DictionaryError(f"{where}: its minimum or maximum is beyond 64 bits.")
        return Integer(wide=any(not INT4[0] <= bound <= INT4[1] for bound in bounds))
    return TYPES[name]()


def _bound(constraints: Mapping[str, Any], name: str, datatype: DataType, where: str) -> Any:
    if isinstance(datatype, String | Boolean) and name in constraints:
        raise DictionaryError(f"{where}: {name} is not for a column of the type {datatype.name}.")
    if name in constraints:
        return _value(constraints[name], datatype, f"{where}: {name}")
    if isinstance(datatype, Integer):
        return datatype.bounds[0 if name == "minimum" else 1]
    return None


def _length(constraints: Mapping[str, Any], name: str, where: str) -> int | None:
    return _whole(constraints[name], f"{where}: {name}") if name in constraints else None


def _whole(value: Any, where: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise DictionaryError(f"{where}: {value!r} is not a whole number.") from None


def _value(value: Any, datatype: DataType, where: str) -> Any:
    text = format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
    parsed = datatype.parse(pa.array([text], pa.string()))[0].as_py()
    if parsed is None:
        raise DictionaryError(f"{where}: {value!r} is not {datatype.expects}.")
    return parsed


def _foreign_key(spec: Mapping[str, Any], table: str) -> ForeignKey:
    reference = spec.get("reference")
    if not isinstance(reference, Mapping) or "fields" not in spec or "fields" not in reference:
        raise DictionaryError(f"The table {table} has a foreign key without fields and reference.")
    parent = reference.get("resource") or table
    return ForeignKey(columns=_names(spec["fields"]), parent=parent, references=_names(reference["fields"]))


def _check_reference(table: Table, key: ForeignKey, tables: Mapping[str, Table]) -> None:
    where = f"The foreign key ({', '.join(key.columns)}) of {table.name}"
    parent = tables.get(key.parent)
    if parent is None:
        raise DictionaryError(f"{where} refers to {key.parent!r}, which is no table.")
    if key.references != parent.primary_key or len(key.columns) != len(key.references):
        raise DictionaryError(
            f"{where} refers to ({', '.join(key.references)}) of {parent.name}.",
            hint=f"It must refer to the primary key ({', '.join(parent.primary_key)}), in that order.",
        )
    for mine, theirs in zip(key.columns, key.references, strict=True):
        if table.column(mine).type.postgres != parent.column(theirs).type.postgres:
            raise DictionaryError(f"{where}: {mine} and {parent.name}.{theirs} are of different types.")


def _parents_first(tables: Mapping[str, Table]) -> tuple[Table, ...]:
    ordered: dict[str, Table] = {}
    while len(ordered) < len(tables):
        ready = [t for t in tables.values() if t.name not in ordered and all(p in ordered for p in t.parents)]
        if not ready:
            stuck = ", ".join(name for name in tables if name not in ordered)
            raise DictionaryError(f"The foreign keys of {stuck} form a circle.", hint="No table could be loaded first.")
        ordered |= {table.name: table for table in ready}
    return tuple(ordered.values())


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _refuse_unknown(spec: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in spec:
        if key not in known:
            raise DictionaryError(
                f"{where} has the property {key!r}, which Decant would not keep.",
                hint=f"It knows {', '.join(sorted(known))}.",
            )
