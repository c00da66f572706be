"""The contract of ``ports.Catalog``, held by a catalogue in memory and by DynamoDB as moto plays it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.catalog import DynamoCatalog
from chalicelib.errors import DecantError, Unavailable
from chalicelib.identifiers import new_id
from chalicelib.ports import Backup, Catalog, Counts, Run, RunKind, RunState, Source
from tests.aws import REGION
from tests.fakes import FakeCatalog

NOW = dt.datetime(2026, 11, 22, 2, 20, 45, 123456, tzinfo=dt.UTC)
RUN = Run(
    id="20261122T022045123456-4f2a9c1b",
    kind=RunKind.LOAD,
    table="departments",
    state=RunState.SUCCEEDED,
    dictionary="hash",
    phase="done",
    progress=2_000_000_000,
    expected=3_000_000_000,
    source=Source("bucket", "incoming/ñ.csv", None),
    counts=Counts(5, 1, 1, 1, 2),
    created=NOW,
    started=NOW,
    ended=NOW,
    note="It waited.",
    error={"code": "x", "hint": None},
    result={"rows": 5, "tables": ["a"]},
)
BARE = Run("20261122T022045123457-4f2a9c1b", RunKind.BATCH, None, RunState.QUEUED, "hash")
BACKUP = Backup("20261122T022045123456-00000000", "jobs", "snapshot", 3, 2**40, "ab" * 32, NOW, "hash")


@pytest.fixture
def make_dynamo(aws: None) -> Callable[[str], DynamoCatalog]:  # noqa: ARG001 - AWS must be there first
    """Make an empty catalogue in a table of this name, in the place of one that is there."""
    client = boto3.client("dynamodb", region_name=REGION)

    def make(table: str) -> DynamoCatalog:
        if table in client.list_tables()["TableNames"]:
            client.delete_table(TableName=table)
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("partition", "id")],
            KeySchema=[
                {"AttributeName": "partition", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
        )
        return DynamoCatalog(table, REGION)

    return make


@pytest.fixture
def dynamo(make_dynamo: Callable[[str], DynamoCatalog]) -> DynamoCatalog:
    return make_dynamo("catalog")


@pytest.fixture(params=["memory", "dynamo"])
def catalog(request: pytest.FixtureRequest) -> Catalog:
    found: Catalog = FakeCatalog() if request.param == "memory" else request.getfixturevalue("dynamo")
    return found


@pytest.mark.parametrize("run", [RUN, BARE], ids=["full", "bare"])
def test_a_run_comes_back_as_it_was_put(catalog: Catalog, run: Run) -> None:
    catalog.put_run(run)
    assert catalog.run(run.id) == run


def test_a_backup_comes_back_as_it_was_put(catalog: Catalog) -> None:
    catalog.put_backup(BACKUP)
    assert catalog.backup(BACKUP.id) == BACKUP
    changed = replace(BACKUP, state="gone")
    catalog.put_backup(changed)
    assert catalog.backup(BACKUP.id) == changed


def test_what_becomes_of_a_backup_is_noted(catalog: Catalog) -> None:
    catalog.put_backup(BACKUP)
    assert catalog.note_backup(BACKUP.id, pinned=True)
    assert catalog.note_backup(BACKUP.id, verified=NOW)
    assert catalog.backup(BACKUP.id) == replace(BACKUP, pinned=True, verified=NOW)
    assert catalog.note_backup(BACKUP.id, pinned=False)
    assert catalog.backup(BACKUP.id) == replace(BACKUP, verified=NOW)


def test_what_is_not_listed_is_not_noted(catalog: Catalog) -> None:
    """Or a backup that is being deleted would be listed again."""
    assert not catalog.note_backup(BACKUP.id, pinned=True)
    assert catalog.backup(BACKUP.id) is None


def test_a_backup_is_listed_no_longer(catalog: Catalog) -> None:
    catalog.put_backup(BACKUP)
    for _ in range(2):
        catalog.delete_backup(BACKUP.id)
        assert catalog.backup(BACKUP.id) is None


@pytest.mark.parametrize("identifier", ["nosuch", ""])
def test_what_is_not_there_is_none(catalog: Catalog, identifier: str) -> None:
    catalog.put_run(RUN)
    assert catalog.run(identifier) is None
    assert catalog.backup(identifier) is None
    assert catalog.backup(RUN.id) is None


def test_a_run_is_added_once(catalog: Catalog) -> None:
    assert catalog.add_run(BARE) is True
    assert catalog.add_run(replace(BARE, table="jobs")) is False
    assert catalog.run(BARE.id) == BARE


@pytest.mark.parametrize("run", [RUN, BARE], ids=["full", "bare"])
def test_a_run_whose_put_was_answered_too_late_is_added_all_the_same(catalog: Catalog, run: Run) -> None:
    """The client of DynamoDB tries a put again when its answer is lost, and finds what it put itself."""
    assert catalog.add_run(run) is True
    assert catalog.add_run(run) is True


def test_a_run_that_has_ended_stays_ended(catalog: Catalog) -> None:
    catalog.put_run(RUN)
    for state in (RunState.QUEUED, RunState.WAITING, RunState.RUNNING):
        catalog.put_run(replace(RUN, state=state, progress=1))
        assert catalog.run(RUN.id) == RUN


def test_a_run_that_has_failed_may_be_opened_again_and_no_other(catalog: Catalog) -> None:
    queued = replace(RUN, state=RunState.QUEUED, ended=None, error=None)
    for state in set(RunState) - {RunState.FAILED}:
        known = replace(RUN, id=f"{RUN.id[:-8]}{len(state):04}{state:.4}", state=state)
        catalog.put_run(known)
        catalog.reopen_run(replace(queued, id=known.id))
        assert catalog.run(known.id) == known
    catalog.put_run(replace(RUN, state=RunState.FAILED))
    catalog.reopen_run(queued)
    assert catalog.run(RUN.id) == queued


def test_its_end_may_be_told_better(catalog: Catalog) -> None:
    for state in (RunState.RUNNING, RunState.FAILED, RunState.SUCCEEDED):
        catalog.put_run(replace(RUN, state=state))
        found = catalog.run(RUN.id)
        assert found is not None
        assert found.state is state


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables=st.lists(st.sampled_from(["a", "b", None]), max_size=12), limit=st.integers(1, 5))
@pytest.mark.parametrize("wanted", [None, "a"])
def test_pages_list_all_there_is_newest_first(
    make_dynamo: Callable[[str], DynamoCatalog], wanted: str | None, tables: list[str | None], limit: int
) -> None:
    memory, dynamo = FakeCatalog(), make_dynamo("catalog")
    for number, table in enumerate(tables):
        run = replace(BARE, id=new_id(NOW + dt.timedelta(seconds=number)), table=table)
        dynamo.put_run(run)
        memory.put_run(run)
    expected = memory.runs(limit=1000, table=wanted).items
    for catalog in (memory, dynamo):
        seen: list[Run] = []
        after = None
        while True:
            page = catalog.runs(limit=limit, after=after, table=wanted)
            assert len(page.items) <= limit
            seen += page.items
            if page.next is None:
                break
            after = page.next
        assert seen == expected


def test_what_is_told_is_there_for_whoever_asks_next(dynamo: DynamoCatalog, asked: list[tuple[str, bool]]) -> None:
    """Retention asks for what was ordered just now, and for the listed backups before it looks into the bucket."""
    for read in (dynamo.run, dynamo.backup):
        read(RUN.id)
    for listing in (dynamo.runs, dynamo.backups):
        listing(limit=1)
    assert asked == [("GetItem", True)] * 2 + [("Query", True)] * 2


def test_a_run_s_item_expires_a_year_after_it_was_made(dynamo: DynamoCatalog) -> None:
    dynamo.put_run(RUN)
    dynamo.put_backup(BACKUP)
    items = boto3.client("dynamodb", region_name="eu-central-1").scan(TableName="catalog")["Items"]
    expiring = {item["partition"]["S"]: item.get("expires") for item in items}
    assert expiring["backup"] is None
    assert int(expiring["run"]["N"]) == int((NOW + dt.timedelta(days=366)).timestamp())


def test_the_listing_of_runs_has_no_backups(catalog: Catalog) -> None:
    catalog.put_run(RUN)
    catalog.put_backup(BACKUP)
    assert catalog.runs(limit=5).items == [RUN]
    assert catalog.backups(limit=5).items == [BACKUP]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem"), Unavailable),
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem"), Unavailable),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), Unavailable),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), Unavailable),
        (ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"), Unavailable),
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutItem"), DecantError),
    ],
    ids=["throughput", "throttling", "connection", "silence", "no-connection", "denied"],
)
def test_errors_are_told_as_ours(
    dynamo: DynamoCatalog, monkeypatch: pytest.MonkeyPatch, error: Exception, raised: type[DecantError]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("pynamodb.connection.base.Connection._make_api_call", fail)
    calls: list[Any] = [
        lambda: dynamo.put_run(BARE),
        lambda: dynamo.add_run(BARE),
        lambda: dynamo.run(BARE.id),
        lambda: dynamo.runs(limit=1),
        lambda: dynamo.put_backup(BACKUP),
        lambda: dynamo.note_backup(BACKUP.id, pinned=True),
        lambda: dynamo.delete_backup(BACKUP.id),
    ]
    for call in calls:
        with pytest.raises(DecantError) as found:
            call()
        assert found.type is raised
