"""The Lambda Runtime API that LocalStack's functions ask, spoken to as a runtime client does."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import pytest

from infra.localstack.decant_localstack.runtime_api import PATH, Invocation, Outcome, RuntimeApi

CALL = Invocation("one", "arn:function", "Root=1", b'{"a": 1}', seconds=5)


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with closing(RuntimeApi()) as served:
        yield served


def ask(api: RuntimeApi, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    with closing(http.client.HTTPConnection(api.address, timeout=10)) as connection:
        connection.request(method, PATH + path, body)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


def test_an_invocation_is_handed_out_with_what_the_client_needs(api: RuntimeApi) -> None:
    api.hand_out(CALL)
    status, headers, body = ask(api, "GET", "/invocation/next")
    assert (status, body) == (200, b'{"a": 1}')
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "one"
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:function"
    assert headers["Lambda-Runtime-Trace-Id"] == "Root=1"
    assert int(headers["Lambda-Runtime-Deadline-Ms"]) > 5000


def test_a_process_has_started_when_it_asks_for_work(api: RuntimeApi) -> None:
    asking = Thread(target=ask, args=(api, "GET", "/invocation/next"))
    assert not api.started.done()
    asking.start()
    assert api.started.result(10) is None
    api.close()
    asking.join(10)
    assert not asking.is_alive()


@pytest.mark.parametrize(("kind", "is_error"), [("response", False), ("error", True)])
def test_what_comes_of_it_is_taken_once(api: RuntimeApi, kind: str, is_error: bool) -> None:
    outcome = api.hand_out(CALL)
    assert ask(api, "POST", f"/invocation/another/{kind}", b"1")[0] == 400
    assert not outcome.done()
    assert ask(api, "POST", f"/invocation/one/{kind}", b"2")[0] == 202
    assert outcome.result(0) == Outcome(b"2", is_error)
    assert ask(api, "POST", f"/invocation/one/{kind}", b"3")[0] == 400


def test_a_process_that_could_not_begin_tells_why(api: RuntimeApi) -> None:
    assert ask(api, "POST", "/init/error", b'{"errorType": "x"}')[0] == 202
    assert api.started.result(0) == Outcome(b'{"errorType": "x"}', is_error=True)


def test_the_end_of_the_process_is_the_outcome_of_what_it_was_at(api: RuntimeApi) -> None:
    outcome = api.hand_out(CALL)
    api.end(Outcome(b"gone", is_error=True))
    assert outcome.result(0) == Outcome(b"gone", is_error=True)
    assert api.started.result(0) == Outcome(b"gone", is_error=True)
    assert ask(api, "POST", "/invocation/one/response", b"late")[0] == 400


@pytest.mark.parametrize(("method", "path"), [("GET", "/elsewhere"), ("POST", "/invocation/one"), ("POST", "/exit")])
def test_what_it_does_not_serve(api: RuntimeApi, method: str, path: str) -> None:
    assert ask(api, method, path, b"")[0] == 404
