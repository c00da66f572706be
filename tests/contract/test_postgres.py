"""The Postgres adapter against a real server."""

from __future__ import annotations

import datetime as dt
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pg8000
import pyarrow as pa
import pytest

from chalicelib.errors import DecantError, IntegrityViolation, TooLarge, Unavailable
from chalicelib.load.staging import Staging
from chalicelib.postgres import PostgresDatabase, PostgresTransaction, close_connection
from tests.conftest import TestDatabase

MOMENT = dt.datetime(2021, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("moment", pa.timestamp("us", "UTC")),
        pa.field("day", pa.date32()),
        pa.field("sure", pa.bool_()),
        pa.field("amount", pa.decimal128(38, 9)),
    ]
)
CREATE = """CREATE TEMP TABLE odd
(id bigint PRIMARY KEY, label text, moment timestamptz, day date, sure boolean, amount numeric(38, 9))"""
ROWS: list[dict[str, Any]] = [
    {"id": 2**62, "label": "O'Kinneally \\.", "moment": MOMENT, "day": dt.date(1, 1, 1), "sure": True,
     "amount": Decimal("-0.000000001")},
    {"id": -5, "label": 'quo"ted,\nline\r\n', "moment": dt.datetime(1, 1, 1, tzinfo=dt.UTC), "day": None, "sure": False,
     "amount": Decimal("12345678901234567890123456789.123456789")},
    {"id": 0, "label": None, "moment": None, "day": dt.date(9999, 12, 31), "sure": None, "amount": None},
    {"id": 1, "label": "\\.", "moment": dt.datetime(9999, 12, 31, tzinfo=dt.UTC), "day": None, "sure": None,
     "amount": Decimal(0)},
    {"id": 3, "label": "ñ 🙂 \u2028 NULL", "moment": None, "day": None, "sure": None, "amount": None},
]  # fmt: skip


def test_every_type_comes_back_from_copy_as_it_went_in(postgres: TestDatabase) -> None:
    rows = pa.Table.from_pylist(ROWS, schema=SCHEMA)
    with postgres.database.transaction() as transaction:
        transaction.run(CREATE)
        assert transaction.copy_in("odd", [rows]) == len(ROWS)
        back = transaction.read("SELECT * FROM odd ORDER BY id", SCHEMA)
    assert back.to_pylist() == sorted(ROWS, key=lambda row: row["id"])


def test_reading_no_rows_gives_an_empty_table(postgres: TestDatabase) -> None:
    with postgres.database.transaction() as transaction:
        transaction.run(CREATE)
        assert transaction.read("SELECT * FROM odd", SCHEMA) == SCHEMA.empty_table()


def test_texts_that_are_too_long_are_not_sent(postgres: TestDatabase) -> None:
    """So many of them would be more than Postgres can put together. The transaction goes on."""
    schema = pa.schema([("text", pa.string())])
    with postgres.database.transaction() as transaction:
        with pytest.raises(TooLarge, match="column text has 20000000 bytes"):
            transaction.read("SELECT repeat('x', 20000000) FROM generate_series(1, 60)", schema, 10)
        back = transaction.read("VALUES ('ééééé'), (NULL), ('')", schema, 10)
        with pytest.raises(TooLarge, match="has 11 bytes"):
            transaction.read("VALUES ('éééééx'), (NULL)", schema, 10)
    assert back["text"].to_pylist() == ["ééééé", None, ""]


@pytest.mark.parametrize(
    "value", ["timestamptz '-infinity'", "timestamptz 'infinity'", "date '-infinity'", "date 'infinity'"]
)
def test_an_infinite_time_is_refused(postgres: TestDatabase, value: str) -> None:
    type_ = pa.timestamp("us", "UTC") if value.startswith("timestamptz") else pa.date32()
    with pytest.raises(DecantError, match="infinite time"), postgres.database.transaction() as transaction:
        transaction.read(f"SELECT {value}", pa.schema([pa.field("when", type_)]))


def test_a_number_that_is_none_is_refused(postgres: TestDatabase) -> None:
    schema = pa.schema([pa.field("price", pa.decimal128(5, 2))])
    with pytest.raises(DecantError, match="column price"), postgres.database.transaction() as transaction:
        transaction.read("SELECT CAST('NaN' AS numeric(5, 2))", schema)


def test_leaving_with_an_error_rolls_back(postgres: TestDatabase) -> None:
    with pytest.raises(RuntimeError), postgres.database.transaction() as transaction:
        transaction.run("INSERT INTO departments VALUES (1, 'Sales')")
        raise RuntimeError
    assert postgres.rows("departments") == []


