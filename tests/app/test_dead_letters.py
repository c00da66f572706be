"""The dead-letter queue by the API: what is in it and why, and back to the workers with it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from chalicelib import worker
from chalicelib.errors import DecantError, Unavailable
from chalicelib.identifiers import new_id
from chalicelib.queue import SqsDeadLetters, SqsQueue
from chalicelib.telemetry.context import anew, subject
from chalicelib.work.dead_letters import look, redrive
from tests.app.conftest import Api
from tests.contract.test_worker import DownDatabase

POISON = "no JSON"


def let_die(api: Api) -> None:
    """What the queue does with a message that is given out five times in vain, for all that are in it."""
    url = api.services.settings.queue_url
    down: Any = DownDatabase()
    dead = api.services.queue.dead_letters()
    while found := api.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in found:
            body = each["Body"]
            if body != POISON:
                body = json.dumps({**json.loads(body), "tries": 10})
            with pytest.raises(DecantError):
                worker.handle(replace(api.services, database=down), body, 1)
            dead.put(body)
            api.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])


def letters(api: Api) -> list[Mapping[str, Any]]:
    answer = api.get("/dead-letters")
    assert answer.status_code == 200
    assert answer.json_body["more"] is False
    found: list[Mapping[str, Any]] = answer.json_body["messages"]
    return found


def dead_now(api: Api) -> tuple[int, int]:
    """How many messages are dead: those that anybody may take, and those that somebody has taken and hides."""
    url = api.sqs.get_queue_url(QueueName="decant-dead")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = api.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(told[names[0]]), int(told[names[1]])


@pytest.fixture
def dead(filled: Api) -> tuple[str, str]:
    """The runs of two orders for which the database was down, and a message that is none."""
    runs = [filled.post(path).json_body["id"] for path in ("/backups", "/tables/jobs/backups")]
    filled.services.queue.put(POISON)
    let_die(filled)
    return runs[0], runs[1]


def test_each_message_is_told_with_its_run_and_the_reason(filled: Api, dead: tuple[str, str]) -> None:
    for _ in range(2):  # looking takes nothing away, and hides nothing
        backup, other, poison = letters(filled)
        assert [[run["id"] for run in each["runs"]] for each in (backup, other, poison)] == [[dead[0]], [dead[1]], []]
        [run] = backup["runs"]
        assert run == filled.get(f"/runs/{dead[0]}").json_body
        assert (run["kind"], run["state"], run["error"]["code"]) == ("backup", "failed", "unavailable")
        assert run["error"]["detail"] == "The database can't be reached."
        assert backup["problem"] is None
        assert (poison["body"], "no JSON" in poison["problem"]) == (POISON, True)
        assert backup["sent"] <= poison["sent"]


def test_what_is_brought_back_is_done_and_its_run_ends_well(filled: Api, dead: tuple[str, str]) -> None:
    answer = filled.post("/dead-letters/redrive", {"run": dead[0]})
    assert (answer.status_code, answer.json_body) == (200, {"redriven": 1, "more": False})
    assert dead_now(filled) == (2, 0)
    filled.work()
    run = filled.get(f"/runs/{dead[0]}").json_body
    assert (run["state"], run["error"], run["result"]["rows"]) == ("succeeded", None, 4)
    assert dead[0] not in {run["id"] for each in letters(filled) for run in each["runs"]}
    assert filled.get(f"/runs/{dead[1]}").json_body["state"] == "failed"


def test_all_of_it_is_brought_back_when_no_run_is_named(filled: Api, dead: tuple[str, str]) -> None:
    assert filled.post("/dead-letters/redrive").json_body == {"redriven": 3, "more": False}
    assert dead_now(filled) == (0, 0)
    bodies = []
    url = filled.services.settings.queue_url
    while found := filled.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [each["Body"] for each in found]
    assert POISON in bodies
    assert {json.loads(body)["run"] for body in bodies if body != POISON} == set(dead)


@pytest.mark.parametrize(
    ("fails", "done_all_the_same", "left", "sent"),
    [("put", False, 2, 1), ("delete", False, 2, 2), ("delete", True, 1, 2)],
)
def test_a_queue_that_fails_meanwhile_loses_nothing_and_hides_nothing(
    filled: Api, dead: tuple[str, str], monkeypatch: pytest.MonkeyPatch, fails: str, done_all_the_same: bool,
    left: int, sent: int,
) -> None:  # fmt: skip
    """Of three the second fails, or its answer is lost: sent before it is deleted, it may come twice."""
    assert dead
    kind: Any = SqsQueue if fails == "put" else SqsDeadLetters
    done, calls = getattr(kind, fails), count(1)

    def fails_once(*given: Any) -> None:
        second = next(calls) == 2
        if not second or done_all_the_same:
            done(*given)
        if second:
            raise Unavailable("The work queue can't be reached.")

    with monkeypatch.context() as patch:
        patch.setattr(kind, fails, fails_once)
        assert filled.post("/dead-letters/redrive").status_code == 503
    assert (dead_now(filled), filled.services.queue.waiting()) == ((left, 0), sent)
    assert filled.post("/dead-letters/redrive").json_body == {"redriven": left, "more": False}
    assert dead_now(filled) == (0, 0)


def test_one_that_can_not_be_let_go_of_hides_no_other(
    filled: Api, dead: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dead
    ask, calls = SqsQueue._call, count(1)

    def busy_once(queue: SqsQueue, operation: str, **given: Any) -> Any:
        if operation == "change_message_visibility" and next(calls) == 1:
            raise Unavailable("The work queue is busy.")
        return ask(queue, operation, **given)

    with monkeypatch.context() as patch:
        patch.setattr(SqsQueue, "_call", busy_once)
        assert len(letters(filled)) == 3
    assert dead_now(filled) == (2, 1)


def test_an_order_is_brought_back_once_for_each_idempotency_key(filled: Api, dead: tuple[str, str]) -> None:
    key = {"Idempotency-Key": "redrive-once"}
    answers = [filled.post("/dead-letters/redrive", {"run": dead[0]}, headers=key).json_body for _ in range(2)]
    assert answers == [{"redriven": 1, "more": False}] * 2


@pytest.mark.parametrize("body", [{"run": 1}, {"run": "x"}, {"run": ""}, {"runs": []}, []])
def test_an_order_that_can_not_be_meant_moves_nothing(filled: Api, dead: tuple[str, str], body: Any) -> None:
    assert dead
    assert filled.post("/dead-letters/redrive", body).status_code == 400
    assert dead_now(filled) == (3, 0)


def test_only_so_many_are_told_and_moved_at_once_and_more_are_there(
    filled: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.work.dead_letters.MOST", 12)
    put_others(filled, 15)
    answer = filled.get("/dead-letters?limit=11").json_body
    assert (len(answer["messages"]), answer["more"]) == (11, True)
    answers = [filled.post("/dead-letters/redrive").json_body for _ in range(2)]
    assert answers == [{"redriven": 12, "more": True}, {"redriven": 3, "more": False}]
    assert (dead_now(filled), filled.services.queue.waiting()) == ((0, 0), 15)


def put_others(api: Api, number: int) -> None:
    for each in range(number):
        api.services.queue.dead_letters().put(json.dumps({"Event": "s3:TestEvent", "number": each}))


def test_the_work_of_one_run_is_found_behind_any_number_of_others(filled: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.work.dead_letters.MOST", 12)
    put_others(filled, 25)
    run = filled.post("/backups").json_body["id"]
    let_die(filled)
    assert filled.post("/dead-letters/redrive", {"run": run}).json_body == {"redriven": 1, "more": False}
    filled.work()
    assert filled.get(f"/runs/{run}").json_body["state"] == "succeeded"
    assert dead_now(filled) == (25, 0)


def test_the_search_for_a_run_ends_while_the_caller_still_waits(filled: Api) -> None:
    put_others(filled, 25)
    moments = count(step=9.0)
    assert redrive(filled.services, new_id(dt.datetime.now(dt.UTC)), lambda: next(moments)) == (0, True)
    assert next(moments) < 40
    assert dead_now(filled) == (25, 0)


def test_who_looks_at_dead_letters_is_about_none_of_their_runs(filled: Api, dead: tuple[str, str]) -> None:
    assert dead
    with anew(request_id="r1"):
        look(filled.services, 100)
        assert subject() == {"request_id": "r1"}


def test_a_queue_that_is_down_is_told(filled: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(_: object) -> None:
        raise Unavailable("The work queue can't be reached.")

    monkeypatch.setattr(type(filled.services.queue), "dead_letters", down)
    assert filled.get("/dead-letters").status_code == 503
    assert filled.post("/dead-letters/redrive").status_code == 503
