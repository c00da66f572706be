"""Who gets into a deployed Decant: whoever shows a good token, and what everybody else is told."""

import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.access.principal import Scope
from chalicelib.api.headers import SECURITY_HEADERS
from infra.deployment.target import Target
from infra.local.record import Record
from infra.tokens import TokenError, Tokens
from tests.e2e.conftest import PAGE, Answer, Call

pytestmark = pytest.mark.enforced("authorizers")

PROBLEM = "application/problem+json"
# What there is, what there is not, other methods, and what means harm: nobody who is not known may tell them apart.
ASKED = [
    ("GET", "/tables"), ("GET", "/tables/jobs/rows?limit=1"), ("GET", "/tables/nowhere"), ("GET", "/nowhere"),
    ("GET", "/nowhere/at/all"), ("POST", "/"), ("GET", "/backups/..%2f..%2fsecret"), ("GET", "/runs/x?nonsense=1"),
    ("PUT", "/tables"), ("DELETE", "/backups/x"), ("POST", "/restores"), ("POST", "/nowhere"), ("GET", "/openapi.json"),
    ("GET", "/health"),
]  # fmt: skip


@pytest.fixture(scope="module")
def tokens(stack: Record) -> Tokens:
    return Tokens.of_stage("local", Target(stack.session(), stack.endpoint_url))


@pytest.fixture(scope="module")
def bad(tokens: Tokens) -> dict[str, str]:
    """Authorization headers that are worth nothing."""
    good, revoked = tokens.make("good", Scope), tokens.make("revoked", Scope)
    tokens.revoke(revoked.split("_")[1])
    expired = tokens.make("expired", Scope, dt.timedelta(seconds=-1))
    return {
        "malformed": "Bearer nonsense",
        "of another scheme": "Basic YTpi",
        "unknown": f"Bearer decant_{'x' * 12}_{'x' * 43}",
        "of another secret": f"Bearer {good[:-43]}{'x' * 43}",
        "revoked": f"Bearer {revoked}",
        "expired": f"Bearer {expired}",
        "very long": f"Bearer {'x' * 6000}",
        "not ascii": "Bearer decant_\xf1",
    }


def shown(answer: Answer) -> tuple[int, str, str]:
    """All of an answer but what names the request and its moment."""
    body = answer.json
    assert body.pop("instance").startswith("urn:decant:request:")
    volatile = ("date", "x-amzn-requestid", "x-amz-request-id")
    headers = sorted((name, text) for name, text in answer.headers.items() if name.lower() not in volatile)
    return answer.status, json.dumps(headers), json.dumps(body)


def assert_problem(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.headers["Content-Type"]) == (status, PROBLEM), answer.body
    assert answer.json["type"] == f"urn:decant:problem:{code}"
    assert answer.json["status"] == status
    for name in set(SECURITY_HEADERS) - {"Content-Security-Policy"}:
        assert answer.headers[name] == SECURITY_HEADERS[name]


def test_without_a_token_everything_answers_the_same(stranger: Call) -> None:
    answers = {shown(stranger(method, path)) for method, path in ASKED}
    assert len(answers) == 1
    answer = stranger("GET", "/tables")
    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="decant"'


def test_every_bad_token_gets_the_same_answer_everywhere(call: Call, bad: dict[str, str]) -> None:
    answers = {shown(call(method, path, Authorization=each)) for each in bad.values() for method, path in ASKED}
    assert len(answers) == 1
    answer = call("GET", "/tables", Authorization=bad["revoked"])
    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="decant"'


def test_a_token_counts_in_its_header_alone(stack: Record, stranger: Call, tokens: Tokens) -> None:
    token = tokens.make("elsewhere", Scope)
    answers = {
        shown(stranger("GET", f"/tables?access_token={token}&authorization=Bearer%20{token}")),
        shown(stranger("GET", "/tables", **{"x-api-key": f"decant-usage-{token.split('_')[1]}"})),
        shown(stranger("GET", "/tables", Cookie=f"Authorization=Bearer {token}", principalId="x", scopes="read")),
    }
    assert answers == {shown(stranger("GET", "/tables"))}
    assert token not in json.dumps(
        stack.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{stack.api_function}")["events"]
    )


def test_a_bad_token_is_no_error_of_the_authorizer(stack: Record, call: Call, bad: dict[str, str]) -> None:
    call("GET", "/tables", Authorization=bad["malformed"])
    group = f"/aws/lambda/{stack.authorizer_function}"
    events = stack.client("logs").filter_log_events(logGroupName=group)["events"]
    assert not [event["message"] for event in events if "Traceback" in event["message"] or "ERROR" in event["message"]]


