"""A key that comes twice is told the same way, be it found in the rows as they pass or in the database."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib.dictionary.model import Dictionary
from chalicelib.load import keys, writer
from chalicelib.load.json_source import JsonSource
from chalicelib.load.keys import RepeatedKeys
from chalicelib.load.options import LoadOptions
from chalicelib.load.writer import write
from tests.conftest import TestDatabase
from tests.logged import rejections

ids = st.integers(-3, 3) | st.sampled_from([2**31, "x", None, 2**31 - 1])
row = st.fixed_dictionaries({"id": ids, "department": st.sampled_from(["Sales", "Legal", None])})


def outcome(postgres: TestDatabase, given: list[dict[str, Any]]) -> tuple[Any, ...]:
    """All that a caller learns of the rows, and what the table has; nothing of it stays."""
    table = postgres.dictionary.table("departments")
    with postgres.database.transaction() as transaction:
        written = write(transaction, table, JsonSource(table, given), LoadOptions(), run="r")
        told = rejections(transaction, "r", table.name)
        there = transaction.run("SELECT * FROM departments ORDER BY id")
        transaction.run("ROLLBACK")
        transaction.run("BEGIN")
    return written, told, there


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=st.lists(row, max_size=12))
@example(given=[{"id": 1, "department": "Sales"}, {"id": 1, "department": None}, {"id": 1, "department": "Legal"}])
@example(given=[{"id": 1, "department": None}, {"id": 1, "department": "Sales"}])
def test_both_ways_tell_the_same(postgres: TestDatabase, given: list[dict[str, Any]]) -> None:
    watched = outcome(postgres, given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "MOST_KEYS", -1)
        patch.setattr(writer, "_ANALYZE_FROM", 0)
        assert outcome(postgres, given) == watched


@given(given=st.lists(st.lists(st.none() | st.integers(-5, 5), max_size=6), max_size=5))
def test_the_keys_that_come_twice_are_found_in_whatever_order(
    dictionary: Dictionary, given: list[list[int | None]]
) -> None:
    watch = RepeatedKeys(dictionary.table("departments"))
    for chunk in given:
        watch.watch(pa.table({"id": pa.array(chunk, pa.int64())}))
    flat = [key for chunk in given for key in chunk if key is not None]
    assert watch.found() == sorted({key for key in flat if flat.count(key) > 1})


def test_too_many_keys_are_left_to_the_database(dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST_KEYS", 5)
    watch = RepeatedKeys(dictionary.table("departments"))
    watch.watch(pa.table({"id": [1, 2, 3]}))
    assert watch.found() == []
    watch.watch(pa.table({"id": [4, 5, 6]}))
    assert watch.found() is None
