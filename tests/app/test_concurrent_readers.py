"""Readers while tables are filled, replaced and emptied: each sees all of what was before, or all of what came.

A reader asks between every two statements of the writer, so that none of them shows it a table half done; where a
writer keeps readers out for a moment it is told to come again. Others read freely all the while.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.backup import swap
from chalicelib.load import choice, writer
from chalicelib.postgres import PostgresDatabase
from chalicelib.wiring import Services, use
from tests.app.conftest import Api
from tests.races.pacing import Paced

EMPLOYEES = "hired_employees"
FEW, MANY = 9, 30


@pytest.fixture(params=["row by row", "set-wise"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How big loads go in: as they do, or as if they were ten times as big."""
    least = 10 if request.param == "set-wise" else 10**9
    monkeypatch.setattr(choice, "FEW", 10)
    monkeypatch.setattr(writer, "SET_WISE_FROM", least)
    monkeypatch.setattr(swap, "SET_WISE_FROM", least)
    return str(request.param)


def lines(count: int, name: str) -> bytes:
    return "".join(f"{n},{name},2021-0{n % 9 + 1}-01T00:00:00Z,{n % 2 + 1},1\n" for n in range(1, count + 1)).encode()


def impatient(api: Api) -> PostgresDatabase:
    """A database whose locks are not waited for long."""

    def connect() -> Any:
        connection = api.database.app.connect()
        connection.execute_simple("SET lock_timeout = '10ms'")
        return connection

    return PostgresDatabase(connect)


class Reader:
    """What one reader sees of the employees, each at its moment: their count, the API's rows, and the metric's sum."""

    def __init__(self, api: Api, services: Services) -> None:
        self._api = api
        self._services = services
        self._tokens = wiring.token_store()
        self.counts: list[int] = []
        self.rows: list[tuple[int, frozenset[str]]] = []
        self.hires: list[int] = []
        self.free: list[int] = []
        self.waited = 0

    def look(self) -> None:
        wiring._local.tokens = self._tokens  # a load has threads of its own, which step too
        with use(self._services):
            table = self._api.get(f"/tables/{EMPLOYEES}")
            page = self._api.get(f"/tables/{EMPLOYEES}/rows?limit=1000")
            metric = self._api.get("/metrics/hires-by-quarter?year=2021")
        for answer in (table, page, metric):
            assert answer.status_code in (200, 503), answer.body
            self.waited += answer.status_code == 503
        if table.status_code == 200:
            self.counts.append(table.json_body["rows"])
        if page.status_code == 200:
            rows = page.json_body["rows"]
            self.rows.append((len(rows), frozenset(row["name"] for row in rows)))
        if metric.status_code == 200:
            counts = (value for row in metric.json_body["rows"] for value in row.values() if isinstance(value, int))
            self.hires.append(sum(counts))

    def saw_only(self, *versions: tuple[int, str]) -> None:
        """Hold what was seen against the number of rows, and their name, of each version in turn."""
        counts = [count for count, _ in versions]
        rows = [(count, frozenset({name} if count else {})) for count, name in versions]
        for seen, known in ((self.counts, counts), (self.rows, rows), (self.hires, counts)):
            assert in_turn(seen, known), f"{seen} are not {known}"
            assert seen[-1] == known[-1]
        assert in_turn(self.free, counts), f"{self.free}, seen freely, are not {counts}"


def in_turn(seen: list[Any], known: list[Any]) -> bool:
    """Whether what was seen are the known versions, in their order."""
    at = 0
    for each in seen:
        while at < len(known) and known[at] != each:
            at += 1
    return at < len(known)


@contextmanager
def watched(api: Api) -> Iterator[tuple[Api, Reader]]:
    """The API with a reader that looks before each statement of the worker, after the last, and freely beside it."""
    database, beside, over = impatient(api), PostgresDatabase(api.database.app.connect), threading.Event()
    reader = Reader(api, replace(api.services, database=database))
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        reader.look()

    def read_freely() -> None:
        while not over.is_set():
            with beside.transaction() as transaction:
                reader.free.append(transaction.run(f"SELECT count(*) FROM {EMPLOYEES}")[0][0])

    paced: Any = Paced(api.services.database, step)
    thread = threading.Thread(target=read_freely)
    thread.start()
    try:
        yield replace(api, services=replace(api.services, database=paced)), reader
    finally:
        over.set()
        thread.join(20)
        beside.close()
        with closing(database):
            reader.look()
    assert steps > 5
    assert reader.free


def drop(api: Api, count: int, name: str, mode: str = "reject") -> None:
    api.drop(f"incoming/{EMPLOYEES}/{name}-{count}-{mode}.csv", lines(count, name), {"on-conflict": mode})


def order(api: Api, path: str) -> Any:
    """Order a backup or a restore, and let the worker do it."""
    run = api.post(path).json_body["id"]
    api.work()
    ended = api.get(f"/runs/{run}").json_body
    assert ended["state"] == "succeeded", ended
    return ended


def test_a_file_is_seen_whole_or_not_at_all(filled: Api, way: str) -> None:
    for before, count in ((0, MANY), (MANY, MANY)):
        mode = "update" if before else "reject"
        drop(filled, count, "New" if before else "Old", mode)
        with watched(filled) as (api, reader):
            api.work()
        reader.saw_only((before, "Old"), (count, "New" if before else "Old"))
        assert reader.waited == 0 or (way == "set-wise" and not before)


def test_more_rows_are_seen_all_or_none(filled: Api, way: str) -> None:
    drop(filled, FEW, "Ann")
    filled.work()
    drop(filled, MANY, "Ann", "skip")
    with watched(filled) as (api, reader):
        api.work()
    reader.saw_only((FEW, "Ann"), (MANY, "Ann"))
    assert reader.waited == 0 or way == "set-wise"


@pytest.mark.parametrize(("then", "now"), [((MANY, "Old"), (FEW, "New")), ((FEW, "Old"), (MANY, "New"))])
def test_a_restore_is_seen_whole_or_not_at_all(
    filled: Api, way: str, then: tuple[int, str], now: tuple[int, str]
) -> None:
    """Rows that come back, rows that change and rows that go, in one moment."""
    drop(filled, *then)
    filled.work()
    order(filled, "/backups")
    delete: Callable[[], object] = lambda: filled.database.query(  # noqa: E731
        f"WITH gone AS (DELETE FROM {EMPLOYEES}) SELECT 1"
    )
    delete()
    drop(filled, *now)
    filled.work()
    with watched(filled) as (api, reader):
        order(api, f"/tables/{EMPLOYEES}/restores")
    reader.saw_only(now, then)
    assert reader.waited == 0 or way == "set-wise"


def test_a_table_that_comes_back_from_nothing_is_seen_whole_or_empty(filled: Api, way: str) -> None:
    drop(filled, MANY, "Old")
    filled.work()
    order(filled, "/backups")
    filled.database.query(f"WITH gone AS (DELETE FROM {EMPLOYEES}) SELECT 1")
    with watched(filled) as (api, reader):
        order(api, "/restores")
    reader.saw_only((0, ""), (MANY, "Old"))
    assert reader.waited == 0 or way == "set-wise"
