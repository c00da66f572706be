"""JSON and CSV as they go out."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.responses import MOST_BYTES, csv_response, fitting, json_text
from chalicelib.load.harmless import harmless

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(value=st.recursive(ANY_TEXT | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=4)))
def test_json_text_says_the_same_and_is_utf_8(value: Any) -> None:
    text = json_text(value)
    text.encode()
    assert json.loads(text) == value


@given(cells=st.lists(st.text().filter(lambda text: "\r" not in text), min_size=1, max_size=4))
def test_csv_reads_back_but_for_the_apostrophe_before_a_formula(cells: list[str]) -> None:
    columns = [f"c{number}" for number in range(len(cells))]
    answer = csv_response("x", columns, [dict(zip(columns, cells, strict=True))])
    header, row = csv.reader(io.StringIO(answer.body, newline=""))
    assert (header, row) == (columns, [harmless(cell) for cell in cells])
    numbers = re.compile(r"[+-][0-9]+(\.[0-9]+)?")
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not numbers.fullmatch(cell) for cell in row)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-1, "-1"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        ("-1", "-1"),
        ("-1+1", "'-1+1"),
        ("\tx", "'\tx"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_only_text_is_made_harmless(value: Any, cell: str) -> None:
    body = csv_response("x", ["a", "b"], [{"a": value, "b": 1}]).body
    assert body == f"a,b\r\n{cell},1\r\n"


def test_numbers_that_are_shown_as_text_are_left_alone() -> None:
    assert csv_response("x", ["a"], [{"a": "-1.50"}], numeric=["a"]).body == "a\r\n-1.50\r\n"


@given(sizes=st.lists(st.integers(0, MOST_BYTES), max_size=6))
def test_an_answer_takes_as_much_as_it_has_room_for_and_one_at_least(sizes: list[int]) -> None:
    items = ["x" * size for size in sizes]
    taken = fitting(items)
    assert items[: len(taken)] == list(taken)
    assert len(taken) >= min(len(items), 1)
    assert len(taken) <= 1 or sum(len(item) + 2 for item in taken) <= MOST_BYTES
    if len(taken) < len(items):
        assert sum(len(item) + 2 for item in items[: len(taken) + 1]) > MOST_BYTES
