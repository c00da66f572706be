"""How often a batch waits for the database: between a Lambda function and its database, that is what takes the time."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from chalicelib.idempotency import Answer, IdempotencyKey, answer_once
from chalicelib.load.batch import ingest
from chalicelib.load.options import OnConflict
from chalicelib.ports import RunKind, Transaction
from tests.conftest import TestDatabase

MOMENT = "2021-07-27T16:02:08Z"


@pytest.fixture
def filled(postgres: TestDatabase) -> TestDatabase:
    """Ten departments and ten jobs."""
    for table in ("departments", "jobs"):
        postgres.query(f"INSERT INTO {table} SELECT n, 'N' || n FROM generate_series(1, 10) n")
    return postgres


def hires(first: int, count: int = 1000, **values: Any) -> list[object]:
    hire = {"name": "Ann", "datetime": MOMENT, "department_id": "1", "job_id": "2"} | values
    return [{"id": str(number), **hire} for number in range(first, first + count)]


def write(transaction: Transaction, database: TestDatabase, run: str, rows: list[object], *, atomic: bool) -> None:
    ingest(transaction, database.dictionary, {"hired_employees": rows}, run_id=run, kind=RunKind.BATCH,
           on_conflict=OnConflict.REJECT, atomic=atomic, started=dt.datetime.now(dt.UTC))  # fmt: skip


def round_trips(
    database: TestDatabase, run: str, rows: list[object], *, key: bool = False, atomic: bool = False
) -> int:
    """How often the driver waits for the server to be ready again, BEGIN and COMMIT included."""
    connection: Any = database.database._connection
    waited = 0
    handle = type(connection).handle_messages

    def counted(context: Any) -> None:
        nonlocal waited
        waited += 1
        handle(connection, context)

    connection.handle_messages = counted
    try:
        with database.database.transaction() as transaction:

            def work() -> Answer:
                write(transaction, database, run, rows, atomic=atomic)
                return Answer(201, json.dumps({"run": run}), run)

            if key:
                answer_once(transaction, IdempotencyKey("tests", run, "digest"), work)
            else:
                work()
    finally:
        del connection.handle_messages
    return waited


def test_a_batch_takes_few_round_trips_on_a_warm_connection(filled: TestDatabase) -> None:
    round_trips(filled, "first", hires(1), key=True)
    differing = [*hires(1, 999), *hires(1000, 1, name="Bo")]
    round_trips(filled, "second", differing)
    begin, locks, keys, rows, ledger, commit = 1, 1, 2, 1, 1, 1
    plain = begin + locks + keys + rows + ledger + commit
    assert round_trips(filled, "clean", hires(2001)) == plain
    claim, keep = 1, 1
    assert round_trips(filled, "keyed", hires(4001), key=True) == plain + claim + keep
    taken, log = 1, 1
    assert round_trips(filled, "some rejected", differing) == plain + taken + log
    savepoint, rollback = 1, 1
    assert round_trips(filled, "refused", differing, atomic=True) == plain + savepoint + taken + rollback + log
    assert filled.query("SELECT count(*) FROM hired_employees") == [(3000,)]
