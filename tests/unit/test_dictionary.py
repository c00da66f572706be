"""The data dictionary: what it reads, what it refuses, and that all derivations say the same of a column."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pytest

from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.datatypes import TYPES
from chalicelib.dictionary.ddl import create_table
from chalicelib.dictionary.json_schema import row_schema
from chalicelib.dictionary.model import Column, Dictionary, Table
from chalicelib.dictionary.package import load_dictionary, parse_dictionary
from chalicelib.errors import DictionaryError
from chalicelib.settings import PACKAGED_DICTIONARY
from tests.other_dictionary import OTHER

SHIPPED = json.loads(PACKAGED_DICTIONARY.read_text())
COLUMNS = [
    pytest.param(table, column, id=f"{table.name}.{column.name}")
    for package in (SHIPPED, OTHER)
    for table in parse_dictionary(package).tables
    for column in table.columns
]


def test_parents_come_before_their_children() -> None:
    shuffled = {**SHIPPED, "resources": list(reversed(SHIPPED["resources"]))}
    names = [table.name for table in parse_dictionary(shuffled).tables]
    assert names.index("hired_employees") == 2


def test_the_digest_changes_with_the_content_alone() -> None:
    digest = parse_dictionary(SHIPPED).digest
    assert parse_dictionary(json.loads(json.dumps(SHIPPED, indent=7))).digest == digest
    changed = copy.deepcopy(SHIPPED)
    changed["resources"][0]["title"] = "Other"
    assert parse_dictionary(changed).digest != digest


def _field(package: dict[str, Any]) -> dict[str, Any]:
    field: dict[str, Any] = package["resources"][2]["schema"]["fields"][1]
    return field


def _schema(package: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = package["resources"][2]["schema"]
    return schema


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.update(resources=[]), "no resources"),
        (lambda p: p["resources"].append(copy.deepcopy(p["resources"][0])), "same name"),
        (lambda p: p["resources"][0].update(name="de partments"), "named 'de partments'"),
        (lambda p: _field(p).update(name="decant_row"), "named 'decant_row'"),
        (lambda p: p["resources"][0].pop("schema"), "no schema"),
        (lambda p: _schema(p).pop("primaryKey"), "no primaryKey"),
        (lambda p: _schema(p).update(primaryKey=["number"]), "no column 'number'"),
        (lambda p: _schema(p)["fields"][0].update(constraints={}), "must be required"),
        (lambda p: _schema(p).update(missingValues=["", "NA"]), "missingValues"),
        (lambda p: _field(p).update(type="geopoint"), "type 'geopoint'"),
        (lambda p: _field(p).update(format="email"), "format 'email'"),
        (lambda p: _field(p).update(name="ID"), "two columns of the same name"),
        (lambda p: _field(p).update(colour="red"), "property 'colour'"),
        (lambda p: _field(p).update(constraints={"unique": True}), "property 'unique'"),
        (lambda p: _field(p).update(constraints={"pattern": "("}), "no RE2 expression"),
        (lambda p: _field(p).update(constraints={"minimum": 3}), "of the type string"),
        (lambda p: _field(p).update(type="boolean", constraints={"maximum": True}), "of the type boolean"),
        (lambda p: _field(p).update(type="integer", constraints={"minimum": "x"}), "not a whole number"),
        (lambda p: _field(p).update(type="integer", constraints={"maximum": 2**70}), "beyond 64 bits"),
        (lambda p: _field(p).update(type="integer", constraints={"minLength": 2}), "of the type string"),
        (lambda p: _field(p).update(type="number", precision=40), "precision"),
        (lambda p: _field(p).update(type="date", constraints={"enum": ["soon"]}), "not a calendar date"),
        (lambda p: _schema(p)["foreignKeys"][0]["reference"].update(resource="teams"), "'teams', which is no table"),
        (lambda p: _schema(p)["foreignKeys"][0]["reference"].update(fields=["department"]), "primary key"),
        (lambda p: _schema(p)["foreignKeys"][0].update(fields=["name"]), "different types"),
        (lambda p: _schema(p)["foreignKeys"][0].pop("reference"), "without fields and reference"),
        (
            lambda p: p["resources"][0]["schema"].update(
                foreignKeys=[{"fields": ["id"], "reference": {"resource": "hired_employees", "fields": ["id"]}}]
            ),
            "form a circle",
        ),
    ],
)
def test_what_can_not_be_kept_is_refused_with_the_place(change: Change, said: str) -> None:
    package = copy.deepcopy(SHIPPED)
    change(package)
    with pytest.raises(DictionaryError, match=said):
        parse_dictionary(package)


def test_a_file_that_is_no_dictionary_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(DictionaryError, match=r"lost\.json can't be read"):
        load_dictionary(tmp_path / "lost.json")
    (tmp_path / "odd.json").write_text("{")
    with pytest.raises(DictionaryError, match=r"odd\.json is not JSON"):
        load_dictionary(tmp_path / "odd.json")


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_all_derivations_agree_on_what_may_be_blank(table: Table, column: Column) -> None:
    [avro] = [field for field in avro_schema(table)["fields"] if field["name"] == column.name]
    schema = row_schema(table)
    assert (isinstance(avro["type"], list) and avro["type"][0] == "null") != column.required
    assert (column.name in schema["required"]) == column.required
    assert ("anyOf" in schema["properties"][column.name]) != column.required
    assert (f'"{column.name}" {column.type.postgres} NOT NULL' in create_table(table)) == column.required
    assert column.arrow.nullable != column.required


@pytest.mark.parametrize(
    "table", [t for p in (SHIPPED, OTHER) for t in parse_dictionary(p).tables], ids=lambda t: t.name
)
def test_the_avro_schema_is_one(table: Table) -> None:
    assert fastavro.parse_schema(avro_schema(table))


def test_the_other_dictionary_uses_every_type() -> None:
    other: Dictionary = parse_dictionary(OTHER)
    used = {column.type.name for table in other.tables for column in table.columns}
    assert used == set(TYPES)
