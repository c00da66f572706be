"""How strictly a body is read."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.body import MOST_BYTES, read_json
from chalicelib.errors import BadRequest, TooLarge, UnsupportedMedia

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(body: bytes) -> Any:
    return read_json(body, "application/json", None)


def numbers_as_text(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int() | float():
            return json.dumps(value)
        case list():
            return [numbers_as_text(each) for each in value]
        case dict():
            return {name: numbers_as_text(each) for name, each in value.items()}
        case _:
            return value


@given(value=JSON)
def test_json_is_read_as_it_is_with_numbers_as_they_are_written(value: Any) -> None:
    assert read(json.dumps(value).encode()) == numbers_as_text(value)


@given(body=st.binary(max_size=200))
def test_what_is_not_json_is_an_error_of_ours(body: bytes) -> None:
    with suppress(BadRequest):
        read(body)


@pytest.mark.parametrize("number", ["1.0", "1e3", "-0", "1E400", "9" * 5000, "0.1000000000000000000001"])
def test_a_number_is_neither_rounded_nor_refused(number: str) -> None:
    assert read(f"[{number}]".encode()) == [number]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"[1,]", "column"),
        (b"[1] 2", "Extra data at line 1, column 5"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' twice"),
        (b"\xff", "byte 1"),
        (b"[" * 33 + b"]" * 33, "deeper than 32"),
        (b"[" * 1_000_000, "deeper than 32"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        read(body)


def test_brackets_in_text_are_no_depth() -> None:
    assert read(json.dumps(["[" * 100, '"' + "{" * 100]).encode()) == ["[" * 100, '"' + "{" * 100]


def test_a_body_has_a_most() -> None:
    assert read(b" " * (MOST_BYTES - 2) + b"[]") == []
    with pytest.raises(TooLarge, match="/uploads"):
        read(b" " * (MOST_BYTES - 1) + b"[]")


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/xml", "application/json; charset=latin-1", ";"]
)
def test_only_json_in_utf_8_is_read(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia, match="application/json"):
        read_json(b"[]", content_type, None)


@pytest.mark.parametrize(("encoding", "reads"), [(None, True), ("identity", True), ("gzip", False), ("br", False)])
def test_only_a_plain_body_is_read(encoding: str | None, reads: bool) -> None:
    if reads:
        assert read_json(b"[]", None, encoding) == []
    else:
        with pytest.raises(UnsupportedMedia):
            read_json(b"[]", None, encoding)