def test_an_error_in_the_middle_of_a_copy_loads_nothing_and_the_next_transaction_works(postgres: TestDatabase) -> None:
    schema = postgres.dictionary.table("departments").arrow

    def rows() -> Iterator[pa.Table]:
        yield pa.Table.from_pylist([{"id": n, "department": "x" * 1000} for n in range(9000)], schema=schema)
        raise OSError("the source broke")

    with pytest.raises(OSError, match="the source broke"), postgres.database.transaction() as transaction:
        transaction.copy_in("departments", rows())
    assert postgres.rows("departments") == []


def test_a_violated_constraint_is_named(postgres: TestDatabase) -> None:
    with pytest.raises(IntegrityViolation) as caught, postgres.database.transaction() as transaction:
        transaction.run("INSERT INTO hired_employees VALUES (1, 'Ann', now(), 5, 5)")
    assert caught.value.sqlstate == "23503"
    assert "department_id" in caught.value.constraint


def test_a_connection_that_the_server_closed_is_replaced(postgres: TestDatabase) -> None:
    [(process,)] = postgres.query("SELECT pg_backend_pid()")
    with postgres.as_admin() as admin:
        admin.execute_simple(f"SELECT pg_terminate_backend({process})")
    assert postgres.query("SELECT 1") == [(1,)]


def test_a_connection_lost_within_a_transaction_is_told_as_unavailable(postgres: TestDatabase) -> None:
    with pytest.raises(Unavailable), postgres.database.transaction() as transaction:
        [(process,)] = transaction.run("SELECT pg_backend_pid()")
        with postgres.as_admin() as admin:
            admin.execute_simple(f"SELECT pg_terminate_backend({process})")
        transaction.run("SELECT 1")


def test_a_password_that_was_rotated_is_fetched_once_more(postgres: TestDatabase) -> None:
    stale = replace(postgres.app, password="old")
    fetched = [stale, postgres.app]
    database = PostgresDatabase(lambda: fetched.pop(0).connect())
    with database.transaction() as transaction:
        assert transaction.run("SELECT 1") == [(1,)]
    database.close()
    wrong = [stale] * 3
    with pytest.raises(Unavailable), PostgresDatabase(lambda: wrong.pop().connect()).transaction():
        pass
    assert len(wrong) == 1


def interrupted(transaction: PostgresTransaction) -> None:
    transaction.run("SET LOCAL statement_timeout = '10ms'")
    transaction.run("SELECT pg_sleep(5)")


def read_only(transaction: PostgresTransaction) -> None:
    transaction.run("SET LOCAL transaction_read_only = on")
    transaction.run("DELETE FROM jobs")


def kept_idle(transaction: PostgresTransaction) -> None:
    transaction.run("SET LOCAL idle_in_transaction_session_timeout = '10ms'")
    transaction._connection._usock.recv(1, socket.MSG_PEEK)  # what the server says at last
    transaction.run("SELECT 1")


@pytest.mark.parametrize("work", [interrupted, read_only, kept_idle])
def test_after_an_interruption_the_next_transaction_has_another_connection(
    postgres: TestDatabase, work: Callable[[PostgresTransaction], None]
) -> None:
    before = postgres.query("SELECT pg_backend_pid()")
    with pytest.raises(Unavailable), postgres.database.transaction() as transaction:
        work(transaction)
    assert postgres.query("SELECT pg_backend_pid()") != before


def test_a_lock_that_is_kept_is_not_waited_for_without_end(postgres: TestDatabase) -> None:
    assert postgres.query("SHOW lock_timeout") == [("8s",)]
    with postgres.as_owner() as owner:
        owner.execute_simple("BEGIN; LOCK TABLE departments")
        with pytest.raises(Unavailable), postgres.database.transaction() as transaction:
            transaction.run("SET LOCAL lock_timeout = '10ms'")
            transaction.run("SELECT FROM departments")
    assert postgres.rows("departments") == []


def test_the_server_ends_a_long_statement_whose_client_is_gone(postgres: TestDatabase) -> None:
    assert postgres.query("SHOW client_connection_check_interval") == [("10s",)]
    app = postgres.app  # not prepared, for its first look would then be after 10 s
    worker = pg8000.connect(app.user, app.host, app.database, app.port, app.password)
    worker.execute_simple("SET client_connection_check_interval = '10ms'; SELECT pg_advisory_lock(4242)")
    statement = b"SELECT pg_sleep(3600)\0"
    worker._usock.sendall(b"Q" + struct.pack("!i", 4 + len(statement)) + statement)
    worker._usock.shutdown(socket.SHUT_RDWR)
    with postgres.as_owner() as owner:
        owner.execute_simple("SELECT pg_advisory_lock(4242)")  # or it would give up
    close_connection(worker)


