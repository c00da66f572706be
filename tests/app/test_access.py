"""Who may do what: every route of the app, with every scope, and with everything that is no token."""

from __future__ import annotations

import datetime as dt
import json
from itertools import product
from typing import Any

import pytest
from chalice.test import HTTPResponse

import app as entry
from chalicelib.access.principal import Scope
from chalicelib.access.tokens import new_token
from chalicelib.api.fallback import EVERYTHING
from chalicelib.token_store import DynamoTokens
from tests.app.conftest import KEPT_TOKEN, TOKEN, Api

NOW = dt.datetime.now(dt.UTC)
HOUR = dt.timedelta(hours=1)
PUBLIC = {
    ("GET", "/"),
    ("GET", "/console"),
    ("GET", "/console/{version}/{name}"),
    ("GET", "/docs"),
    ("GET", "/docs/openapi.json"),
    ("GET", "/docs/collection.json"),
}
EVERY_ROUTE = [(method, path) for path, methods in sorted(entry.app.routes.items()) for method in sorted(methods)]
ROUTES = [each for each in EVERY_ROUTE if each not in PUBLIC]
FILLING = {
    "{table}": "jobs",
    "{run}": "x",
    "{backup}": "x",
    "{metric}": "departments-above-mean",
    "{proxy+}": "nowhere",
}


def operation(method: str, path: str) -> Any:
    return entry.app.routes[path][method].view_function.operation  # type: ignore[attr-defined]


def ask(api: Api, method: str, path: str, authorization: str | None) -> HTTPResponse:
    for variable, value in FILLING.items():
        path = path.replace(variable, value)
    headers = {} if authorization is None else {"Authorization": authorization}
    return api.client.http.request(method, path, headers=headers)


def bearer(store: DynamoTokens, *scopes: Scope, lifetime: dt.timedelta | None = None) -> str:
    text, kept = new_token("tests", scopes, NOW, lifetime)
    store.add(kept)
    return f"Bearer {text}"


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
def test_every_route_has_the_authorizer_and_says_its_scope(method: str, path: str) -> None:
    route = entry.app.routes[path][method]
    assert operation(method, path).public is ((method, path) in PUBLIC)
    if (method, path) in PUBLIC:
        assert route.authorizer is None
        return
    assert route.authorizer is entry.authorizer
    assert isinstance(operation(method, path).scope, Scope) or path in {*EVERYTHING, "/me"}
    assert operation(method, path).preflight is (method == "OPTIONS")


def test_nobody_gets_in_without_a_good_token(api: Api, tokens: DynamoTokens) -> None:
    revoked = bearer(tokens, *Scope)
    tokens.revoke(revoked.split("_")[1], NOW)
    bad = (
        "nonsense",
        f"Basic {TOKEN}",
        f"Bearer {new_token('unknown', Scope, NOW)[0]}",
        f"Bearer {TOKEN[:-1]}{'A' if TOKEN[-1] != 'A' else 'B'}",
        bearer(tokens, *Scope, lifetime=-HOUR),
        revoked,
    )
    for method, path in ROUTES:
        assert ask(api, method, path, None).status_code == 401, (method, path)
        for each in bad:
            # Chalice's local gateway says what it likes to those whom the authorizer denies; API Gateway says 401.
            assert ask(api, method, path, each).status_code == 403, (method, path, each)


