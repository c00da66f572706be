"""Idempotency keys, retries and concurrent posts: each row goes in once."""

from __future__ import annotations

import datetime as dt
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib.access.principal import Scope
from chalicelib.access.tokens import new_token
from chalicelib.api import ingest
from chalicelib.api.ingest import Batch, write_batch
from chalicelib.errors import Unavailable
from chalicelib.idempotency import Answer, IdempotencyKey
from chalicelib.load.options import OnConflict
from chalicelib.ports import Database, Transaction
from chalicelib.postgres import PostgresDatabase
from chalicelib.token_store import DynamoTokens
from chalicelib.wiring import Services
from tests.app.conftest import Api

ROWS = "/tables/departments/rows"
ONE = [{"id": 1, "department": "A"}]


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def test_the_same_key_and_body_get_the_first_answer_again(api: Api) -> None:
    first = api.post(ROWS, ONE, headers=keyed("k"))
    again = api.post(ROWS, ONE, headers=keyed("k"))
    assert (first.status_code, first.body) == (again.status_code, again.body) == (201, first.body)
    assert api.post(ROWS, ONE).json_body["unchanged"] == 1


def test_a_refusal_is_answered_again_as_well(api: Api) -> None:
    body = rb'[{"id": "x", "department": "nul \u0000"}]'
    first = api.post(ROWS, raw=body, headers=keyed("k"))
    assert first.status_code == 422
    assert api.post(ROWS, raw=body, headers=keyed("k")).body == first.body


def test_the_same_key_with_another_body_or_query_is_422(api: Api) -> None:
    assert api.post(ROWS, ONE, headers=keyed("k")).status_code == 201
    other = api.post(ROWS, [{"id": 2, "department": "B"}], headers=keyed("k"))
    assert (other.status_code, other.json_body["type"]) == (422, "urn:decant:problem:unprocessable")
    assert api.post(f"{ROWS}?mode=atomic", ONE, headers=keyed("k")).status_code == 422
    assert len(api.database.rows("departments")) == 1


def test_a_key_counts_for_its_route_alone(api: Api) -> None:
    assert api.post(ROWS, ONE, headers=keyed("k")).status_code == 201
    assert api.post("/tables/jobs/rows", [{"id": 1, "job": "J"}], headers=keyed("k")).status_code == 201
    assert api.post("/batch", {"jobs": [{"id": 2, "job": "K"}]}, headers=keyed("k")).status_code == 201


def test_a_key_counts_for_its_caller_alone(api: Api, tokens: DynamoTokens) -> None:
    text, kept = new_token("another", [Scope.WRITE], dt.datetime.now(dt.UTC))
    tokens.add(kept)
    another = keyed("k") | {"Authorization": f"Bearer {text}"}
    order = {"filename": "jobs.csv"}
    first, theirs = api.post("/uploads", order, headers=keyed("k")), api.post("/uploads", order, headers=another)
    assert (first.status_code, theirs.status_code) == (201, 201)
    assert first.json_body["run"] != theirs.json_body["run"]
    assert api.post("/uploads", {"filename": "departments.csv"}, headers=another).status_code == 422


@pytest.mark.parametrize("name", ["%00", "%0A", secrets.token_hex(3000)], ids=["nul", "line break", "long"])
def test_a_key_goes_with_any_path(api: Api, name: str) -> None:
    assert api.post(f"/backups/{name}/verify", headers=keyed("k")).status_code == 404


def test_a_request_that_was_an_error_leaves_its_key_unused(api: Api) -> None:
    assert api.post("/tables/jobs/restores", headers=keyed("k")).status_code == 404
    assert api.post("/tables/jobs/restores", {"dry_run": True}, headers=keyed("k")).status_code == 404


@pytest.mark.parametrize("key", ["", "x" * 256, "ñ", "a\tb", "\x7f"])
def test_a_key_is_up_to_255_printable_ascii_characters(api: Api, key: str) -> None:
    assert api.post(ROWS, ONE, headers=keyed(key)).status_code == 400
    assert api.database.rows("departments") == []


def test_a_key_is_forgotten_after_a_day(api: Api) -> None:
    for key in ("old", "older"):
        assert api.post(ROWS, ONE, headers=keyed(key)).status_code in (201, 207)
    api.database.query("UPDATE decant.idempotency SET created = created - interval '25 hours'")
    assert api.post(ROWS, [{"id": 2, "department": "B"}], headers=keyed("old")).status_code == 201
    assert api.database.query("SELECT count(*) FROM decant.idempotency") == [(1,)]


