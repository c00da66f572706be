"""What enters the audit log of requests, and what the log of lines must never show of them."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from chalicelib.access.principal import Principal, Scope
from chalicelib.api import auditing
from chalicelib.errors import DecantError
from chalicelib.ports import AuditEvent
from chalicelib.telemetry.lines import configure
from chalicelib.wiring import use
from tests.app.conftest import TOKEN, Api
from tests.fakes import FakeAuditLog

CALLER = Principal("t-1", "Añez", frozenset({Scope.WRITE}))
ROWS = [{"id": 7, "job": "Analyst"}]


class _Forbidden(DecantError):
    status = 403


def fail(error: Exception) -> NoReturn:
    raise error


@pytest.fixture(autouse=True)
def caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """All requests are those of one caller, as the audit log sees it."""
    monkeypatch.setattr(auditing, "principal_of", lambda *_: CALLER)


def entered(api: Api) -> list[AuditEvent]:
    log: Any = api.services.audit
    assert isinstance(log, FakeAuditLog)
    return log.events


def test_an_entry_tells_who_did_what_from_where_and_in_which_run(api: Api) -> None:
    answer = api.post("/tables/j%6Fbs/rows?mode=atomic", ROWS)
    [event] = entered(api)
    assert (event.principal, event.name) == ("t-1", "Añez")
    assert (event.action, event.resource) == ("POST /tables/{table}/rows", "/tables/jobs/rows")
    assert (event.outcome, event.run) == ("201", answer.json_body["run"])
    assert event.address == "127.0.0.1"
    assert event.request is not None
    assert event.moment.tzinfo is not None


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("/tables/jobs/rows", ROWS, "run"),
        ("/tables/jobs/rows", [{"id": None, "job": ""}], "run"),
        ("/batch", {"jobs": ROWS}, "run"),
        ("/uploads", {"filename": "jobs.csv"}, "run"),
        ("/backups", None, "id"),
        ("/tables/jobs/backups", {}, "id"),
    ],
)
def test_the_run_is_that_which_the_answer_tells_also_when_the_answer_is_repeated(
    api: Api, path: str, body: Any, key: str
) -> None:
    answers = [api.post(path, body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [event.run for event in entered(api)] == [answer.json_body[key] for answer in answers]
    assert len({event.run for event in entered(api)}) == 1


def test_corrections_are_a_run_of_their_own(api: Api) -> None:
    rejected = api.post("/tables/jobs/rows", [{"id": 7, "job": ""}]).json_body["run"]
    corrected = api.post(f"/runs/{rejected}/replay", [{"row": 1, "job": "Analyst"}]).json_body["run"]
    assert [event.run for event in entered(api)] == [rejected, corrected]
    assert entered(api)[-1].resource == f"/runs/{rejected}/replay"


@pytest.mark.parametrize(
    ("path", "raw", "status"),
    [("/batch", b"{", "400"), ("/tables/nosuch/rows", b"[{}]", "404"), ("/batch?nosuch=1", b"{}", "400")],
)
def test_what_was_refused_is_entered_with_its_status_and_without_a_run(
    api: Api, path: str, raw: bytes, status: str
) -> None:
    api.post(path, raw=raw)
    [event] = entered(api)
    assert (event.outcome, event.run) == (status, None)
    assert "?" not in event.resource


def test_who_only_looks_is_not_entered_unless_it_was_not_allowed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.get("/tables")
    api.get("/runs/20261122T022045123456-4f2a9c1b")
    assert entered(api) == []
    monkeypatch.setattr("chalicelib.api.tables.table_object", lambda *_: fail(_Forbidden("Not yours.")))
    assert api.get("/tables").status_code == 403
    [event] = entered(api)
    assert (event.action, event.outcome) == ("GET /tables", "403")


def test_an_answer_stands_though_its_entry_is_lost(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    with use(replace(api.services, audit=FakeAuditLog(down=True))):
        assert api.post("/tables/jobs/rows", ROWS).status_code == 201
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["AuditEntriesLost"] for line in lines if "AuditEntriesLost" in line] == [[1.0]]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A value that stands for every cell, token and secret; and logging as in Lambda, from the first request on."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "decant-test-api")
    monkeypatch.setenv("DECANT_LOG_LEVEL", "DEBUG")
    root, ours = logging.getLogger(), logging.getLogger("chalicelib")
    handlers, levels = root.handlers, (root.level, ours.level)
    yield f"planted-{secrets.token_hex(8)}"
    logging.captureWarnings(False)
    root.handlers = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def test_no_line_shows_a_token_a_secret_or_a_cell(
    filled: Api, planted: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    filled.get("/tables", headers={"Authorization": f"Bearer {planted}"})
    filled.post("/tables/jobs/rows", [{"id": 9, "job": planted}])
    filled.post("/tables/jobs/rows", [{"id": 9, "job": f"{planted}2"}, {"id": planted, "job": planted}])
    filled.post("/batch", raw=b"{" + planted.encode())
    filled.get(f"/tables/jobs/rows?job={planted}")
    filled.drop(f"incoming/jobs/{9}.csv", f"10,{planted}\n{planted},x\n".encode())
    filled.drop("incoming/jobs/broken.csv", f'10,"{planted}\n'.encode())
    filled.work()
    # What the database says of a row that it refuses, in a statement that nobody foresaw.
    statements = (
        f"SELECT CAST('{planted}' AS integer)",
        f"INSERT INTO jobs VALUES (1, '{planted}')",
        f"INSERT INTO hired_employees VALUES (1, '{planted}', now(), 77, 88)",
        f"SELECT {planted}",
        f"SELECT '{planted}' FROM",
    )
    for statement in statements:

        def refused(*_: Any, statement: str = statement) -> Any:
            with filled.services.database.transaction() as transaction:
                return transaction.run(statement)

        monkeypatch.setattr("chalicelib.api.tables.write_batch", refused)
        assert filled.post("/tables/jobs/rows", ROWS).status_code in (409, 500, 503)
    monkeypatch.setattr("chalicelib.api.tables.write_batch", lambda *_: dict[str, str]()[planted])
    assert filled.post("/tables/jobs/rows", ROWS).status_code == 500
    monkeypatch.setattr("chalicelib.worker.handle", lambda *_: int(planted))
    event = filled.client.events.generate_sqs_event([planted])
    with pytest.raises(Exception, match="The function failed") as found:
        filled.client.lambda_.invoke("worker", event)
    assert planted not in str(found.value)
    written = "".join(capfd.readouterr())
    lines = [json.loads(line) for line in written.splitlines()]
    assert planted not in written
    assert filled.database.app.password not in written
    assert TOKEN not in written
    failures = [line for line in lines if line.get("level") == "ERROR"]
    assert len(failures) >= 4
    assert all(line["exception"][0]["frames"] and line["request_id"] for line in failures)
    runs = [line for line in lines if str(line.get("message", "")).startswith("load of jobs")]
    assert {line["state"] for line in runs} == {"succeeded", "failed"}
    assert all(line["run_id"] for line in runs)
    assert {line["principal_id"] for line in lines if line.get("kind") == "batch"} == {"t-1"}
