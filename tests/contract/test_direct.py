"""Rows that are written directly and rows that go through a staging table: the same tables, counts and rejections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.dictionary.ddl import staging_name
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.load import choice, writer
from chalicelib.load.json_source import JsonSource
from chalicelib.load.options import LoadOptions, OnConflict
from chalicelib.load.writer import Written
from chalicelib.ports import Transaction
from tests.conftest import MakeDatabase, TestDatabase

_REQUIRED = {"required": True}
FAMILY = {
    "resources": [
        {
            "name": "zones",
            "schema": {"fields": [{"name": "zone", "type": "string", "constraints": _REQUIRED}], "primaryKey": "zone"},
        },
        {
            "name": "nodes",
            "schema": {
                "fields": [
                    {"name": "zone", "type": "string", "constraints": _REQUIRED},
                    {"name": "number", "type": "integer", "constraints": _REQUIRED | {"maximum": 2**40}},
                    {"name": "under_zone", "type": "string"},
                    {"name": "under", "type": "integer", "constraints": {"maximum": 2**40}},
                    {"name": "twin", "type": "integer", "constraints": {"maximum": 2**40}},
                    {"name": "price", "type": "number", "precision": 10, "scale": 2},
                    {"name": "open", "type": "boolean"},
                    {"name": "day", "type": "date"},
                    {"name": "moment", "type": "datetime"},
                    {"name": "label", "type": "string", "constraints": {"maxLength": 20}},
                ],
                "primaryKey": ["zone", "number"],
                "foreignKeys": [
                    {"fields": "zone", "reference": {"resource": "zones", "fields": "zone"}},
                    {"fields": ["under_zone", "under"], "reference": {"resource": "", "fields": ["zone", "number"]}},
                    {"fields": ["zone", "twin"], "reference": {"resource": "", "fields": ["zone", "number"]}},
                ],
            },
        },
    ]
}
Row = dict[str, Any]
Outcome = tuple[Written, list[tuple[Any, ...]], list[tuple[Any, ...]]]

_ODD = "é,\"'\\{}"
_NUMBERS = st.sampled_from(["1", "2", "3", "+4", "05"])


def mostly(good: st.SearchStrategy[Any], *bad: Any) -> st.SearchStrategy[Any]:
    """One in a dozen is bad: rows that are at fault for themselves have little to do with one another."""
    return st.integers(0, 11).flatmap(lambda draw: good if draw or not bad else st.sampled_from(bad))


def _node(draw: st.DrawFn) -> Row:
    zone = draw(mostly(st.sampled_from(["a", "a", "a", "NULL", _ODD]), "nowhere", None))
    under = draw(st.sampled_from([None, "1", "3", "05", "9", "x"]))
    optional = {
        "price": mostly(st.sampled_from([None, "0", "-0.10", "12.5", "12345678.99", 3]), "1.234"),
        "open": mostly(st.sampled_from([None, True, False, "1"]), "no"),
        "day": mostly(st.sampled_from([None, "2021-07-27", "0001-01-01", "9999-12-31"]), "2021-02-30"),
        "moment": mostly(st.sampled_from([None, "2021-07-27T16:02:08Z", "2021-07-27T16:02:08.12+05:30", "0987-01-01"])),
        "label": mostly(
            st.one_of(st.text(max_size=9), st.sampled_from(['"a"', "a\\b", "{1,2}", "null"])), "\0", "x" * 21
        ),
        "extra": st.just(1),
    }
    chosen = draw(st.sets(st.sampled_from([*optional] * 2 if draw(st.integers(0, 9)) == 0 else [*optional][:-1])))
    return {
        "zone": zone,
        "number": draw(mostly(_NUMBERS, "1.5", None)),
        "under_zone": draw(st.sampled_from([zone, zone, "a", None])) if under else None,
        "under": under,
        "twin": draw(mostly(st.one_of(st.none(), st.none(), _NUMBERS), "8")),
        **{name: draw(optional[name]) for name in sorted(chosen)},
    }


ROWS = st.lists(st.composite(_node)(), min_size=1, max_size=9)
NODE = {"zone": "a", "number": "1", "under_zone": None, "under": None, "twin": None}


@pytest.fixture(scope="module")
def postgres(make_database: MakeDatabase) -> Iterator[TestDatabase]:
    with make_database(parse_dictionary(FAMILY)) as database:
        database.query("INSERT INTO zones VALUES ('a'), ('NULL'), (:odd)", odd=_ODD)
        database.query(
            """INSERT INTO nodes (zone, number, price, "open", day, moment, label) VALUES
            ('a', 1, 0, NULL, NULL, NULL, NULL), ('a', 2, 12.5, true, '2021-07-27', '2021-07-27T16:02:08Z', 'null')"""
        )
        yield database


class _UndoneError(Exception):
    pass


def outcome(postgres: TestDatabase, work: Callable[[Transaction, Table], Written]) -> Outcome:
    """What the work leaves in the table and in the log, which is then undone."""
    result: list[Outcome] = []
    with suppress(_UndoneError), postgres.database.transaction() as transaction:
        written = work(transaction, postgres.dictionary.table("nodes"))
        rows = transaction.run("SELECT * FROM nodes ORDER BY zone, number")
        logged = transaction.run("SELECT table_name, row, line, cells, reasons FROM decant.rejections ORDER BY row")
        result = [(written, rows, logged)]
        raise _UndoneError
    return result[0]


@settings(max_examples=150, deadline=None)
@given(
    rows=ROWS,
    on_conflict=st.sampled_from(OnConflict),
    max_rejected=st.sampled_from([None, None, 0.0, 0.3]),
    first=st.sampled_from([1, 40]),
)
@example([NODE | {"number": "8", "under_zone": "a", "under": "9"}] * 2, OnConflict.SKIP, None, 1)
@example([NODE | {"number": each, "twin": "89x"[n]} for n, each in enumerate("789")], OnConflict.UPDATE, None, 1)
@example([NODE | {"label": "taken"}, NODE | {"number": "8"}], OnConflict.REJECT, 0.0, 1)
def test_both_ways_agree(
    postgres: TestDatabase, rows: list[Row], on_conflict: OnConflict, max_rejected: float | None, first: int
) -> None:
    numbers = list(range(first, first + len(rows)))[:: -1 if first > 1 else 1]
    options = LoadOptions(on_conflict, max_rejected)

    def staged(transaction: Transaction, table: Table) -> Written:
        return writer.write(transaction, table, JsonSource(table, rows, numbers), options, run="r")

    def direct(transaction: Transaction, table: Table) -> Written:
        return choice.write(transaction, table, JsonSource(table, rows, numbers), options, run="r")

    through_staging = outcome(postgres, staged)
    assert outcome(postgres, direct) == through_staging
    counts = through_staging[0].counts
    assert counts.read == len(rows) == counts.inserted + counts.updated + counts.unchanged + counts.rejected


def test_many_rows_go_through_staging_and_few_do_not(postgres: TestDatabase) -> None:
    rows = [NODE | {"number": str(number)} for number in range(100, 100 + choice.FEW)]

    def staged(few: list[Row]) -> bool:
        with postgres.database.transaction() as transaction:
            table = postgres.dictionary.table("nodes")
            choice.write(transaction, table, JsonSource(table, few), LoadOptions(), run="r")
            [(made,)] = transaction.run("SELECT count(*) FROM pg_class WHERE relname = :name", name=staging_name(table))
            transaction.run("ROLLBACK AND CHAIN")
            return bool(made)

    postgres.database.close()
    assert (staged(rows[1:]), staged(rows)) == (False, True)
