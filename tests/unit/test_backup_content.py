"""The checksum of a table's content."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.content import ContentChecksum
from tests.contract.backup_support import stock, tables

SHELVES = stock().table("shelves")
ROW = {
    "site": "a", "number": 1, "within_site": None, "within_number": None,
    "counted": dt.datetime(2021, 1, 1, tzinfo=dt.UTC), "worth": Decimal("1.500000000"), "big": 2**59 + 1,
}  # fmt: skip


def checksum(*chunks: pa.Table) -> str:
    content = ContentChecksum(SHELVES.arrow)
    for chunk in chunks:
        content.add(chunk)
    return content.hexdigest()


def of_rows(*rows: dict[str, Any]) -> str:
    return checksum(pa.Table.from_pylist(list(rows), schema=SHELVES.arrow))


@given(tables(SHELVES), st.integers(1, 31))
def test_it_does_not_depend_on_the_chunks(rows: list[dict[str, Any]], cut: int) -> None:
    whole = pa.Table.from_pylist(rows, schema=SHELVES.arrow)
    assert checksum(*(whole.slice(at, cut) for at in range(0, len(rows), cut))) == checksum(whole)


@given(tables(SHELVES, max_size=4), tables(SHELVES, max_size=4))
def test_it_tells_any_two_tables_apart(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    assert (of_rows(*one) == of_rows(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([{"within_site": None}], [{"within_site": ""}]),
        ([{"within_number": None}], [{"within_number": 0}]),
        ([{"site": "ab"}, {"site": "c"}], [{"site": "a"}, {"site": "bc"}]),
        ([{"within_site": "x"}, {"within_site": None}], [{"within_site": None}, {"within_site": "x"}]),
        ([{"worth": Decimal("0.1")}], [{"worth": Decimal("0.100000001")}]),
        ([{"worth": Decimal(1)}, {}], [{}, {"worth": Decimal(1)}]),
        ([{}], [{}, {}]),
    ],
)
def test_small_changes_change_it(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    assert of_rows(*({**ROW, **row} for row in one)) != of_rows(*({**ROW, **row} for row in other))


def test_it_is_the_same_in_every_release() -> None:
    """Backups on the shelf carry it: a change of this value is a new format of the manifest."""
    assert of_rows(ROW, {**ROW, "site": "ñ", "worth": None}) == (
        "e3a2d0cbe8d5fa01efa9bf26a765c51b0f225c8cbc53a8bb563d0f8e2b5a62f2"
    )


def test_it_counts() -> None:
    content = ContentChecksum(SHELVES.arrow)
    content.add(pa.Table.from_pylist([ROW, ROW], schema=SHELVES.arrow))
    assert content.rows == 2