def test_an_order_is_given_once_for_a_key(api: Api) -> None:
    first = api.post("/backups", headers=keyed("k"))
    assert api.post("/backups", headers=keyed("k")).json_body == first.json_body
    assert len(api.messages()) == 1


def departments(rows: Mapping[int, str]) -> Batch:
    sent = [{"id": str(number), "department": name} for number, name in rows.items()]
    return Batch({"departments": sent}, OnConflict.REJECT, atomic=False, by_table=False)


def write(services: Services, batch: Batch, key: str | None = None) -> Answer:
    return write_batch(services, lambda _: batch, None if key is None else IdempotencyKey("POST /x", key, "digest"))


@pytest.fixture
def writers(api: Api) -> Iterator[list[Services]]:
    """Services of eight clients at once, each with a database connection of its own."""
    databases = [PostgresDatabase(api.database.app.connect) for _ in range(8)]
    yield [replace(api.services, database=database) for database in databases]
    for database in databases:
        database.close()


def test_concurrent_posts_of_the_same_ids_have_one_winner_for_each(api: Api, writers: list[Services]) -> None:
    start = threading.Barrier(len(writers))

    def post(number: int) -> list[Answer]:
        start.wait()
        ids = range(60) if number % 2 else range(59, -1, -1)
        return [write(writers[number], departments(dict.fromkeys(ids, f"of {number}"))) for _ in range(3)]

    with ThreadPoolExecutor(len(writers)) as pool:
        answers = [answer for found in pool.map(post, range(len(writers))) for answer in found]
    assert {answer.status for answer in answers} <= {201, 207, 422}
    assert len(api.database.rows("departments")) == 60
    assert api.database.query("SELECT sum(inserted), sum(read) FROM decant.runs") == [(60, 60 * 24)]


