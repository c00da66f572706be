"""Which authorizer stands before the routes, by stage, and whom the API takes its word for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.access.gateway import AuthorizerKind, principal_of
from chalicelib.access.principal import ANONYMOUS, Principal, Scope
from chalicelib.errors import DecantError
from chalicelib.settings import Settings
from infra.application.gateway import ANSWERS, complete

ROOT = Path(__file__).parents[2]
POOL = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_pool"
ARN = "arn:aws:sts::123456789012:assumed-role/loader/session"
ALL = frozenset(Scope)
ENVIRONMENT = {
    f"DECANT_{name}": "x"
    for name in (
        "INTAKE_BUCKET",
        "BACKUP_BUCKET",
        "QUEUE_URL",
        "CATALOG_TABLE",
        "AUDIT_TABLE",
        "DATABASE_SECRET",
    )
}
# What the application imports differs by kind, so each is asked in an interpreter of its own, as Chalice does.
DEFINITION = """
import json
from chalice.deploy.swagger import CFNSwaggerGenerator
import app
print(json.dumps(CFNSwaggerGenerator().generate_swagger(app.app)))
"""


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": "", "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )


def packaged(kind: str, **environment: str) -> dict[str, Any]:
    """The completed template of an application that was packaged with a kind of authorizer."""
    done = run(DEFINITION, DECANT_AUTHORIZER=kind, **environment)
    assert done.returncode == 0, done.stderr
    return complete({"Resources": {"RestAPI": {"Properties": {"DefinitionBody": json.loads(done.stdout)}}}})


def definition(template: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    return body


def operations(template: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    paths = definition(template)["paths"]
    return {(method, path): operation for path, methods in paths.items() for method, operation in methods.items()}


def public(template: dict[str, Any]) -> set[tuple[str, str]]:
    """What the gateway lets everybody through to."""
    return {route for route, operation in operations(template).items() if "security" not in operation}


PUBLIC = {
    ("get", "/"),
    ("get", "/console"),
    ("get", "/console/{version}/{name}"),
    ("get", "/docs"),
    ("get", "/docs/openapi.json"),
    ("get", "/docs/collection.json"),
}


def test_tokens_are_asked_for_at_every_route() -> None:
    template = packaged("token")
    [(name, scheme)] = [each for each in definition(template)["securityDefinitions"].items() if each[0] != "api_key"]
    assert name == "authorizer"
    assert scheme["x-amazon-apigateway-authtype"] == "custom"
    assert scheme["x-amazon-apigateway-authorizer"]["authorizerResultTtlInSeconds"] == 0
    asked = {"Fn::If": ["TokensLimited", [{"api_key": []}, {"authorizer": []}], [{"authorizer": []}]]}
    assert public(template) == PUBLIC
    for (method, path), operation in operations(template).items():
        if (method, path) in PUBLIC:
            continue
        expected = {"Fn::If": ["Cors", [], asked]} if method == "options" else asked
        assert operation["security"] == expected, (method, path)


def test_what_varies_at_a_place_of_a_path_has_one_name() -> None:
    """API Gateway takes no second one, and refuses the whole API."""
    names: dict[str, set[str]] = {}
    for path in definition(packaged("token"))["paths"]:
        parts = path.split("/")
        for place, part in enumerate(parts):
            if part.startswith("{") and not part.endswith("+}"):
                names.setdefault("/".join(parts[:place]), set()).add(part)
    assert {place: several for place, several in names.items() if len(several) > 1} == {}


def test_iam_signs_every_request() -> None:
    template = packaged("iam")
    assert definition(template)["securityDefinitions"] == {
        "sigv4": {
            "in": "header",
            "type": "apiKey",
            "name": "Authorization",
            "x-amazon-apigateway-authtype": "awsSigv4",
        }
    }
    assert public(template) == PUBLIC
    for (method, path), operation in operations(template).items():
        if (method, path) in PUBLIC:
            continue
        closed: Any = [{"sigv4": []}]
        expected = {"Fn::If": ["Cors", [], closed]} if method == "options" else closed
        assert operation["security"] == expected, (method, path)


def test_cognito_asks_for_the_scope_of_each_route() -> None:
    template = packaged("cognito", DECANT_USER_POOL=POOL)
    scheme = definition(template)["securityDefinitions"]["cognito"]
    assert scheme["x-amazon-apigateway-authorizer"] == {"type": "cognito_user_pools", "providerARNs": [POOL]}
    asked = operations(template)
    assert asked["get", "/tables"]["security"] == [{"cognito": ["decant/read"]}]
    assert asked["post", "/batch"]["security"] == [{"cognito": ["decant/write"]}]
    assert asked["post", "/restores"]["security"] == [{"cognito": ["decant/operate"]}]
    assert asked["get", "/{proxy+}"]["security"] == [{"cognito": ["decant/read", "decant/write", "decant/operate"]}]
    assert public(template) == PUBLIC


def test_cognito_without_a_pool_is_not_packaged() -> None:
    done = run("import app", DECANT_AUTHORIZER="cognito")
    assert done.returncode != 0
    assert "DECANT_USER_POOL is not set" in done.stderr


def test_an_unknown_kind_is_not_packaged() -> None:
    done = run("import app", DECANT_AUTHORIZER="nobody")
    assert done.returncode != 0
    assert "it takes token, iam, cognito, none" in done.stderr


def test_with_none_the_gateway_asks_for_nothing() -> None:
    template = packaged("none")
    assert "securityDefinitions" not in definition(template)
    assert all("security" not in operation for operation in operations(template).values())


def test_a_denied_token_is_not_known_and_a_denied_signature_is_forbidden() -> None:
    for kind, status in (("token", "401"), ("iam", "403")):
        template = packaged(kind)
        responses = definition(template)["x-amazon-apigateway-gateway-responses"]
        assert responses["ACCESS_DENIED"]["statusCode"] == status
        assert set(responses) == set(ANSWERS)


@pytest.mark.parametrize("stage", ["production", "dev", ""])
def test_only_the_stage_local_may_be_open(stage: str) -> None:
    with pytest.raises(DecantError, match="only the stage local"):
        Settings.from_environment({**ENVIRONMENT, "DECANT_AUTHORIZER": "none", "DECANT_STAGE": stage})
    with pytest.raises(DecantError, match="only the stage local"):
        Settings.from_environment({**ENVIRONMENT, "DECANT_AUTHORIZER": "none"})
    local = Settings.from_environment({**ENVIRONMENT, "DECANT_AUTHORIZER": "none", "DECANT_STAGE": "local"})
    assert local.authorizer is AuthorizerKind.NONE


def test_tokens_are_what_is_asked_for_when_nothing_is_said() -> None:
    assert Settings.from_environment(ENVIRONMENT).authorizer is AuthorizerKind.TOKEN


TOKEN = {"authorizer": {"principalId": "abc", "name": "loader", "scopes": "read write"}}
CLAIMS = {"authorizer": {"claims": {"sub": "s-1", "username": "ann", "scope": "decant/read other/write openid"}}}
SIGNED = {"identity": {"userArn": ARN}}


@pytest.mark.parametrize(
    ("kind", "context", "principal"),
    [
        ("token", TOKEN, Principal("abc", "loader", frozenset({Scope.READ, Scope.WRITE}))),
        ("token", {"authorizer": {**TOKEN["authorizer"], "scopes": ""}}, Principal("abc", "loader", frozenset())),
        ("iam", SIGNED, Principal(ARN, ARN, ALL)),
        ("cognito", CLAIMS, Principal("s-1", "ann", frozenset({Scope.READ}))),
        (
            "cognito",
            {"authorizer": {"claims": {"client_id": "c", "scope": "decant/operate"}}},
            Principal("c", "c", frozenset({Scope.OPERATE})),
        ),
        ("cognito", {"authorizer": {"claims": {"sub": "s-1"}}}, Principal("s-1", "s-1", frozenset())),
        ("none", {}, Principal("local", "local", ALL)),
    ],
)
def test_a_principal_is_whom_the_authorizer_tells_of(kind: str, context: Any, principal: Principal) -> None:
    assert principal_of(AuthorizerKind(kind), context) == principal


@pytest.mark.parametrize("kind", ["token", "iam", "cognito"])
def test_where_no_authorizer_spoke_there_is_nobody(kind: str) -> None:
    silent: list[dict[str, Any]] = [{}, {"authorizer": None}, {"authorizer": {}}, {"identity": {"sourceIp": "::1"}}]
    for context in silent:
        assert principal_of(AuthorizerKind(kind), context) == ANONYMOUS


@pytest.mark.parametrize(("kind", "theirs"), [("token", {**SIGNED, **CLAIMS}), ("iam", TOKEN), ("cognito", TOKEN)])
def test_what_another_authorizer_would_tell_is_not_believed(kind: str, theirs: Any) -> None:
    assert principal_of(AuthorizerKind(kind), theirs) == ANONYMOUS
