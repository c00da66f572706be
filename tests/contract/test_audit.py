"""The audit log on DynamoDB as moto plays it: it grows without gaps, and what is done to it behind its back shows."""

from __future__ import annotations

import datetime as dt
import json
import socket
import threading
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pynamodb.connection.base import Connection

from chalicelib.audit.anchors import PREFIX, anchor, anchor_daily, verify
from chalicelib.audit.chain import REGISTER, chain_of, digest_of
from chalicelib.audit.recording import record
from chalicelib.audit_log import DynamoAuditLog
from chalicelib.errors import DecantError, Unavailable
from chalicelib.ports import AuditEvent
from chalicelib.storage import FolderStorage
from infra import audit as commands
from infra.application import application_template
from infra.deployment.target import Target
from infra.stage import outputs_of
from tests.aws import REGION
from tests.fakes import FakeAuditLog

NOW = dt.datetime(2026, 11, 22, 2, 20, 45, 123456, tzinfo=dt.UTC)
EVENT = AuditEvent(
    principal="t-1", name="Añez", action="POST /batch", resource="/batch", outcome="201", moment=NOW, run="run-1",
    request="r-1", address="192.0.2.1",
)  # fmt: skip
TABLE: dict[str, Any] = application_template()["Resources"]["AuditTable"]["Properties"]
# One session for all tests, for a new one reads botocore's data again, which takes long.
SESSION = cache(boto3.session.Session)
CHAIN = chain_of("t-1")


@pytest.fixture
def table(aws: None) -> Any:  # noqa: ARG001 - AWS must be there first
    """The table as the template makes it."""
    made = {name: TABLE[name] for name in ("BillingMode", "AttributeDefinitions", "KeySchema")}
    return SESSION().resource("dynamodb", region_name=REGION).create_table(TableName="audit", **made)


@pytest.fixture
def log(table: Any) -> DynamoAuditLog:  # noqa: ARG001 - it must be there
    return DynamoAuditLog("audit", REGION)


@pytest.fixture
def bucket(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path)


def fill(log: DynamoAuditLog, entries: int, principal: str = "t-1") -> None:
    for number in range(entries):
        log.append(replace(EVENT, principal=principal, run=f"run-{number + 1}"))


def broken(log: DynamoAuditLog, bucket: FolderStorage) -> list[tuple[str, int]]:
    return [(each.chain, each.number) for each in verify(log, bucket)]


def rewrite(table: Any, number: int, **changes: str) -> None:
    """Change an entry, and its digest with it, as somebody would who knows how."""
    item = table.get_item(Key={"chain": CHAIN, "number": number})["Item"]
    text = json.dumps({**json.loads(item["text"]), **changes}, sort_keys=True, separators=(",", ":"))
    table.put_item(Item={**item, "text": text, "digest": digest_of(text)})


def test_an_entry_says_who_did_what_and_where_it_stands(log: DynamoAuditLog) -> None:
    fill(log, 2)
    first, second = log.entries(CHAIN)
    assert second.content == {
        "principal": "t-1", "name": "Añez", "action": "POST /batch", "resource": "/batch", "outcome": "201",
        "moment": "2026-11-22T02:20:45.123456+00:00", "run": "run-2", "request": "r-1", "address": "192.0.2.1",
        "chain": CHAIN, "number": 2, "previous": first.digest,
    }  # fmt: skip
    assert [entry.content["run"] for entry in log.entries(CHAIN, newest_first=True, limit=1)] == ["run-2"]


def test_each_principal_has_a_chain_that_the_register_knows(log: DynamoAuditLog, bucket: FolderStorage) -> None:
    for principal in ("a", "b", "a", REGISTER):
        log.append(replace(EVENT, principal=principal))
    assert list(log.chains()) == [REGISTER, chain_of("a"), chain_of("b"), chain_of(REGISTER)]
    assert [len(list(log.entries(chain))) for chain in log.chains()] == [3, 2, 1, 1]
    assert broken(log, bucket) == []