@pytest.mark.parametrize(
    ("scope", "method", "path", "wanted"),
    [
        ("write", "GET", "/tables", "read"),
        ("read", "POST", "/batch", "write"),
        ("write", "POST", "/restores", "operate"),
    ],
)
def test_a_token_that_lacks_the_scope_is_forbidden(
    tokens: Tokens, call: Call, scope: str, method: str, path: str, wanted: str
) -> None:
    token = tokens.make("narrow", [Scope(scope)])
    answer = call(method, path, Authorization=f"Bearer {token}")
    assert_problem(answer, 403, "forbidden")
    assert f"the scope {wanted}" in answer.json["detail"]


def test_revocation_acts_at_once(tokens: Tokens, call: Call) -> None:
    for _ in range(3):
        token = tokens.make("short-lived", [Scope.READ])
        assert call("GET", "/tables", Authorization=f"Bearer {token}").status == 200
        tokens.revoke(token.split("_")[1])
        assert call("GET", "/tables", Authorization=f"Bearer {token}").status == 401


def test_a_token_has_a_key_in_the_usage_plan_until_it_is_revoked(stack: Record, tokens: Tokens) -> None:
    token_id = tokens.make("counted", [Scope.READ]).split("_")[1]
    gateway = stack.client("apigateway")

    def keys() -> list[str]:
        return [key["name"] for key in gateway.get_usage_plan_keys(usagePlanId=tokens.plan)["items"]]

    assert f"decant-usage-{token_id}" in keys()
    tokens.revoke(token_id)
    assert f"decant-usage-{token_id}" not in [key["name"] for key in gateway.get_api_keys()["items"]]
    with pytest.raises(TokenError, match="There is no token"):
        tokens.revoke("nobody")


def test_where_there_is_nothing_a_known_caller_is_told_so(call: Call) -> None:
    for path in ("/nowhere", "/nowhere/at/all", "/console/nowhere", "/tables/jobs/rows/1"):
        assert_problem(call("GET", path), 404, "not-found")
    answer = call("PUT", "/tables/jobs/rows")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, POST"
    assert call("HEAD", "/tables").status == 405


@pytest.fixture
def throttled(stack: Record) -> Iterator[str]:
    """A path at which the stage lets nothing through."""
    gateway, api = stack.client("apigateway"), stack.api_url.split("/")[-2]

    def patch(**operation: str) -> None:
        gateway.update_stage(restApiId=api, stageName="api", patchOperations=[operation])

    for limit in ("rateLimit", "burstLimit"):
        patch(op="replace", path=f"/~1metrics/GET/throttling/{limit}", value="0")
    yield "/metrics"
    patch(op="remove", path="/~1metrics/GET")


def test_a_caller_who_asks_too_often_is_told_to_wait(call: Call, throttled: str) -> None:
    answer = call("GET", throttled)
    assert_problem(answer, 429, "too-many-requests")
    assert int(answer.headers["Retry-After"]) > 0
    assert call("GET", "/tables").status == 200


def test_the_stage_s_limits_are_those_of_the_template(stack: Record) -> None:
    stage = stack.client("apigateway").get_stage(restApiId=stack.api_url.split("/")[-2], stageName="api")
    settings = stage["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (50, 100)


def test_a_body_that_is_too_large_is_refused_unread(call: Call) -> None:
    answer = call("POST", "/tables/jobs/rows", b"[" + b" " * 5_000_000 + b"nonsense]")
    assert_problem(answer, 413, "too-large")
    assert call("POST", "/tables/jobs/rows", b"[]", **{"Content-Encoding": "gzip"}).status == 415


def test_a_page_of_the_list_may_ask_first_and_read_answers(call: Call, stranger: Call) -> None:
    for path in ("/tables", "/nowhere", "/runs/x", "/tables/jobs/rows?limit=1&id__gt=2"):
        answer = stranger("OPTIONS", path, Origin=PAGE, **{"Access-Control-Request-Method": "GET"})
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    for answer in (call("GET", "/tables", Origin=PAGE), call("GET", "/tables/nowhere", Origin=PAGE)):
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    # The gateway's own hold nothing, and it knows no lists.
    assert stranger("GET", "/tables", Origin=PAGE).headers["Access-Control-Allow-Origin"] == "*"


def test_another_page_may_not(call: Call, stranger: Call) -> None:
    for origin in ("https://evil.example", "null"):
        asked: Any = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        for answer in (stranger("OPTIONS", "/tables", **asked), call("GET", "/tables", Origin=origin)):
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_no_answer_takes_longer_for_what_is_wrong_with_a_token(call: Call, bad: dict[str, str]) -> None:
    """No proof, for a laptop's clock is no judge: that the same is done for each is what the unit tests hold."""

    def quickest(header: str) -> float:
        return min(timed(header) for _ in range(8))

    def timed(header: str) -> float:
        start = time.perf_counter()
        call("GET", "/tables", Authorization=header)
        return time.perf_counter() - start

    taken = [quickest(bad[case]) for case in ("malformed", "unknown", "of another secret", "revoked", "expired")]
    assert max(taken) - min(taken) < 0.1, taken