def test_an_error_that_the_server_tells_costs_no_connection(postgres: TestDatabase) -> None:
    before = postgres.query("SELECT pg_backend_pid()")
    with pytest.raises(DecantError), postgres.database.transaction() as transaction:
        transaction.run("SELECT 1 / 0")
    rows = pa.table({"id": [1, 2], "department": ["a", "b\0"]})
    with pytest.raises(DecantError, match="invalid byte"), postgres.database.transaction() as transaction:
        transaction.copy_in("departments", [rows] * 3)
    assert postgres.query("SELECT pg_backend_pid()") == before


def test_no_answer_is_left_for_the_next_transaction_by_an_exception_in_the_middle_of_one(
    postgres: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    with pytest.raises(MemoryError), postgres.database.transaction() as transaction:
        handlers = transaction._connection.message_types
        monkeypatch.setitem(handlers, b"D", broken)
        transaction.run("SELECT 'of the first'")
    assert postgres.query("SELECT 'of the second'") == [("of the second",)]


def test_a_transaction_that_failed_unnoticed_is_not_taken_for_committed(postgres: TestDatabase) -> None:
    with pytest.raises(Unavailable), postgres.database.transaction() as transaction:
        transaction.run("INSERT INTO departments VALUES (1, 'Sales')")
        with suppress(DecantError):
            transaction.run("SELECT nothing")


@pytest.mark.parametrize("sql", ["SELECT nothing FROM jobs", "SELECT FROM nothing", "SELECT decant.publish_nothing()"])
def test_what_a_migration_is_still_to_bring_is_worth_another_try(postgres: TestDatabase, sql: str) -> None:
    with pytest.raises(Unavailable, match="make migrate"), postgres.database.transaction() as transaction:
        transaction.run(sql)


def test_a_transaction_within_another_is_refused(postgres: TestDatabase) -> None:
    with pytest.raises(DecantError, match="within another"), postgres.database.transaction() as transaction:
        transaction.run("INSERT INTO departments VALUES (1, 'Sales')")
        postgres.query("SELECT 1")
    assert postgres.rows("departments") == []


def test_a_session_outlives_a_dictionary_without_taking_its_staging_tables_for_the_new_ones(
    postgres: TestDatabase,
) -> None:
    table = postgres.dictionary.table("departments")
    older = replace(table, columns=table.columns[:1])
    with postgres.database.transaction() as transaction:
        Staging(transaction, older, "r")
    with postgres.database.transaction() as transaction:
        staging = Staging(transaction, table, "r")
        row = {"decant_row": [1], "decant_line": [1], "decant_faulty": [False], "id": [1], "department": ["Sales"]}
        transaction.copy_in(staging.name, [pa.table(row)])
        assert staging.insert() == 1


def test_a_snapshot_sees_one_moment(postgres: TestDatabase) -> None:
    with postgres.database.transaction(snapshot=True) as transaction:
        before = transaction.run("SELECT count(*) FROM departments")
        with postgres.as_owner() as owner:
            owner.execute_simple("INSERT INTO departments VALUES (1, 'Sales')")
        assert transaction.run("SELECT count(*) FROM departments") == before


def test_the_app_may_not_change_the_schema(postgres: TestDatabase) -> None:
    with pytest.raises(DecantError, match=r"permission denied|must be owner"):
        postgres.query("DROP TABLE departments")
    with pytest.raises(DecantError, match="permission denied"):
        postgres.query("CREATE TABLE mine (id int)")


def test_small_statements_do_not_wait_for_delayed_acknowledgements(postgres: TestDatabase) -> None:
    connection = postgres.app.connect()
    try:
        assert connection._usock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        assert connection._usock.gettimeout() is None
    finally:
        close_connection(connection)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="there is no such option here")
def test_a_peer_that_is_gone_without_a_word_is_noticed_within_a_minute(postgres: TestDatabase) -> None:
    """Whether something was sent that it does not acknowledge, or an answer of its is waited for."""
    connection = postgres.app.connect()
    try:
        option = connection._usock.getsockopt
        assert 0 < option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 60_000
        idle, between, times = (
            option(socket.IPPROTO_TCP, each) for each in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
        assert idle + between * times <= 60
    finally:
        close_connection(connection)


def test_the_server_ends_what_a_client_has_left_open_within_five_minutes(postgres: TestDatabase) -> None:
    assert postgres.query("SHOW idle_in_transaction_session_timeout") == [("5min",)]
    idle, between, times = (
        int(postgres.query(f"SHOW tcp_keepalives_{each}")[0][0]) for each in ("idle", "interval", "count")
    )
    assert 0 < idle + between * times <= 300


def test_sessions_are_pinned_to_utc(postgres: TestDatabase) -> None:
    assert postgres.query("SHOW timezone") == [("UTC",)]
