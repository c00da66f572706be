"""Rows of a JSON batch: each value as the text that a CSV would hold, and what is told of the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.load.json_source import JsonSource
from chalicelib.load.rows import SourceChunk
from tests.pairs import pairs

PAIRS = pairs("integer")


def read(*rows: object, numbers: list[int] | None = None) -> SourceChunk:
    [chunk] = JsonSource(PAIRS, rows, numbers).chunks()
    return chunk


def told(chunk: SourceChunk, index: int = 0) -> list[tuple[str | None, str]]:
    return [(reason.column, reason.code.value) for reason in chunk.faults.get(index, ())]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        ("  a ", "a"),
        ("NULL", "NULL"),
        (1, "1"),
        (2**53 + 1, "9007199254740993"),
        (1.5, "1.5"),
        (1e22, "10000000000000000000000"),
        (-0.0, "-0.0"),
        (True, "true"),
        (False, "false"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        ("x" * 32_768, "x" * 32_768),
    ],
)
def test_a_value_is_the_text_that_a_csv_would_hold(value: Any, text: str | None) -> None:
    chunk = read({"id": 1, "label": value})
    assert chunk.cells["label"].to_pylist() == [text]
    assert told(chunk) == []


@pytest.mark.parametrize("value", [[], {}, [1], {"a": [None]}, "\ud800", "a\udc00b", 10**100])
def test_what_no_cell_can_hold_is_told_of_its_column(value: Any) -> None:
    assert told(read({"id": 1, "label": value})) == [("label", "type-error")]


@pytest.mark.parametrize("row", [None, 1, "a", [], [1, "a"], True, "\ud800"])
def test_a_row_must_be_an_object(row: object) -> None:
    chunk = read({"id": 1}, row)
    assert told(chunk, 1) == [(None, "type-error")]
    assert chunk.cells.to_pylist()[1] == {"id": None, "label": None}


def test_an_absent_column_is_told_when_it_is_required_and_an_unknown_one_always() -> None:
    assert told(read({"label": "a", "Id": 1, "\ud800": 2})) == [
        ("Id", "extra-cell"),
        ("\\ud800", "extra-cell"),
        ("id", "missing-cell"),
    ]
    assert told(read({"id": 1})) == []


def test_rows_count_from_one_or_have_the_numbers_they_are_given_and_no_lines() -> None:
    assert read({}, {}).rows.to_pylist() == [1, 2]
    chunk = read({}, {}, numbers=[7, 3])
    assert (chunk.rows.to_pylist(), chunk.lines.to_pylist()) == ([7, 3], [None, None])


def test_what_is_told_can_be_kept_as_json() -> None:
    chunk = read({"id": [float("nan"), "\ud800"], "label": "\ud800\0"})
    json.dumps([reason.message for reason in chunk.faults[0]]).encode()
    assert chunk.cells["label"].to_pylist() == ["\\ud800\\u0000"]
