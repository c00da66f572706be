"""Clients of the real thing: they do the model's operations, each over its own connection, and tell the answers."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from chalicelib import worker
from chalicelib.api.corrections import correction
from chalicelib.api.ingest import Batch, write_batch
from chalicelib.api.row_page import read_page
from chalicelib.api.run_lookup import find_run
from chalicelib.backup.verification import BackupContent, load_manifest
from chalicelib.errors import IntegrityViolation, Unavailable, Unprocessable
from chalicelib.idempotency import Answer, IdempotencyKey, request_digest
from chalicelib.identifiers import new_id
from chalicelib.load.events import arrivals
from chalicelib.load.options import OnConflict
from chalicelib.metrics.compute import compute
from chalicelib.metrics.registry import METRICS
from chalicelib.ports import Run, RunState, Transaction
from chalicelib.postgres import PostgresDatabase
from chalicelib.wiring import Services
from chalicelib.work.messages import BackupTask, RestoreTask
from tests.contract.test_loads import Intake
from tests.fakes import FakeQueue
from tests.races.history import Event
from tests.races.model import BackUp, Correct, Delete, Operation, Read, Restore, Restored, Row, Saved, Tables, Write
from tests.races.model import Written as WrittenRows
from tests.races.pacing import LockStep, Paced

YEAR = 2021
# A client that the database interrupts begins anew; it does not do so without end.
_TRIES = 20


def text(value: Any) -> str:
    """A value as the model has it."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, dt.datetime) else str(value)


def read_tables(transaction: Transaction, names: Sequence[str]) -> Tables:
    """All rows of tables, each table as one statement sees it."""
    found = {name: transaction.run(f'SELECT * FROM public."{name}"') for name in names}
    return {name: {text(row[0]): tuple(map(text, row)) for row in rows} for name, rows in found.items()}


@dataclass
class Clients:
    """Some clients of one database, bucket and catalogue.

    ``events`` are the events of files by what the model calls them. The clock counts beginnings and ends.
    """

    intake: Intake
    count: int
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self._clock = count()
        self._backends: dict[int, int] = {}
        self._monitor = self.stack.enter_context(self.intake.postgres.as_admin())
        self._databases = [PostgresDatabase(self._connect(client)) for client in range(self.count)]
        for database in self._databases:
            self.stack.callback(database.close)

    def at_once(self, work: Sequence[Sequence[Operation]], plan: Sequence[int]) -> tuple[list[Event], LockStep]:
        """Let each client do its operations in order, all at the same time; return the events, and how the plan went.

        With a plan the clients go on a statement at a time as it says, until it is at its end.
        """
        pace = LockStep(plan, self._waits)
        together = threading.Barrier(self.count)
        made: list[list[Event]] = [[] for _ in work]
        faults: list[BaseException] = []

        def live(client: int) -> None:
            try:
                together.wait()
                database: Any = Paced(self._databases[client], lambda: pace.step(client))
                queue: Any = FakeQueue()
                services = replace(self.intake.services, database=database, queue=queue)
                for operation in work[client]:
                    begun = next(self._clock)
                    told = _perform(services, operation, self.events)
                    made[client].append(Event(client, operation, told, begun, next(self._clock)))
            except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
                faults.append(error)
            finally:
                pace.end(client)

        threads = [threading.Thread(target=live, args=[client]) for client in range(self.count)]
        for thread in threads:
            thread.start()
        pace.conduct()
        for thread in threads:
            thread.join(120)
        if faults:
            raise faults[0]
        assert not any(thread.is_alive() for thread in threads), "a client comes to no end"
        return sorted((event for each in made for event in each), key=lambda event: event.begun), pace

    def _connect(self, client: int) -> Callable[[], Any]:
        def connect() -> Any:
            connection = self.intake.postgres.app.connect()
            [[self._backends[client]]] = connection.execute_simple("SELECT pg_backend_pid()").rows
            return connection

        return connect

    def _waits(self, client: int) -> bool:
        backend = self._backends.get(client, 0)
        waits = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {backend} AND wait_event_type = 'Lock'"
        [[waiting]] = self._monitor.execute_simple(waits).rows
        return bool(waiting)


def _perform(services: Services, operation: Operation, events: dict[str, dict[str, Any]]) -> Any:
    for _ in range(_TRIES):
        try:
            return _once(services, operation, events)
        except Unavailable:  # the answer was 503: the client sends it again
            continue
    raise AssertionError(f"{operation} was interrupted {_TRIES} times")


def _once(services: Services, operation: Operation, events: dict[str, dict[str, Any]]) -> Any:
    match operation:
        case Write(content=None):
            return _batch(services, operation)
        case Write():
            return _file(services, operation, events[str(operation.once or operation.content)])
        case Correct():
            return _correct(services, operation)
        case BackUp():
            return _back_up(services)
        case Restore():
            return _restore(services, operation)
        case Delete():
            return _delete(services, operation)
        case Read():
            return _read(services, operation.question)
    raise AssertionError(operation)


def _objects(services: Services, table: str, rows: Sequence[tuple[int, Row]]) -> list[dict[str, str]]:
    names = services.dictionary.table(table).column_names
    return [dict(zip(names, row, strict=True)) for _, row in rows]


def _batch(services: Services, write: Write) -> Any:
    rows = {table: _objects(services, table, each) for table, each in write.rows}
    batch = Batch(rows, OnConflict(write.mode), write.atomic, by_table=True)
    key = write.once and IdempotencyKey("POST /batch", write.once, request_digest(repr(write).encode()))
    try:
        return _told(write, write_batch(services, lambda _: batch, key or None))
    except Unprocessable:
        return "another request"