def test_a_token_opens_what_its_scopes_say(api: Api, tokens: DynamoTokens) -> None:
    shown = {scope: bearer(tokens, scope) for scope in Scope}
    for (method, path), scope in product(ROUTES, Scope):
        wanted = operation(method, path).scope
        answer = ask(api, method, path, shown[scope])
        if wanted in (None, scope):
            assert answer.status_code not in (401, 403), (method, path, scope)
        else:
            assert answer.status_code == 403, (method, path, scope)
            assert answer.json_body["type"] == "urn:decant:problem:forbidden"
            assert f'error="insufficient_scope", scope="{wanted}"' in answer.headers["WWW-Authenticate"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_who_may_not_do_a_thing_does_not_learn_what_there_is(api: Api, tokens: DynamoTokens) -> None:
    writer = bearer(tokens, Scope.WRITE)
    answers = {api.client.http.get(f"/tables/{table}", headers={"Authorization": writer}).json_body["detail"]
               for table in ("jobs", "nowhere", "..%2f", "'")}  # fmt: skip
    assert answers == {
        "This takes the scope read, which the caller lacks. Ask an operator for credentials that have it."
    }


def event(method: str, path: str, **context: Any) -> dict[str, Any]:
    """A request as API Gateway hands it on."""
    return {
        "requestContext": {"httpMethod": method, "resourcePath": path, "path": f"/api{path}", **context},
        "headers": {},
        "multiValueQueryStringParameters": {"nonsense": ["1"]},
        "pathParameters": {part[1:-1]: "x" for part in path.split("/") if part.startswith("{")} or None,
        "stageVariables": None,
        "body": "nonsense",
        "isBase64Encoded": False,
    }  # fmt: skip


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(
    "told", [{}, {"authorizer": {}}, {"authorizer": None}, {"identity": {"userArn": "arn:aws:iam::1:user/x"}}]
)
def test_a_gateway_that_forgot_its_authorizer_opens_nothing(told: dict[str, Any]) -> None:
    for method, path in ROUTES:
        if operation(method, path).preflight:
            continue
        answer = entry.app(event(method, path, **told), None)
        problem = json.loads(answer["body"])
        assert (answer["statusCode"], problem["type"]) == (401, "urn:decant:problem:unauthorized")
        assert answer["headers"]["WWW-Authenticate"] == 'Bearer realm="decant"'
        assert "nonsense" not in answer["body"]


@pytest.mark.usefixtures("api")
def test_the_gateway_is_told_whom_the_token_shows() -> None:
    answer = entry.authorizer(request(f"Bearer {TOKEN}"), None)
    assert answer["principalId"] == KEPT_TOKEN.id
    assert answer["context"] == {"name": "tests", "scopes": "operate read write"}
    assert answer["usageIdentifierKey"] == f"decant-usage-{KEPT_TOKEN.id}"
    [statement] = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", [f"{STAGE_ARN}/*/*"])


@pytest.mark.usefixtures("api")
def test_of_a_bad_token_the_gateway_learns_nothing_but_no(tokens: DynamoTokens) -> None:
    expired = bearer(tokens, Scope.READ, lifetime=-HOUR)
    answers = [entry.authorizer(request(each), None) for each in ("", "nonsense", expired)]
    assert answers[0] == answers[1] == answers[2]
    assert [each["Effect"] for each in answers[0]["policyDocument"]["Statement"]] == ["Deny"]
    assert "context" not in answers[0]


STAGE_ARN = "arn:aws:execute-api:eu-central-1:123456789012:abcdef/api"


def request(token: str) -> dict[str, str]:
    return {"type": "TOKEN", "authorizationToken": token, "methodArn": f"{STAGE_ARN}/GET/tables"}


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(("method", "path"), [("PUT", "/tables"), ("HEAD", "/tables/jobs"), ("DELETE", "/backups/x/")])
def test_another_method_is_told_those_that_there_are(method: str, path: str) -> None:
    told = {"authorizer": {"principalId": "id", "scopes": ""}}
    given = event(method, "/{proxy+}", **told) | {"pathParameters": {"proxy": path.lstrip("/")}}
    answer = entry.app(given, None)  # whatever the query holds
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET")


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("path", ["", "nowhere", "tables/jobs/rows/1", "{proxy+}", "tables//rows", "%00"])
def test_where_there_is_nothing_is_404(path: str) -> None:
    told = {"authorizer": {"principalId": "id", "scopes": ""}}
    given = event("PUT", "/{proxy+}", **told) | {"pathParameters": {"proxy": path}}
    assert entry.app(given, None)["statusCode"] == 404
