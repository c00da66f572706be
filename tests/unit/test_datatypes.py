"""The logical types: what text they read, and that what they render is read back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dictionary.datatypes import Boolean, DataType, Date, DateTime, Integer, Number, String

UTC = dt.UTC
NOON = dt.datetime(2021, 7, 27, 12, tzinfo=UTC)


def parse(datatype: DataType, *texts: str | None) -> list[Any]:
    """What each text is as a value of the type."""
    values: list[Any] = datatype.parse(pa.array(texts, pa.string())).to_pylist()
    return values


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.0", 1), ("1.", 1), ("+1", 1), ("-0", 0), ("007", 7), ("-2147483649", -2147483649)],
)
def test_whole_numbers(text: str, value: int) -> None:
    assert parse(Integer(), text) == [value]


@pytest.mark.parametrize("text", ["1.5", "1e3", "true", "NaN", "１２", "0x10", "1_000", "1 0", "", "-", "+-1", "1\n"])  # noqa: RUF001
def test_no_whole_numbers(text: str) -> None:
    assert parse(Integer(), text) == [None]


def test_a_number_of_any_length_is_one_and_beyond_64_bits_it_is_beyond_every_bound() -> None:
    long = ["9" * 30, "-" + "9" * 30, "0" * 40 + "5", "9" * 5000, str(2**63 - 2)]
    assert parse(Integer(wide=True), *long) == [2**63 - 1, -(2**63), 5, 2**63 - 1, 2**63 - 2]
    low, high = Integer(wide=True).bounds
    assert low > -(2**63)
    assert high < 2**63 - 1


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", "1.00"), ("1.5", "1.50"), ("+1.50000", "1.50"), ("-0.01", "-0.01"), ("0012345678.9", "12345678.90")],
)
def test_decimal_numbers(text: str, value: str) -> None:
    assert parse(Number(10, 2), text) == [Decimal(value)]


@pytest.mark.parametrize("text", ["0.001", "123456789", "1e3", "NaN", "Infinity", ".5", "1,5", "$1"])
def test_no_decimal_numbers_of_ten_digits_two_behind_the_point(text: str) -> None:
    assert parse(Number(10, 2), text) == [None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2021-07-27T12:00:00Z", NOON),
        ("2021-07-27 12:00", NOON),
        ("2021-07-27t12:00:00z", NOON),
        ("2021-07-27T14:00:00+02:00", NOON),
        ("2021-07-27T07:00-0500", NOON),
        ("2021-07-27 12:00:00+00", NOON),
        ("2021-07-27", NOON.replace(hour=0)),
        ("2021-07-27T12:00:00.000001Z", NOON.replace(microsecond=1)),
        ("2020-02-29T00:00:00Z", dt.datetime(2020, 2, 29, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", dt.datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_moments(text: str, value: dt.datetime) -> None:
    assert parse(DateTime(), text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "2021-02-29T00:00:00Z",
        "1900-02-29",
        "2021-04-31",
        "2021-13-01",
        "2021-07-27T24:00:00Z",
        "2021-07-27T12:60",
        "2021-07-27T12:00:60Z",
        "2021-07-27T12:00:00.1234567Z",
        "0000-01-01",
        "10000-01-01",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2021-07-27T12:00:00+15:00",
        "27/07/2021",
        "44404.5",
        "soon",
    ],
)
def test_no_moments(text: str) -> None:
    assert parse(DateTime(), text) == [None]


def test_dates_lose_the_midnight_of_a_workbook_and_no_other_time() -> None:
    assert parse(Date(), "2021-07-27", "2021-07-27 00:00:00", "2021-07-27T00:00Z") == [NOON.date()] * 3
    assert parse(Date(), "2021-07-27T12:00:00", "2021-02-30", "0000-01-01") == [None] * 3


def test_truth_values() -> None:
    assert parse(Boolean(), "true", "TRUE", "1", "false", "0") == [True, True, True, False, False]
    assert parse(Boolean(), "yes", "2", "1.0") == [None] * 3


def test_text_takes_anything_but_u0000() -> None:
    assert parse(String(), "=1+1", "NULL", "ñ🙂", "a\0b") == ["=1+1", "NULL", "ñ🙂", None]


@pytest.mark.parametrize("datatype", [Integer(), Number(), String(), Boolean(), Date(), DateTime()])
def test_missing_stays_missing_and_an_empty_column_empty(datatype: DataType) -> None:
    assert parse(datatype, None) == [None]
    assert datatype.parse(pa.array([], pa.string())).type == datatype.arrow


VALUES: dict[DataType, st.SearchStrategy[Any]] = {
    Integer(wide=True): st.integers(-(2**63) + 1, 2**63 - 2),
    Number(): st.decimals(-(10**20), 10**20, places=9),
    Number(4, 0): st.decimals(-9999, 9999, places=0),
    Number(3, 3): st.decimals("-0.999", "0.999", places=3),
    Boolean(): st.booleans(),
    Date(): st.dates(),
    DateTime(): st.datetimes(timezones=st.just(UTC)),
}


@given(st.sampled_from(list(VALUES)).flatmap(lambda each: st.tuples(st.just(each), VALUES[each])))
def test_what_is_rendered_is_read_back(case: tuple[DataType, Any]) -> None:
    datatype, value = case
    text = str(datatype.render(value))
    assert parse(datatype, text) == [value]


@given(st.text())
def test_no_text_makes_a_type_fail(text: str) -> None:
    for datatype in VALUES:
        parse(datatype, text, text.strip())
