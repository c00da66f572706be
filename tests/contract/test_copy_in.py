"""COPY into Postgres: whatever rows the dictionary's types allow, the database has them as they were sent."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.dictionary.datatypes import Boolean, DataType, Date, DateTime, Integer, Number, String
from chalicelib.dictionary.model import Column
from chalicelib.dictionary.names import quote
from chalicelib.errors import DecantError
from chalicelib.ports import Transaction
from tests.conftest import TestDatabase
from tests.contract.backup_support import values

TYPES: list[DataType] = [
    Integer(),
    Integer(wide=True),
    String(),
    Boolean(),
    Date(),
    DateTime(),
    *(Number(*digits) for digits in [(38, 9), (38, 0), (38, 38), (4, 4), (18, 2), (1, 0), (37, 36)]),
]
datatypes = st.sampled_from(TYPES)


def column(index: int, datatype: DataType, required: bool) -> Column:
    bounds = datatype.bounds if isinstance(datatype, Integer) else (None, None)
    return Column(f"c{index}", datatype, required, minimum=bounds[0], maximum=bounds[1])


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], pa.Table]:
    """Columns of any types, and rows of them that begin somewhere within a bigger table, in pieces."""
    types = draw(st.lists(datatypes, min_size=1, max_size=6))
    columns = [column(index, datatype, draw(st.booleans())) for index, datatype in enumerate(types)]
    rows = draw(st.lists(st.fixed_dictionaries({each.name: values(each) for each in columns}), max_size=20))
    whole = pa.Table.from_pylist(rows, schema=pa.schema([each.arrow for each in columns]))
    cut = draw(st.integers(0, len(rows)))
    return columns, pa.concat_tables([whole.slice(cut), whole.slice(0, cut)])


def sent_and_read_back(transaction: Transaction, columns: list[Column], rows: pa.Table) -> pa.Table:
    """What the database has of the rows, in their order."""
    types = ", ".join(f"{quote(each.name)} {each.type.postgres}" for each in columns)
    transaction.run_script(f"CREATE TEMP TABLE sent (place bigserial, {types}) ON COMMIT DROP")
    assert transaction.copy_in("pg_temp.sent", [rows]) == len(rows)
    back = transaction.read("SELECT * FROM sent ORDER BY place", rows.schema.insert(0, pa.field("place", pa.int64())))
    transaction.run_script("DROP TABLE sent")
    return back.drop_columns("place")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=tables())
def test_whatever_is_sent_is_there(postgres: TestDatabase, given: tuple[list[Column], pa.Table]) -> None:
    columns, rows = given
    with postgres.database.transaction() as transaction:
        assert sent_and_read_back(transaction, columns, rows).to_pylist() == rows.to_pylist()


def test_rows_of_many_blocks_are_all_there(postgres: TestDatabase) -> None:
    columns = [column(0, Integer(wide=True), False), column(1, String(), False), column(2, Number(38, 9), False)]
    texts = ["x" * (index % 17) if index % 3 else None for index in range(40_000)]
    rows = pa.table({"c0": range(40_000), "c1": texts, "c2": pa.nulls(40_000, pa.decimal128(38, 9))})
    with postgres.database.transaction() as transaction:
        same = sent_and_read_back(transaction, columns, rows).equals(rows)
    assert same


@pytest.mark.parametrize(
    ("postgres_type", "arrow", "sent"),
    [
        ("smallint", pa.int64(), [-(2**15), 2**15 - 1, None]),
        ("bigint", pa.int32(), [-(2**31), 2**31 - 1, None]),
        ("jsonb", pa.string(), ['{"a": "ñ\\n"}', "[]", None]),
        ("timestamptz", pa.timestamp("ms", "UTC"), [dt.datetime(1999, 12, 31, 23, 59, 59, tzinfo=dt.UTC), None]),
        ("text", pa.large_string(), ["", "🙂", None]),
    ],
)
def test_a_type_that_the_dictionary_does_not_have_is_sent_as_the_column_wants_it(
    postgres: TestDatabase, postgres_type: str, arrow: pa.DataType, sent: list[Any]
) -> None:
    with postgres.database.transaction() as transaction:
        transaction.run_script(f"CREATE TEMP TABLE sent (place serial, c {postgres_type}) ON COMMIT DROP")
        transaction.copy_in("sent", [pa.table({"c": pa.array(sent, arrow)})])
        back = [value for (value,) in transaction.run("SELECT c FROM sent ORDER BY place")]
    assert back == [json.loads(value) if postgres_type == "jsonb" and value else value for value in sent]


@pytest.mark.parametrize(
    ("postgres_type", "sent", "told"),
    [("integer", 2**31, "column c does not fit its type integer"), ("point", 1, "not taught .* point")],
)
def test_what_a_column_can_not_hold_is_refused_and_the_next_transaction_works(
    postgres: TestDatabase, postgres_type: str, sent: Any, told: str
) -> None:
    with pytest.raises(DecantError, match=told), postgres.database.transaction() as transaction:
        transaction.run_script(f"CREATE TEMP TABLE sent (c {postgres_type}) ON COMMIT DROP")
        transaction.copy_in("sent", [pa.table({"c": pa.array([sent])})])
    assert postgres.query("SELECT 1") == [(1,)]


def test_rows_that_vanish_in_the_database_are_noticed(postgres: TestDatabase) -> None:
    with (
        pytest.raises(DecantError, match="sent 2 rows, and Postgres took 1"),
        postgres.database.transaction() as transaction,
    ):
        transaction.run_script(
            """CREATE TEMP TABLE sent (c integer) ON COMMIT DROP;
            CREATE FUNCTION pg_temp.drop_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
            CREATE TRIGGER drop_it BEFORE INSERT ON sent FOR EACH ROW WHEN (NEW.c = 1)
            EXECUTE FUNCTION pg_temp.drop_it()"""
        )
        transaction.copy_in("sent", [pa.table({"c": [1, 2]})])


def test_tables_that_come_one_by_one_are_one_copy(postgres: TestDatabase) -> None:
    def each() -> Iterator[pa.Table]:
        for number in range(5):
            yield pa.table({"id": [number][: number % 2]})

    with postgres.database.transaction() as transaction:
        transaction.run_script("CREATE TEMP TABLE sent (id integer) ON COMMIT DROP")
        assert transaction.copy_in("sent", each()) == 2
        assert transaction.copy_in("sent", []) == 0
        assert transaction.run("SELECT id FROM sent ORDER BY id") == [(1,), (3,)]
