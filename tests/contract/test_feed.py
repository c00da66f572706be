"""Rows are sent while others are read: in their order, all of them or none, and what goes wrong is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import sleep
from typing import cast

import pyarrow as pa
import pytest

from chalicelib.errors import DecantError, IntegrityViolation
from chalicelib.load import feed as feed_module
from chalicelib.load.feed import Feed
from chalicelib.ports import Transaction
from tests.conftest import TestDatabase


def rows(*numbers: int) -> pa.Table:
    return pa.table({"id": numbers, "department": [f"d{number}" for number in numbers]})


def count(transaction: Transaction) -> int:
    [(found,)] = transaction.run("SELECT count(*) FROM departments")
    return int(found)


def test_what_is_sent_is_there_when_it_was_waited_for_and_at_the_end(postgres: TestDatabase) -> None:
    with postgres.database.transaction() as transaction:
        with Feed(transaction) as feed:
            for number in range(40):
                feed.send("departments", rows(number))
            feed.wait()
            assert count(transaction) == 40
            feed.send("departments", rows(40))
        assert count(transaction) == 41


def test_rows_go_in_as_they_come_in_copies_of_a_bounded_length(
    postgres: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_MOST_ROWS", 4)
    with postgres.database.transaction() as transaction:
        transaction.run_script(
            """CREATE TEMP TABLE sent (id integer, department text);
            CREATE TEMP TABLE copies (place serial, rows integer);
            CREATE FUNCTION pg_temp.told() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN INSERT INTO pg_temp.copies (rows) SELECT count(*) FROM new; RETURN NULL; END';
            CREATE TRIGGER told AFTER INSERT ON sent REFERENCING NEW TABLE AS new
                FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.told()"""
        )
        with Feed(transaction) as feed:
            for number in (0, 2, 4, 6, 8):
                feed.send("pg_temp.sent", rows(number, number + 1))
            feed.send("departments", rows(1))
            feed.send("pg_temp.sent", rows(10))
        assert transaction.run("SELECT rows FROM copies ORDER BY place") == [(4,), (4,), (2,), (1,)]
        assert count(transaction) == 1


@pytest.mark.parametrize(("bytes_of_room", "most"), [(20_000, 3), (8, 1), (2**30, 8)])
def test_few_tables_wait_and_few_bytes_of_long_ones(
    monkeypatch: pytest.MonkeyPatch, bytes_of_room: int, most: int
) -> None:
    """What waits is less than the room, and one table more."""
    monkeypatch.setattr(feed_module, "_MOST_BYTES", bytes_of_room)
    table = pa.table({"id": pa.array(range(1_000), pa.int64())})  # 8,000 bytes
    made = taken = 0
    waiting = []

    class Slow:
        def copy_in(self, _: str, tables: Iterator[pa.Table]) -> int:
            nonlocal taken
            for _table in tables:
                taken += 1
                sleep(0.002)
                waiting.append(made - taken)
            return 0

    with Feed(cast(Transaction, Slow())) as feed:
        for _ in range(30):
            feed.send("departments", table)
            made += 1
    assert taken == 30
    assert max(waiting) <= most


def test_what_goes_wrong_in_the_database_is_told_however_much_is_sent_after_it(postgres: TestDatabase) -> None:
    with pytest.raises(IntegrityViolation), postgres.database.transaction() as transaction, Feed(transaction) as feed:
        for _ in range(100):
            feed.send("departments", rows(1))
    assert postgres.rows("departments") == []


def test_what_can_not_be_sent_is_told_at_the_end(postgres: TestDatabase) -> None:
    with (
        pytest.raises(DecantError, match="does not fit"),
        postgres.database.transaction() as transaction,
        Feed(transaction) as feed,
    ):
        feed.send("departments", pa.table({"id": [2**40], "department": ["x"]}))
    assert postgres.rows("departments") == []


def test_an_error_of_the_reader_leaves_no_row_no_thread_and_a_database_that_works(postgres: TestDatabase) -> None:
    with (
        pytest.raises(OSError, match="the source broke"),
        postgres.database.transaction() as transaction,
        Feed(transaction) as feed,
    ):
        feed.send("departments", rows(1))
        raise OSError("the source broke")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("feed")]
    assert postgres.rows("departments") == []