def test_entries_of_many_at_once_stand_one_after_the_other(
    log: DynamoAuditLog, bucket: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[Exception] = []
    call, lock = Connection._make_api_call, threading.Lock()

    def one_at_a_time(*arguments: Any, **named: Any) -> Any:  # moto checks a condition and puts in two steps
        with lock:
            return call(*arguments, **named)

    monkeypatch.setattr(Connection, "_make_api_call", one_at_a_time)
    monkeypatch.setattr("chalicelib.audit_log._TRY_SECONDS", 60)  # a busy machine gives nobody his turn for long

    def write(request: str) -> None:
        mine = DynamoAuditLog("audit", REGION)
        try:
            for number in range(4):
                mine.append(replace(EVENT, request=f"{request}-{number}"))
        except Unavailable as error:
            lost.append(error)

    threads = [threading.Thread(target=write, args=[f"r-{each}"]) for each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []
    assert [entry.number for entry in log.entries(CHAIN)] == list(range(1, 17))
    assert broken(log, bucket) == []


def test_a_put_whose_answer_was_lost_is_not_entered_twice(
    log: DynamoAuditLog, monkeypatch: pytest.MonkeyPatch, asked: list[tuple[str, bool]]
) -> None:
    """It is looked for by a consistent read, or it might not be seen yet."""
    put = DynamoAuditLog._put

    def twice(self: DynamoAuditLog, entry: Any) -> None:
        put(self, entry)
        put(self, entry)

    fill(log, 1)
    monkeypatch.setattr(DynamoAuditLog, "_put", twice)
    asked.clear()
    log.append(EVENT)
    assert asked == [("Query", True), ("PutItem", False), ("PutItem", False), ("Query", True)]
    assert len(list(log.entries(CHAIN))) == 2


class TestTampering:
    @pytest.fixture(autouse=True)
    def three_entries_and_an_anchor(self, log: DynamoAuditLog, bucket: FolderStorage) -> None:
        fill(log, 3)
        assert anchor(log, bucket, NOW) is not None
        assert broken(log, bucket) == []

    def test_a_changed_entry_is_found(self, log: DynamoAuditLog, table: Any, bucket: FolderStorage) -> None:
        item = table.get_item(Key={"chain": CHAIN, "number": 2})["Item"]
        table.put_item(Item={**item, "text": item["text"].replace("201", "403")})
        assert broken(log, bucket) == [(CHAIN, 2)]

    def test_a_changed_entry_with_a_digest_that_fits_is_found(
        self, log: DynamoAuditLog, table: Any, bucket: FolderStorage
    ) -> None:
        rewrite(table, 2, outcome="403")
        assert broken(log, bucket) == [(CHAIN, 3)]

    @pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"number": 2}'])
    def test_an_entry_that_is_none_is_found(
        self, log: DynamoAuditLog, table: Any, bucket: FolderStorage, text: str
    ) -> None:
        table.put_item(Item={"chain": CHAIN, "number": 2, "text": text or " ", "digest": digest_of(text or " ")})
        assert (CHAIN, 2) in broken(log, bucket)

    def test_a_removed_entry_is_found(self, log: DynamoAuditLog, table: Any, bucket: FolderStorage) -> None:
        table.delete_item(Key={"chain": CHAIN, "number": 2})
        assert broken(log, bucket) == [(CHAIN, 2)]

    def test_entries_in_another_order_are_found(self, log: DynamoAuditLog, table: Any, bucket: FolderStorage) -> None:
        first, second = (table.get_item(Key={"chain": CHAIN, "number": n})["Item"] for n in (1, 2))
        table.put_item(Item={**first, "number": 2})
        table.put_item(Item={**second, "number": 1})
        assert (CHAIN, 1) in broken(log, bucket)

    def test_a_cut_end_is_found_by_the_anchor(self, log: DynamoAuditLog, table: Any, bucket: FolderStorage) -> None:
        table.delete_item(Key={"chain": CHAIN, "number": 3})
        assert broken(log, bucket) == [(CHAIN, 3)]

    def test_a_cut_end_that_was_written_anew_is_found_by_the_anchor(
        self, log: DynamoAuditLog, table: Any, bucket: FolderStorage
    ) -> None:
        table.delete_item(Key={"chain": CHAIN, "number": 3})
        log.append(replace(EVENT, outcome="403"))
        assert broken(log, bucket) == [(CHAIN, 3)]

    def test_a_chain_that_is_gone_is_found_without_an_anchor(
        self, log: DynamoAuditLog, table: Any, bucket: FolderStorage
    ) -> None:
        fill(log, 1, principal="t-2")
        table.delete_item(Key={"chain": chain_of("t-2"), "number": 1})
        assert broken(log, bucket) == [(chain_of("t-2"), 1)]

    def test_a_chain_that_is_gone_with_its_register_is_found_by_the_anchor(
        self, log: DynamoAuditLog, table: Any, bucket: FolderStorage
    ) -> None:
        for chain, number in ((REGISTER, 1), (CHAIN, 1), (CHAIN, 2), (CHAIN, 3)):
            table.delete_item(Key={"chain": chain, "number": number})
        assert set(broken(log, bucket)) == {(REGISTER, 1), (CHAIN, 1), (CHAIN, 3)}

    def test_what_was_entered_since_the_anchor_is_no_break(self, log: DynamoAuditLog, bucket: FolderStorage) -> None:
        fill(log, 2)
        fill(log, 2, principal="t-2")
        assert broken(log, bucket) == []


def test_an_anchor_holds_the_heads_of_all_chains(log: DynamoAuditLog, bucket: FolderStorage) -> None:
    assert anchor(log, bucket, NOW) is None
    fill(log, 2)
    key = anchor(log, bucket, NOW)
    assert key is not None
    assert key.startswith(f"{PREFIX}20261122T")
    with bucket.open(key) as stream:
        written = json.load(stream)
    heads = {chain: head for chain in (REGISTER, CHAIN) if (head := log.head(chain)) is not None}
    assert written == {
        "moment": NOW.isoformat(),
        "heads": {chain: {"number": head.number, "digest": head.digest} for chain, head in heads.items()},
    }


def test_one_anchor_a_day_is_enough(log: DynamoAuditLog, bucket: FolderStorage) -> None:
    assert anchor_daily(log, bucket, NOW) is None, "there is nothing to anchor"
    fill(log, 1)
    first = anchor_daily(log, bucket, NOW)
    assert anchor_daily(log, bucket, NOW) is None
    second = anchor_daily(log, bucket, NOW + dt.timedelta(days=1))
    assert [each.key for each in bucket.list(PREFIX)] == [first, second]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem"), Unavailable),
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutItem"), DecantError),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), Unavailable),
    ],
    ids=["throughput", "denied", "connection"],
)
def test_what_keeps_an_entry_from_being_written_is_told_as_ours(
    log: DynamoAuditLog, monkeypatch: pytest.MonkeyPatch, error: Exception, raised: type[DecantError]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("pynamodb.connection.base.Connection._make_api_call", fail)
    with pytest.raises(DecantError) as found:
        log.append(EVENT)
    assert found.type is raised


def test_a_race_that_is_always_lost_ends(log: DynamoAuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(pauses))
    monkeypatch.setattr(DynamoAuditLog, "_appended", lambda *_: False)
    with pytest.raises(Unavailable, match="again and again"):
        log.append(EVENT)
    assert max(pauses) <= 0.5
    assert 8 < sum(pauses) <= 8.5


def test_a_table_that_never_answers_is_given_up_before_the_request_is() -> None:
    """A view may take 20 s of the 29 that API Gateway gives a request."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        log = DynamoAuditLog("audit", REGION, {"host": host, **credentials})
        with pytest.raises(Unavailable):
            log.append(EVENT)  # which also makes the client, and that is slow on a busy machine
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            log.append(EVENT)
    assert time.monotonic() - begun < 8


def test_an_entry_that_is_lost_is_told_whole_and_counted(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not record(FakeAuditLog(down=True), EVENT)
    [line] = caplog.records
    assert line.levelname == "ERROR"
    assert line.__dict__["entry"]["run"] == "run-1"
    assert json.loads(capsys.readouterr().out)["AuditEntriesLost"] == [1.0]


class TestCommands:
    """``make audit`` and ``make audit-verify`` on AWS as moto plays it."""

    @pytest.fixture(autouse=True)
    def deployed(self, log: DynamoAuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
        boto3.client("s3").create_bucket(Bucket="backups", CreateBucketConfiguration={"LocationConstraint": REGION})
        made = {"AuditTable": "audit", "BackupBucket": "backups"}
        monkeypatch.setattr(commands, "reach", lambda _stage: Target(boto3.Session(region_name=REGION)))
        monkeypatch.setattr(commands, "outputs_of", lambda *_: made)
        fill(log, 2)
        fill(log, 1, principal="t-2")

    def run(self, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["audit", *arguments])
        return commands.main()

    def test_the_newest_entries_are_listed(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(monkeypatch, "audit", "--principal", "t-1", "--limit", "1") == 0
        assert capsys.readouterr().out == (
            "2026-11-22T02:20:45.123456+00:00  Añez (t-1)  POST /batch /batch: 201  "
            "run run-2, request r-1, address 192.0.2.1\n"
        )
        assert self.run(monkeypatch, "audit") == 0
        assert len(capsys.readouterr().out.splitlines()) == 3

    def test_a_line_can_not_be_forged_by_a_path_that_a_caller_sends(
        self, log: DynamoAuditLog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log.append(replace(EVENT, principal="t-3", resource="/runs/Año\n2026 forged\x1b[2J\u2028/replay"))
        assert self.run(monkeypatch, "audit", "--principal", "t-3") == 0
        [line] = capsys.readouterr().out.splitlines()
        assert r"/runs/Año\n2026 forged\x1b[2J\u2028/replay" in line

    def test_whole_chains_are_told(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run(monkeypatch, "audit-verify") == 0
        assert capsys.readouterr().out == "3 chains of 5 entries are as they were written.\n"

    def test_a_break_is_told_with_its_place(
        self, table: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        table.delete_item(Key={"chain": CHAIN, "number": 1})
        assert self.run(monkeypatch, "audit-verify") == 1
        assert capsys.readouterr().out.startswith("principal/t-1, entry 1: it is gone")

    def test_a_stage_that_is_not_there_is_a_clear_error(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(commands, "outputs_of", outputs_of)
        assert self.run(monkeypatch, "audit-verify", "--stage", "nowhere") == 2
        assert "There is no stack decant-nowhere in" in capsys.readouterr().err

    @pytest.mark.parametrize("fails", [False, True])
    def test_what_a_command_does_is_entered_with_how_it_ended(self, log: DynamoAuditLog, fails: bool) -> None:
        def command() -> None:
            with commands.audited(log, boto3.client("sts"), "make revoke-token", "t-9"):
                if fails:
                    raise ValueError("no")

        if fails:
            with pytest.raises(ValueError, match="no"):
                command()
        else:
            command()
        [principal] = [each for each in log.chains() if each.startswith("principal/arn:aws:")]
        [entry] = log.entries(principal)
        assert entry.content["action"] == "make revoke-token"
        assert entry.content["outcome"] == ("failed" if fails else "succeeded")