def test_twins_with_one_key_get_one_answer(api: Api, writers: list[Services]) -> None:
    start = threading.Barrier(len(writers))

    def post(services: Services) -> Answer:
        start.wait()
        return write(services, departments({1: "A", 2: "B"}), "twin")

    with ThreadPoolExecutor(len(writers)) as pool:
        answers = set(pool.map(post, writers))
    assert [answer.status for answer in answers] == [201]
    assert api.database.query("SELECT count(*) FROM decant.runs") == [(1,)]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between tries."""
    monkeypatch.setattr(ingest, "_PAUSE_SECONDS", 0)


class Breaking:
    """A database that fails its first transactions: ``down`` at their begin, ``deadlock`` before they commit, ``lost``
    after that, when the acknowledgement does not come."""

    def __init__(self, inner: Database, *faults: str) -> None:
        self._inner = inner
        self._faults = iter(faults)

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        fault = next(self._faults, "")
        if fault == "down":
            raise Unavailable("The database can't be reached.")
        with self._inner.transaction(snapshot=snapshot) as transaction:
            yield transaction
            if fault == "deadlock":
                raise Unavailable("The database ended the transaction in favour of another.")
        if fault == "lost":
            raise Unavailable("The connection was lost.")


def test_batches_that_failed_together_do_not_come_back_together(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(ingest, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pauses.append))
    for _ in range(40):
        services = replace(api.services, database=Breaking(api.services.database, *["down"] * 3))
        with pytest.raises(Unavailable):
            write(services, departments({1: "A"}))
    first, second = pauses[::2], pauses[1::2]
    assert len(set(first)) == len(set(second)) == 40
    assert 0 <= min(pauses) < max(first) <= 0.2 < max(second) <= 0.4


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("faults", [["lost"], ["lost", "down"], ["lost", "down", "down"]])
def test_a_commit_whose_acknowledgement_is_lost_counts_once(api: Api, key: str | None, faults: list[str]) -> None:
    services = replace(api.services, database=Breaking(api.services.database, *faults))
    answer = write(services, departments({1: "A", 2: "B"}), key)
    assert (answer.status, json.loads(answer.body)["inserted"]) == (201, 2)
    assert api.database.query("SELECT state, inserted FROM decant.runs") == [("succeeded", 2)]


def test_a_replay_is_once_as_well(api: Api) -> None:
    run = api.post(ROWS, [{"id": "x", "department": "A"}]).json_body["run"]
    first = api.post(f"/runs/{run}/replay", [{"row": 1, "id": 1}], headers=keyed("k"))
    assert first.status_code == 201
    assert api.post(f"/runs/{run}/replay", [{"row": 1, "id": 1}], headers=keyed("k")).body == first.body


@pytest.mark.parametrize("faults", [["deadlock"], ["deadlock", "down"], ["down", "deadlock"], ["down", "down"]])
def test_an_interrupted_batch_is_tried_again(api: Api, faults: list[str]) -> None:
    services = replace(api.services, database=Breaking(api.services.database, *faults))
    assert write(services, departments({1: "A"})).status == 201
    assert api.database.query("SELECT inserted FROM decant.runs") == [(1,)]


def test_it_is_not_tried_for_ever(api: Api) -> None:
    services = replace(api.services, database=Breaking(api.services.database, *["down"] * 99))
    with pytest.raises(Unavailable):
        write(services, departments({1: "A"}))
    assert api.database.rows("departments") == []


@pytest.mark.usefixtures("quick")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(faults=["lost", "down", "", "down"], keyed=False)
@given(faults=st.lists(st.sampled_from(["", "down", "deadlock", "lost"]), max_size=7), keyed=st.booleans())
def test_however_a_batch_is_interrupted_the_answer_and_the_ledger_agree(
    api: Api,
    quick: None,  # noqa: ARG001
    faults: list[str],
    keyed: bool,
) -> None:
    number = api.database.query("SELECT count(*) FROM decant.runs")[0][0] * 2 + secrets.randbelow(10**6) * 100
    batch = departments({number: "A", number + 1: "B"})
    key = str(number) if keyed else None
    before = api.database.query("SELECT count(*) FROM decant.runs")[0][0]

    def done() -> tuple[int, int]:
        [(rows,)] = api.database.query("SELECT count(*) FROM departments WHERE id IN (:a, :b)", a=number, b=number + 1)
        return rows, api.database.query("SELECT count(*) FROM decant.runs")[0][0] - before

    try:
        first = write(replace(api.services, database=Breaking(api.services.database, *faults)), batch, key)
    except Unavailable:
        assert done() in ((0, 0), (2, 1))
    else:
        assert (first.status, json.loads(first.body)["inserted"], done()) == (201, 2, (2, 1))
    if keyed:
        again = write(api.services, batch, key)
        assert (again.status, json.loads(again.body)["inserted"], done()) == (201, 2, (2, 1))


@pytest.mark.usefixtures("quick")
def test_a_batch_that_gets_its_twin_s_answer_leaves_no_run_of_its_own(api: Api) -> None:
    """It had written its rows when it was interrupted, and the twin was there before its next try."""
    half_bad = Batch(
        {"departments": [{"id": 1, "department": "A"}, {"id": "x", "department": "B"}]},
        OnConflict.REJECT, atomic=False, by_table=False,
    )  # fmt: skip

    class TwinBetween(Breaking):
        @contextmanager
        def transaction(self, *, snapshot: bool = False) -> Iterator[Transaction]:
            try:
                with super().transaction(snapshot=snapshot) as transaction:
                    yield transaction
            except Unavailable:
                write(api.services, half_bad, "twin")
                raise

    answer = write(replace(api.services, database=TwinBetween(api.services.database, "deadlock")), half_bad, "twin")
    assert [each.id for each in api.services.catalog.runs(limit=9).items] == [answer.run]
    assert api.database.query("SELECT id FROM decant.runs") == [(answer.run,)]


@pytest.mark.usefixtures("quick")
def test_a_database_that_is_long_in_failing_is_not_asked_until_the_gateway_gives_up(
    api: Api,
    quick: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest, "_TRY_SECONDS", -1)
    faults = Breaking(api.services.database, "down", "lost")
    with pytest.raises(Unavailable):
        write(replace(api.services, database=faults), departments({1: "A"}))
    with pytest.raises(Unavailable, match="whether the rows went in") as caught:
        write(replace(api.services, database=faults), departments({1: "A"}), "k")
    assert "same Idempotency-Key" in str(caught.value)
    assert write(api.services, departments({1: "A"}), "k").status == 201


def test_a_run_that_the_catalogue_did_not_take_is_healed_from_the_ledger(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise Unavailable("The catalogue can't be reached.")

    with monkeypatch.context() as patch:
        patch.setattr(type(api.services.catalog), "put_run", down)
        answer = api.post(ROWS, [{"id": "x", "department": "A"}])
    assert answer.status_code == 422
    run = answer.json_body["run"]
    assert api.get("/runs").json_body["runs"] == []
    with monkeypatch.context() as patch:
        patch.setattr(type(api.services.catalog), "run", down)
        assert api.get(f"/runs/{run}").json_body["rejected"] == 1
    assert api.get(f"/runs/{run}").json_body["rejected"] == 1
    assert [each["id"] for each in api.get("/runs").json_body["runs"]] == [run]
