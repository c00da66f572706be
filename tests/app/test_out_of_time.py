"""Orders whose worker's time runs out, over the adapters of AWS: each stops at any look, and another worker does it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from chalice.test import Client

from chalicelib import worker
from chalicelib.ports import RunState
from chalicelib.postgres import PostgresDatabase
from chalicelib.storage import S3Storage
from chalicelib.telemetry.invocation import FunctionFailed
from chalicelib.time_left import TimeLeft
from chalicelib.wiring import use
from tests.app.conftest import Api
from tests.contract.test_time_left import SECONDS, Steps
from tests.fakes import FakeQueue
from tests.left_behind import left_behind, schema_of
from tests.torture.attempts import delivery

RUN = "20260101T000000000000-0000002a"
# So many looks go by between one end and the next that is tried.
STRIDE = 11


class Noting(TimeLeft):
    """Notes how much time work is given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[float] = []

    @contextmanager
    def ends_in(self, seconds: float) -> Iterator[None]:
        self.given.append(seconds)
        with super().ends_in(seconds):
            yield


@pytest.fixture
def clock() -> Steps:
    return Steps()


@pytest.fixture
def timed(filled: Api, clock: Steps) -> Iterator[Api]:
    """The API over a snapshot of its tables, with workers whose time is told by the clock."""
    filled.post("/backups")
    filled.work()
    time_left = TimeLeft(clock)
    filled.services = replace(
        filled.services,
        database=PostgresDatabase(filled.database.app.connect, time_left),
        intake=S3Storage(filled.s3, "intake", time_left),
        backups=S3Storage(filled.s3, "backups", time_left),
        time_left=time_left,
    )
    with use(filled.services):
        yield filled
    filled.services.database.close()  # type: ignore[attr-defined]


def orders(api: Api) -> dict[str, dict[str, object]]:
    """An order of each kind."""
    [*backups] = api.services.catalog.backups(limit=10).items
    jobs = next(backup.id for backup in backups if backup.table == "jobs")
    return {
        "backup": {"work": "backup", "run": RUN, "tables": []},
        "restore": {"work": "restore", "run": RUN, "backups": [jobs], "dry_run": False},
        "verify": {"work": "verify", "run": RUN, "backup": jobs},
        "drill": {"work": "drill", "run": RUN},
        "rebuild": {"work": "rebuild", "run": RUN},
    }


def keys_of(api: Api) -> set[str]:
    """What stands in the bucket of the backups."""
    return {stored.key for stored in api.services.backups.list("")}


def listed(api: Api) -> set[str]:
    """The backups that the catalogue lists."""
    return {backup.id for backup in api.services.catalog.backups(limit=50).items}


def manifests(keys: set[str]) -> set[str]:
    """The backups that have a manifest among these keys, which makes them backups."""
    return {key.split("/")[-2] for key in keys if key.endswith("/manifest.json")}


@pytest.mark.parametrize("kind", ["backup", "restore", "verify", "drill", "rebuild"])
def test_an_order_that_is_stopped_at_any_look_changes_nothing_and_is_done_by_another(
    timed: Api, clock: Steps, kind: str
) -> None:
    order, queue = orders(timed)[kind], FakeQueue()
    services = replace(timed.services, queue=queue)  # type: ignore[arg-type]
    schema, backups, keys = schema_of(timed.database), listed(timed), keys_of(timed)
    saved = timed.database.rows("jobs")
    timed.database.query("DELETE FROM jobs WHERE id = 1")
    timed.database.query("UPDATE jobs SET job = 'Chief' WHERE id = 2")
    timed.database.query("INSERT INTO jobs VALUES (3, 'Clerk')")
    changed = timed.database.rows("jobs")
    looks = stopped = 0
    while True:
        with timed.services.time_left.ends_in(SECONDS):
            clock.left = looks
            worker.handle(services, json.dumps(order))
        clock.left = float("inf")
        run = timed.services.catalog.run(RUN)
        assert run is not None
        if run.state.final:
            break
        stopped += 1
        assert (run.state, run.phase[:32]) == (RunState.WAITING, "waiting: The worker's time was o")
        assert timed.database.rows("jobs") == changed
        assert left_behind(timed.database, schema, patience=0.2) == []
        assert (listed(timed), manifests(keys_of(timed))) == (backups, manifests(keys))
        assert kind == "backup" or keys_of(timed) == keys
        [(message, _)] = queue.sent
        assert message["late"] == 1
        queue.sent.clear()
        looks += STRIDE if looks else 1
    assert stopped > 1
    assert (run.state, run.error, queue.sent) == (RunState.SUCCEEDED, None, [])
    assert timed.database.rows("jobs") == (saved if kind == "restore" else changed)
    assert left_behind(timed.database, schema, patience=0.2) == []
    assert len(listed(timed) - backups) == (len(timed.database.dictionary.tables) if kind == "backup" else 0)
    assert listed(timed) == manifests(keys_of(timed))


def test_retention_that_is_stopped_tells_it_and_the_next_pass_does_the_rest(timed: Api, clock: Steps) -> None:
    client: Client = timed.client
    clock.left = 3
    with pytest.raises(FunctionFailed):
        client.lambda_.invoke("retention", {"time": "2026-11-22T02:00:00Z"})
    [run] = [each for each in timed.get("/runs").json_body["runs"] if each["kind"] == "retention"]
    assert (run["state"], run["error"]["code"]) == ("failed", "out-of-time")
    clock.left = float("inf")
    assert client.lambda_.invoke("retention", {}).payload["kept"] == 3


def test_the_remaining_time_of_the_context_reaches_the_work(timed: Api) -> None:
    noting = Noting()
    record = delivery(json.dumps(orders(timed)["verify"]), 1)
    with use(replace(timed.services, time_left=noting)):
        timed.client.lambda_.invoke("worker", record)
    assert noting.given == [pytest.approx(900, abs=60)]