def _correct(services: Services, correct: Correct) -> Any:
    [(table, rows)] = correct.write.rows
    objects = [
        {**each, "row": str(number)}
        for (number, _), each in zip(rows, _objects(services, table, rows), strict=True)
    ]  # fmt: skip
    run = find_run(services, correct.run)
    body = objects if run.table is not None else {table: objects}
    make = correction(
        services.dictionary, run, body, on_conflict=OnConflict(correct.write.mode), atomic=correct.write.atomic
    )
    try:
        return _told(correct.write, write_batch(services, make, None))
    except Unprocessable:
        return "not waiting"


def _told(write: Write, answer: Answer) -> WrittenRows:
    body = json.loads(answer.body)
    codes: dict[tuple[str, int], set[str]] = {}
    for each in body["rejections"]:  # tables are named where there may be several
        codes.setdefault((each.get("table", write.rows[0][0]), each["row"]), set()).add(each["code"])
    return _written("refused" if write.atomic and codes else "succeeded", body["run"], body, codes)


def _written(state: str, run: str, counts: Any, codes: dict[tuple[str, int], set[str]]) -> WrittenRows:
    reasons = frozenset((*where, frozenset(found)) for where, found in codes.items())
    inserted, updated, unchanged, rejected = (counts[name] for name in ("inserted", "updated", "unchanged", "rejected"))
    return WrittenRows(state, run, inserted, updated, unchanged, rejected, reasons)


def _work(services: Services, message: Any, run: str) -> Run:
    """Let a worker do a message, and what it puts back into its queue."""
    queue: Any = services.queue
    queue.sent.append((message, 0))
    for _ in range(_TRIES):
        if not queue.sent:
            break
        worker.handle(services, json.dumps(queue.sent.pop(0)[0]))
    ended = services.catalog.run(run)
    assert ended is not None
    assert ended.state.final, ended
    return ended


def _file(services: Services, write: Write, event: dict[str, Any]) -> WrittenRows:
    run = new_id(dt.datetime.now(dt.UTC))
    stored = event["s3"]["object"]
    source = {"bucket": event["s3"]["bucket"]["name"], "key": stored["key"], "etag": stored["eTag"]}
    if write.again:
        message: Any = {"work": "load", "run": run, "source": source, "force": True}
    else:
        message = {"Records": [event]}
        [arrival] = arrivals(message)
        run = arrival.run_id
    ended = _work(services, message, run)
    with services.database.transaction() as transaction:
        rejected = transaction.run("SELECT table_name, row, reasons FROM decant.rejections WHERE run = :run", run=run)
    counts = {name: getattr(ended.counts, name) for name in ("inserted", "updated", "unchanged", "rejected")}
    codes = {(table, row): {reason["code"] for reason in reasons} for table, row, reasons in rejected}
    return _written(ended.state.value, run, counts, codes)


def _back_up(services: Services) -> Saved:
    run = new_id(dt.datetime.now(dt.UTC))
    ended = _work(services, BackupTask(run, ()).message(), run)
    assert ended.state is RunState.SUCCEEDED, ended.error
    assert ended.result is not None
    return Saved(run, dict(_saved(services, ended.result["backups"])))


def _saved(services: Services, backups: Sequence[str]) -> Iterator[tuple[str, dict[str, Row]]]:
    for name in backups:
        backup = services.catalog.backup(name)
        assert backup is not None
        content = BackupContent(services.backups, load_manifest(services.backups, backup))
        rows = [tuple(map(text, row.values())) for chunk in content.chunks() for row in chunk.to_pylist()]
        content.check()
        yield backup.table, {row[0]: row for row in rows}


def _restore(services: Services, restore: Restore) -> Any:
    saved = services.catalog.run(restore.backup)
    assert saved is not None
    assert saved.result is not None
    backups = [services.catalog.backup(name) for name in saved.result["backups"]]
    chosen = tuple(backup.id for backup in backups if backup and backup.table in restore.tables)
    run = new_id(dt.datetime.now(dt.UTC))
    ended = _work(services, RestoreTask(run, chosen, dry_run=False).message(), run)
    if ended.state is RunState.REFUSED:
        return "refused"
    assert ended.state is RunState.SUCCEEDED, ended.error
    assert ended.result is not None
    return Restored(
        {
            each["table"]: (each["inserted"], each["updated"], each["deleted"], each["unchanged"])
            for each in ended.result["tables"]
        }
    )


def _delete(services: Services, delete: Delete) -> Any:
    key = services.dictionary.table(delete.table).primary_key[0]
    try:
        with services.database.transaction() as transaction:
            [(gone,)] = transaction.run(
                f'WITH gone AS (DELETE FROM "{delete.table}" WHERE "{key}" = CAST(:key AS bigint) RETURNING 1) '
                "SELECT count(*) FROM gone",
                key=delete.key,
            )
    except IntegrityViolation:
        return "referenced"
    return gone


def _read(services: Services, question: str) -> Any:
    what, _, table = question.partition(" ")
    with services.database.transaction() as transaction:
        if what == "count":
            return transaction.run(f'SELECT count(*) FROM "{table}"')[0][0]
        if what == "rows":
            page = read_page(transaction, services.dictionary.table(table), [], limit=1000, after=None)
            return [tuple(map(text, row.values())) for row in page.rows]
        [metric] = [metric for metric in METRICS if metric.name == table]
        found = compute(transaction, metric, YEAR)
        return sorted(tuple(row.values()) for row in found.rows)
