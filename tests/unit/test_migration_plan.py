"""The plan of a migration: what widens goes in, what could lose or break a row is refused with the way to do it."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dictionary.model import Column
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import DictionaryError, MigrationRefused
from chalicelib.migrations.plan import change
from tests.other_dictionary import OTHER
from tests.packages import columns, fields_changed, package

Edit = Callable[[dict[str, Any]], object]


def edited(edit: Edit) -> dict[str, Any]:
    package = copy.deepcopy(OTHER)
    edit(package)
    return package


def field(package: dict[str, Any], table: int, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each for each in package["resources"][table]["schema"]["fields"] if each["name"] == name
    )
    return found


def rules(package: dict[str, Any], table: int, name: str) -> dict[str, Any]:
    found: dict[str, Any] = field(package, table, name).setdefault("constraints", {})
    return found


def fields(package: dict[str, Any], table: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = package["resources"][table]["schema"]["fields"]
    return found


ROOMS = {
    "name": "rooms",
    "schema": {
        "fields": [
            {"name": "id", "type": "integer", "constraints": {"required": True}},
            {"name": "branch", "type": "string"},
        ],
        "primaryKey": "id",
        "foreignKeys": [{"fields": "branch", "reference": {"resource": "branches", "fields": "code"}}],
    },
}


def wide_isbn(package: dict[str, Any]) -> None:
    for table, name in ((1, "isbn"), (2, "isbn")):
        rules(package, table, name)["maximum"] = 2**60


def copy_of(package: dict[str, Any]) -> None:
    fields(package, 2).append({"name": "copy_of", "type": "integer", "constraints": {"maximum": 9999999999999}})
    package["resources"][2]["schema"]["foreignKeys"].append(
        {"fields": ["copy_of"], "reference": {"resource": "titles", "fields": ["isbn"]}}
    )


@pytest.mark.parametrize(
    ("edit", "statements"),
    [
        (lambda p: p.update(title="Another title"), []),
        (lambda p: fields(p, 0).append({"name": "opened", "type": "date"}), ['ADD COLUMN IF NOT EXISTS "opened" date']),
        (lambda p: rules(p, 1, "title").pop("required"), ['ALTER COLUMN "title" DROP NOT NULL']),
        (lambda p: rules(p, 0, "code").pop("maxLength"), ["DROP CONSTRAINT"]),
        (lambda p: rules(p, 0, "code").update(maxLength=9), ["NOT VALID", "VALIDATE CONSTRAINT"]),
        (lambda p: rules(p, 0, "region")["enum"].append("west"), ["NOT VALID", "VALIDATE CONSTRAINT"]),
        (lambda p: rules(p, 1, "price").update(minimum=-5), ["NOT VALID", "VALIDATE CONSTRAINT"]),
        (lambda p: field(p, 1, "price").update(precision=12), ['ALTER COLUMN "price" TYPE numeric(12, 2)']),
        (lambda p: rules(p, 2, "number").update(maximum=2**40),
         ['ALTER COLUMN "number" TYPE bigint', "VALIDATE CONSTRAINT", "ANALYZE"]),
        (lambda p: p["resources"].append(ROOMS), ["CREATE TABLE IF NOT EXISTS", "CREATE INDEX IF NOT EXISTS"]),
        (copy_of, ["ADD COLUMN", "VALIDATE", "VALIDATE", "CREATE INDEX CONCURRENTLY"]),
        (wide_isbn, ["NOT VALID", "VALIDATE CONSTRAINT", "NOT VALID", "VALIDATE CONSTRAINT"]),
    ],
)  # fmt: skip
def test_what_no_row_can_break_is_planned(edit: Edit, statements: list[str]) -> None:
    steps = change(parse_dictionary(OTHER), parse_dictionary(edited(edit))).steps
    assert len(steps) == len(statements), [step.sql for step in steps]
    for step, part in zip(steps, statements, strict=True):
        assert part in step.sql


@pytest.mark.parametrize(
    ("edit", "where", "way"),
    [
        (lambda p: p["resources"].pop(2), "The table copies: the dictionary has it no more", "new table"),
        (lambda p: fields(p, 1).pop(2), "titles.published: the dictionary has it no more", "may be blank"),
        (lambda p: field(p, 1, "published").update(name="day"), "titles.published: the dictionary has", "new column"),
        (lambda p: field(p, 2, "acquired").update(type="date"), "it was timestamptz and is date", "another name"),
        (lambda p: field(p, 1, "price").update(scale=3), "it was numeric(10, 2) and is numeric(10, 3)", "another name"),
        (lambda p: field(p, 1, "price").update(precision=9), "numeric(9, 2)", "another name"),
        (lambda p: rules(p, 0, "region").update(required=True), "branches.region: it is required now", "`required`"),
        (lambda p: rules(p, 0, "region")["enum"].pop(), "its enum is narrower", "enum"),
        (lambda p: rules(p, 0, "part_of").update(enum=["A"]), "its enum is narrower", "enum"),
        (lambda p: rules(p, 0, "code").update(maxLength=3), "its maxLength is narrower", "maxLength"),
        (lambda p: rules(p, 1, "title").update(minLength=3), "its minLength is narrower", "minLength"),
        (lambda p: rules(p, 1, "price").update(minimum=1), "its minimum is narrower", "minimum"),
        (lambda p: rules(p, 1, "price").update(maximum=1), "its maximum is narrower", "maximum"),
        (lambda p: fields(p, 0).append({"name": "n", "constraints": {"required": True}}), "branches.n: it is new and",
         "without `required`"),
        (lambda p: p["resources"][2]["schema"].update(primaryKey=["number", "branch"]), "its key was", "new table"),
        (lambda p: p["resources"][2]["schema"]["foreignKeys"].pop(), "foreign key (isbn) to titles is gone", "stays"),
        (lambda p: p["resources"][2]["schema"]["foreignKeys"].append(
            {"fields": "branch", "reference": {"resource": "branches", "fields": "code"}}), None, None),
        (lambda p: p["resources"][0]["schema"]["foreignKeys"].append(
            {"fields": "region", "reference": {"resource": "", "fields": "code"}}), "(region) to branches is new",
         "new column"),
    ],
)  # fmt: skip
def test_what_could_lose_or_break_a_row_is_refused_with_the_way(edit: Edit, where: str | None, way: str | None) -> None:
    try:
        after = parse_dictionary(edited(edit))
    except DictionaryError:
        assert where is None
        return
    if where is None:
        assert change(parse_dictionary(OTHER), after).steps == ()
        return
    with pytest.raises(MigrationRefused) as caught:
        change(parse_dictionary(OTHER), after)
    assert where in caught.value.detail
    assert way is not None
    assert way in (caught.value.hint or "")


def test_every_reason_is_told_at_once() -> None:
    def edit(package: dict[str, Any]) -> None:
        fields(package, 1).pop(2)
        rules(package, 0, "region").update(required=True)

    with pytest.raises(MigrationRefused) as caught:
        change(parse_dictionary(OTHER), parse_dictionary(edited(edit)))
    assert [each["where"] for each in caught.value.errors] == [
        "The column branches.region", "The column titles.published"
    ]  # fmt: skip


def test_a_table_that_is_rewritten_says_so_and_is_rewritten_once() -> None:
    def edit(package: dict[str, Any]) -> None:
        rules(package, 2, "number").update(maximum=2**40)
        fields(package, 2).append({"name": "shelf", "type": "integer"})

    first, *_ = change(parse_dictionary(OTHER), parse_dictionary(edited(edit))).steps
    assert "rewrites the whole table" in first.note
    assert first.sql.count("ALTER TABLE") == 1
    assert {"TYPE bigint", "ADD COLUMN"} <= {part for part in ("TYPE bigint", "ADD COLUMN") if part in first.sql}


def test_what_only_new_rows_feel_is_told() -> None:
    def edit(package: dict[str, Any]) -> None:
        rules(package, 0, "code").update(pattern="[A-Z]+")
        fields(package, 1).insert(0, fields(package, 1).pop())

    notes = change(parse_dictionary(OTHER), parse_dictionary(edited(edit))).notes
    assert ["pattern of branches.code" in notes[0], "titles have another order" in notes[1]] == [True, True]


@given(columns())
def test_the_same_dictionary_changes_nothing(spec: list[dict[str, Any]]) -> None:
    dictionary = parse_dictionary(package(spec))
    assert change(dictionary, dictionary).steps == ()


@settings(max_examples=300, deadline=None)
@given(fields_changed(), st.data())
def test_a_value_that_was_allowed_is_allowed_after_every_change_that_is_planned(
    specs: tuple[list[dict[str, Any]], list[dict[str, Any]]], data: st.DataObject
) -> None:
    before, after = (parse_dictionary(package(spec)) for spec in specs)
    try:
        change(before, after)
    except MigrationRefused:
        return
    for column in before.tables[0].columns:
        value = data.draw(values(column))
        if allows(column, value):
            assert allows(after.tables[0].column(column.name), value), (column, value)


def values(column: Column) -> st.SearchStrategy[Any]:
    """Values at and around the column's bounds, and none."""
    known = {
        "integer": st.integers(-(2**63), 2**63),
        "number": st.decimals(-(10**6), 10**6, places=2),
        "string": st.text("ab", max_size=6),
        "date": st.dates(dt.date(2000, 1, 1), dt.date(2000, 1, 9)),
    }
    lengths = ["a" * each for each in (column.min_length, column.max_length) if each is not None]
    near = [each for each in (column.minimum, column.maximum, *column.enum, *lengths) if each is not None]
    return st.one_of(st.none(), known[column.type.name], *([st.sampled_from(near)] if near else []))


def allows(column: Column, value: Any) -> bool:
    """Whether a row of the table may have this value, by the words of Table Schema."""
    if value is None:
        return not column.required
    if isinstance(value, Decimal) and len(value.as_tuple().digits) > getattr(column.type, "precision", 99):
        return False
    return (
        (column.minimum is None or value >= column.minimum)
        and (column.maximum is None or value <= column.maximum)
        and (not column.enum or value in column.enum)
        and (column.min_length is None or len(value) >= column.min_length)
        and (column.max_length is None or len(value) <= column.max_length)
    )
