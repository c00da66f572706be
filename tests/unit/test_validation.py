"""The rules of the dictionary, row by row: each reason once, in the order of the columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dictionary.model import ForeignKey, Table
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.load.rows import Reason, ReasonCode, RejectedRow, SourceChunk
from chalicelib.load.validation import FAULTY, LINE, ROW, Checked, Validator


class Keys:
    """Parent tables with these keys; it remembers what it was asked for."""

    def __init__(self, *known: tuple[Any, ...]) -> None:
        self.known = set(known)
        self.asked: list[tuple[Any, ...]] = []
        self.times = 0

    def lacking(self, key: ForeignKey, values: pa.Table) -> pa.Table:
        assert values.column_names == list(key.columns)
        rows = [tuple(row.values()) for row in values.to_pylist()]
        self.asked += rows
        self.times += 1
        mask = pa.array([row not in self.known for row in rows], pa.bool_())
        return values.filter(mask)


def table(fields: list[dict[str, Any]], references: Sequence[str] = ()) -> Table:
    """A table with a required text column `id` and these fields, some of which refer together to a parent."""
    key = {"name": "id", "type": "string", "constraints": {"required": True}}
    by_name = {field["name"]: field for field in fields}
    parents = [{**by_name[name], "constraints": {"required": True}} for name in references]
    resources: list[dict[str, Any]] = [{"name": "t", "schema": {"fields": [key, *fields], "primaryKey": "id"}}]
    if references:
        reference = {"fields": list(references), "reference": {"resource": "p", "fields": list(references)}}
        resources[0]["schema"]["foreignKeys"] = [reference]
        resources.append({"name": "p", "schema": {"fields": parents, "primaryKey": list(references)}})
    return parse_dictionary({"resources": resources}).table("t")


def chunk(rows: Sequence[Mapping[str, str | None]], faults: Mapping[int, Sequence[Reason]] | None = None,
          numbers: Sequence[int] | None = None) -> SourceChunk:  # fmt: skip
    cells = pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]})
    given_numbers = pa.array(numbers or range(1, len(rows) + 1), pa.int64())
    return SourceChunk(given_numbers, pa.nulls(len(rows), pa.int64()), cells, faults or {})


def told(checked: Checked) -> list[list[tuple[str | None, str]]]:
    return [[(reason.column, reason.code.value) for reason in row.reasons] for row in checked.rejected]


def one_cell(field: dict[str, Any], text: str | None) -> list[tuple[str, str]]:
    """Code and message of what is wrong with one cell of a field `x`."""
    validator = Validator(table([{"name": "x", **field}]), Keys())
    rejected = validator.check(chunk([{"id": "a", "x": text}])).rejected
    return [(reason.code.value, reason.message) for row in rejected for reason in row.reasons]


@pytest.mark.parametrize(
    ("field", "good", "bad", "said"),
    [
        ({"type": "integer", "constraints": {"minimum": 3}}, "3", "2", "x takes 3 or more"),
        ({"type": "integer", "constraints": {"maximum": 3}}, "3", "4", "x takes 3 or less"),
        ({"type": "integer"}, "2147483647", "2147483648", "x is too big for the column: takes 2147483647 or less"),
        ({"type": "integer"}, "-2147483648", "-2147483649", "x is too small for the column: takes -2147483648 or more"),
        ({"type": "integer", "constraints": {"maximum": 2**60}}, "9007199254740993", str(2**63), "or less"),
        ({"type": "number", "constraints": {"minimum": "0.5"}}, "0.5", "0.499999999", "x takes 0.500000000 or more"),
        ({"type": "date", "constraints": {"maximum": "2021-12-31"}}, "2021-12-31", "2022-01-01", "2021-12-31 or less"),
        ({"type": "datetime", "constraints": {"minimum": "2021-01-01"}}, "2021-01-01", "2020-12-31T23:59:59Z", "more"),
        ({"type": "string", "constraints": {"enum": ["a", "b"]}}, "b", "B", "x takes one of a, b"),
        ({"type": "number", "scale": 2, "constraints": {"enum": [1.5]}}, "1.50", "1.51", "x takes one of 1.50"),
        ({"type": "boolean", "constraints": {"enum": [True]}}, "1", "false", "x takes one of True"),
        ({"type": "string", "constraints": {"pattern": "a|bc"}}, "bc", "ac", "x takes text of the form a|bc"),
        ({"type": "string", "constraints": {"pattern": "a"}}, "a", "a\na", "x takes text of the form a"),
        ({"type": "string", "constraints": {"minLength": 2}}, "ñ🙂", "🙂", "x takes at least 2 characters"),
        ({"type": "string", "constraints": {"maxLength": 2}}, "ñ🙂", "abc", "x takes at most 2 characters"),
        ({"type": "string", "constraints": {"maxLength": 32767}}, "x" * 32767, "x" * 32768, "at most 32767"),
    ],
)  # fmt: skip
def test_each_constraint_is_kept_to_its_edge(field: dict[str, Any], good: str, bad: str, said: str) -> None:
    assert one_cell(field, good) == []
    assert one_cell(field, None) == []
    [(code, message)] = one_cell(field, bad)
    assert code == "constraint-error"
    assert said in message


def test_a_required_cell_that_is_blank_is_told_once() -> None:
    [(code, message)] = one_cell({"type": "integer", "constraints": {"required": True, "minimum": 1}}, None)
    assert (code, message) == ("constraint-error", "x is required, and blank here")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e3", "１２", "true", "1.5", "NULL"])  # noqa: RUF001
def test_text_of_another_type_is_a_type_error_and_breaks_no_constraint_besides(text: str) -> None:
    [(code, message)] = one_cell({"type": "integer", "constraints": {"minimum": 5, "enum": [7]}}, text)
    assert (code, message) == ("type-error", "x takes a whole number")


def test_every_reason_is_told_in_the_order_of_the_columns_and_of_the_rows() -> None:
    short: dict[str, Any] = {"type": "string", "constraints": {"minLength": 3, "pattern": "[a-z]+", "enum": ["abc"]}}
    fields: list[dict[str, Any]] = [{"name": "n", "type": "integer"}, {"name": "s", **short}]
    extra = Reason(None, ReasonCode.EXTRA_CELL, "the row goes on")
    rows: list[dict[str, str | None]] = [
        {"id": "a", "n": "1", "s": "abc"},
        {"id": None, "n": "x", "s": "1"},
        {"id": "c", "n": "y", "s": None},
    ]
    checked = Validator(table(fields), Keys()).check(chunk(rows, {1: [extra]}, numbers=[3, 2, 1]))
    assert [row.row for row in checked.rejected] == [1, 2]
    constraint = ("s", "constraint-error")
    assert told(checked) == [
        [("n", "type-error")],
        [("id", "constraint-error"), ("n", "type-error"), constraint, constraint, constraint, (None, "extra-cell")],
    ]
    assert checked.rejected[1].cells == {"id": None, "n": "x", "s": "1"}


def test_a_rejected_row_has_its_number_and_line_and_a_reason_has_the_cell_as_it_came() -> None:
    cells = pa.table({"id": ["a", "b", "c"], "n": ["1", "many", "3"]})
    rows, lines = pa.array([4, 5, 6], pa.int64()), pa.array([7, 9, 10], pa.int64())
    validator = Validator(table([{"name": "n", "type": "integer"}]), Keys())
    [row] = validator.check(SourceChunk(rows, lines, cells, {})).rejected
    reason = Reason("n", ReasonCode.TYPE_ERROR, "n takes a whole number", "many")
    assert row == RejectedRow(5, 9, {"id": "b", "n": "many"}, [reason])


@pytest.mark.parametrize(
    ("names", "message", "value"),
    [
        (["x"], "x refers to x 7, which p does not have", "7"),
        (["x", "y"], "x, y refers to x, y 7, k:1, which p does not have", "7, k:1"),
    ],
)
def test_a_reference_to_nothing_names_its_columns_its_values_and_the_parent(
    names: list[str], message: str, value: str
) -> None:
    fields = [{"name": "x", "type": "integer"}, {"name": "y", "type": "string"}]
    rejected = Validator(table(fields, names), Keys()).check(chunk([{"id": "a", "x": "07", "y": "k:1"}])).rejected
    assert [row.reasons for row in rejected] == [[Reason("x", ReasonCode.FOREIGN_KEY, message, value)]]


def test_staged_rows_are_typed_and_a_cell_that_breaks_a_rule_is_null_in_them() -> None:
    fields: list[dict[str, Any]] = [
        {"name": "n", "type": "integer", "constraints": {"maximum": 9}},
        {"name": "d", "type": "datetime"},
    ]
    rows = [{"id": "a", "n": "9.0", "d": "2021-01-01"}, {"id": "b", "n": "10", "d": "24:00"}]
    staged = Validator(table(fields), Keys()).check(chunk(rows)).staged
    new_year = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
    assert staged.to_pylist() == [
        {ROW: 1, LINE: None, FAULTY: False, "id": "a", "n": 9, "d": new_year},
        {ROW: 2, LINE: None, FAULTY: True, "id": "b", "n": None, "d": None},
    ]
    ahead = [(ROW, pa.int64()), (LINE, pa.int64()), (FAULTY, pa.bool_())]
    assert staged.schema == pa.schema(ahead + [(field.name, field.type) for field in table(fields).arrow])


def test_what_the_source_told_of_a_cell_is_not_told_twice_nor_is_the_cell_used() -> None:
    fault = Reason("x", ReasonCode.TYPE_ERROR, "x takes a single value")
    keys = Keys()
    validator = Validator(table([{"name": "x", "type": "string"}], ["x"]), keys)
    checked = validator.check(chunk([{"id": "a", "x": "[1]"}], {0: [fault]}))
    assert told(checked) == [[("x", "type-error")]]
    assert checked.staged["x"].to_pylist() == [None]
    assert keys.asked == []


def test_a_row_that_is_none_has_no_blank_cells_besides() -> None:
    fault = Reason(None, ReasonCode.TYPE_ERROR, "a row must be a JSON object")
    assert told(Validator(table([]), Keys()).check(chunk([{"id": None}], {0: [fault]}))) == [[(None, "type-error")]]


def test_a_parent_is_asked_for_each_key_once_over_all_chunks() -> None:
    keys = Keys((1,), (3,))
    validator = Validator(table([{"name": "x", "type": "integer"}], ["x"]), keys)

    def check(*texts: str | None) -> list[list[tuple[str | None, str]]]:
        return told(validator.check(chunk([{"id": "a", "x": text} for text in texts])))

    foreign = [("x", "foreign-key")]
    assert check("1", "2", "1.0", "2", None) == [foreign, foreign]
    assert check(None, None) == []
    assert check("3", "2", "01", "4", "no") == [foreign, foreign, [("x", "type-error")]]
    assert check("1", "2", "3", "4") == [foreign, foreign]
    assert sorted(keys.asked) == [(1,), (2,), (3,), (4,)]


def test_rows_that_refer_to_nothing_ask_for_no_parent() -> None:
    keys = Keys()
    validator = Validator(table([{"name": "x", "type": "integer"}], ["x"]), keys)
    assert told(validator.check(chunk([{"id": "a", "x": None}]))) == []
    assert keys.times == 0


@pytest.mark.parametrize(
    ("datatype", "known", "lacking", "value"),
    [
        ("integer", "1", "2", 1),
        ("string", "a", "b", "a"),
        ("boolean", "true", "false", True),
        ("date", "2021-01-01", "2021-01-02", dt.date(2021, 1, 1)),
        ("datetime", "2021-01-01", "2021-01-01T00:00:01Z", dt.datetime(2021, 1, 1, tzinfo=dt.UTC)),
        ("number", "1.50", "1.51", Decimal("1.5")),
    ],
)
def test_a_key_of_two_columns_is_one_key_of_any_types(datatype: str, known: str, lacking: str, value: Any) -> None:
    keys = Keys((value, "k"))
    validator = Validator(table([{"name": "x", "type": datatype}, {"name": "y", "type": "string"}], ["x", "y"]), keys)
    pairs = [(known, "k"), (lacking, "k"), (known, "j"), (None, "j"), (lacking, None), (known, "k")]
    checked = validator.check(chunk([{"id": "a", "x": x, "y": y} for x, y in pairs]))
    assert [row.row for row in checked.rejected] == [2, 3]
    assert told(checked) == [[("x", "foreign-key")]] * 2
    assert len(keys.asked) == 3


@given(st.lists(st.tuples(*[st.text(st.sampled_from("a:1\x1f"), min_size=1, max_size=3)] * 2), max_size=6), st.data())
def test_keys_of_two_columns_are_not_mixed_up(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    known = data.draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    fields = [{"name": "x", "type": "string"}, {"name": "y", "type": "string"}]
    rows = [{"id": "a", "x": x, "y": y} for x, y in [*pairs, ("0", "0")]]
    checked = Validator(table(fields, ["x", "y"]), Keys(*known)).check(chunk(rows))
    expected = [number for number, pair in enumerate([*pairs, ("0", "0")], 1) if pair not in known]
    assert [row.row for row in checked.rejected] == expected


def test_a_key_whose_parts_look_like_lengths_is_not_taken_for_another() -> None:
    known, other = ("bb", "21" + "c" * 9), ("c" * 9 + "bb21" + "c" * 9, "1")
    fields = [{"name": "x", "type": "string"}, {"name": "y", "type": "string"}]
    rows = [{"id": "a", "x": x, "y": y} for x, y in (known, other)]
    checked = Validator(table(fields, ["x", "y"]), Keys(known)).check(chunk(rows))
    assert [row.row for row in checked.rejected] == [2]


_DAY = r"[0-9]{4}-(0[0-9]|1[0-3])-[0-3][0-9]"
_TIME = r"[0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,7})?)? ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?"
_ALMOST = st.from_regex(f"{_DAY}([Tt ]{_TIME})?", fullmatch=True)
_NUMBERS = st.from_regex(r"[+-]?[0-9]{0,45}(\.[0-9]{0,45})?", fullmatch=True)


@given(st.one_of(_ALMOST, _NUMBERS))
def test_no_cell_makes_a_load_fail(text: str) -> None:
    types = ("integer", "number", "string", "boolean", "date", "datetime")
    fields = [{"name": each, "type": each} for each in types]
    Validator(table(fields), Keys()).check(chunk([{"id": "a"} | dict.fromkeys(types, text)]))


@pytest.mark.parametrize("text", ["2021-07-27T16:02:08 +00:00", "2021-07-27 16:02:08 Z", "2021-07-27t16:02:08 z"])
def test_a_blank_may_stand_before_the_zone(text: str) -> None:
    staged = Validator(table([{"name": "x", "type": "datetime"}]), Keys()).check(chunk([{"id": "a", "x": text}])).staged
    assert staged["x"].to_pylist() == [dt.datetime(2021, 7, 27, 16, 2, 8, tzinfo=dt.UTC)]


def test_of_a_parent_with_very_many_keys_some_are_forgotten_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chalicelib.load.validation._MOST_ASKED", 2)
    keys = Keys(("1",), ("2",), ("3",))
    validator = Validator(table([{"name": "x", "type": "string"}], ["x"]), keys)
    chunks = [chunk([{"id": "a", "x": value} for value in values]) for values in ("12", "12", "394", "1249")]
    parsed = [validator.parse(each) for each in chunks]
    asked, found = [], []
    for each in parsed:
        asked.append(validator.asks(each))
        found.append([row.row for row in validator.finish(each).rejected])
    assert asked == [True, False, True, True]
    assert found == [[], [], [2, 3], [3, 4]]
    assert keys.asked == [("1",), ("2",), ("3",), ("9",), ("4",), ("1",), ("2",), ("4",), ("9",)]
