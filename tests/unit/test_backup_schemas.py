"""Which backups of another day fit the table of today."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from chalicelib.backup.manifest import Manifest, fingerprint
from chalicelib.backup.schemas import fit, fitted, reconcile
from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import BackupDamaged, RestoreRefused
from tests.contract.backup_support import NOW, field

FIELDS = [
    field("id", "integer", required=True),
    field("name", "string"),
    field("paid", "number", precision=9, scale=2),
]
WIDE = {"minimum": 0, "maximum": 10**12}


def table(*fields: dict[str, Any], key: str = "id") -> Table:
    resource = {"name": "people", "schema": {"fields": list(fields), "primaryKey": [key]}}
    return parse_dictionary({"resources": [resource]}).table("people")


def saved(*fields: dict[str, Any]) -> Manifest:
    schema = avro_schema(table(*fields))
    return Manifest(
        id="b", table="people", snapshot="s", tables=("people",), created=NOW, dictionary="", key=("id",),
        schema=schema, schema_fingerprint=fingerprint(schema), codec="deflate", files=(),
    )  # fmt: skip


def changed(name: str, **more: Any) -> list[dict[str, Any]]:
    """The fields, one of them described anew."""
    return [field(**{"type_": each["type"], **more, "name": name}) if each["name"] == name else each for each in FIELDS]


def test_the_same_columns_fit_without_a_word() -> None:
    assert reconcile(saved(*FIELDS), table(*FIELDS)) == []


def test_the_order_and_the_description_of_columns_do_not_matter() -> None:
    described = [{**each, "description": "other"} for each in reversed(FIELDS)]
    assert reconcile(saved(*FIELDS), table(*described)) == []


@pytest.mark.parametrize(
    ("then", "now", "note"),
    [
        (FIELDS[:2], FIELDS, "The column paid is newer than the backup: it is blank in every row."),
        (
            FIELDS,
            changed("id", required=True, constraints=WIDE),
            "The column id had 32 bits in the backup; it has 64 now.",
        ),
        (
            FIELDS,
            changed("paid", precision=12, scale=2),
            "The column paid was decimal(9, 2) in the backup; it is decimal(12, 2) now.",
        ),
        (
            FIELDS,
            changed("paid", precision=12, scale=5),
            "The column paid was decimal(9, 2) in the backup; it is decimal(12, 5) now.",
        ),
        (
            FIELDS,
            changed("id", required=True, type_="number", precision=12, scale=2),
            "The column id was int in the backup; it is decimal(12, 2) now.",
        ),
        (
            FIELDS,
            changed("id", required=True, type_="number", precision=10, scale=0),
            "The column id was int in the backup; it is decimal(10, 0) now.",
        ),
        (
            changed("id", required=True, constraints=WIDE),
            changed("id", required=True, type_="number", precision=21, scale=2),
            "The column id was long in the backup; it is decimal(21, 2) now.",
        ),
        (
            FIELDS,
            changed("name", required=True),
            "The column name might be blank in the backup; it is required now, and no row may lack it.",
        ),
    ],
    ids=[
        "added",
        "wider",
        "more digits",
        "more behind the point",
        "decimal",
        "whole decimal",
        "decimal of 64 bits",
        "required",
    ],
)
def test_it_fits_by_rule_and_says_so(then: list[dict[str, Any]], now: list[dict[str, Any]], note: str) -> None:
    assert reconcile(saved(*then), table(*now)) == [note]


def test_a_column_that_may_be_blank_now_and_might_not_then_fits() -> None:
    assert reconcile(saved(*changed("name", required=True)), table(*FIELDS)) == []


@pytest.mark.parametrize(
    ("then", "now", "reason"),
    [
        (
            FIELDS[:2],
            [*FIELDS[:2], field("paid", "boolean", required=True)],
            "it has no column paid, which is required now",
        ),
        (FIELDS, FIELDS[:2], "the table has no column paid any more, and its values would be lost"),
        (FIELDS, FIELDS[:1], "the table has no column name, paid any more, and its values would be lost"),
        (FIELDS, changed("name", type_="date"), "its column name is string, now it is date"),
        (changed("id", required=True, constraints=WIDE), FIELDS, "its column id is long, now it is int"),
        (
            FIELDS,
            changed("paid", precision=9, scale=3),
            "its column paid is decimal(9, 2), now it is decimal(9, 3)",
        ),
        (
            FIELDS,
            changed("paid", precision=12, scale=1),
            "its column paid is decimal(9, 2), now it is decimal(12, 1)",
        ),
        (
            FIELDS,
            changed("id", required=True, type_="number", precision=11, scale=2),
            "its column id is int, now it is decimal(11, 2)",
        ),
        (
            FIELDS,
            changed("name", type_="number", precision=38, scale=9),
            "its column name is string, now it is decimal(38, 9)",
        ),
        (
            changed("name", type_="datetime"),
            changed("name", type_="number", precision=38, scale=9),
            "its column name is timestamp-micros, now it is decimal(38, 9)",
        ),
        (
            FIELDS,
            [FIELDS[0], field("title", "string"), FIELDS[2]],
            "the table has no column name any more, and its values would be lost",
        ),
    ],
    ids=[
        "added-required",
        "dropped",
        "two dropped",
        "type",
        "narrower",
        "scale",
        "less behind the point",
        "digits",
        "text",
        "moment",
        "renamed",
    ],
)
def test_anything_else_is_refused_with_the_reason(
    then: list[dict[str, Any]], now: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(RestoreRefused) as caught:
        reconcile(saved(*then), table(*now))
    assert caught.value.detail == f"The backup b does not fit the table people: {reason}."
    assert caught.value.hint == (
        "Restore it with the dictionary of its day, into another database, or read its Avro file."
    )


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ({"type": "fixed", "size": 3, "name": "f"}, "fixed"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 3}, "decimal"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 1}, "decimal(3, 1)"),
    ],
)
def test_a_type_that_is_none_of_ours_is_told_by_what_it_says_of_itself(then: dict[str, Any], told: str) -> None:
    schema = {"fields": [{"name": "id", "type": "int"}, {"name": "name", "type": then}]}
    with pytest.raises(RestoreRefused, match=re.escape(f"its column name is {told}, now it is string.")):
        reconcile(replace(saved(*FIELDS), schema=schema), table(*FIELDS[:2]))


def test_what_fits_has_the_types_of_the_table_and_the_columns_of_the_backup() -> None:
    now = table(*changed("id", required=True, type_="number", precision=12, scale=2), field("born", "date"))
    assert fitted(saved(*FIELDS), now) == pa.schema(
        [
            pa.field("id", pa.decimal128(12, 2), nullable=False),
            pa.field("name", pa.string()),
            pa.field("paid", pa.decimal128(9, 2)),
        ]
    )


def test_a_number_that_is_none_of_its_columns_type_is_a_damage() -> None:
    """Avro's int and long are written alike, so its reader lets a long pass."""
    manifest, now = saved(*FIELDS), table(*FIELDS)
    rows = pa.table({"id": [1, 2**31], "name": ["a", "b"], "paid": pa.nulls(2, pa.decimal128(9, 2))})
    assert fit(rows.slice(0, 1), manifest, fitted(manifest, now)).schema == fitted(manifest, now)
    with pytest.raises(BackupDamaged) as caught:
        fit(rows, manifest, fitted(manifest, now))
    assert caught.value.detail == (
        "The backup b of people is damaged: a value is none of its column's type "
        "(Integer value 2147483648 not in range: -2147483648 to 2147483647)."
    )
    assert caught.value.hint == "Restore another backup of the table."


def test_another_primary_key_is_refused() -> None:
    fields = changed("name", required=True)
    with pytest.raises(RestoreRefused, match="told apart by id, now by name"):
        reconcile(replace(saved(*fields), key=("id",)), table(*fields, key="name"))
