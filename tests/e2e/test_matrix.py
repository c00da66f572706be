"""Every route of the deployed API with the tokens that don't open it; that others do is tried once a scope.

The routes are those that the app registers: a new one is here without a word. A request that gets in asks for what
there is not, or in a way that is refused, so that nothing is done. The whole matrix is tried in process, see
tests/app/test_access.py; and that each deployed route has the one authorizer is asserted here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

import app as entry
from chalicelib.access.principal import Scope
from infra.deployment.target import Target
from infra.local.record import Record
from infra.tokens import Tokens
from tests.e2e.conftest import Answer, Call

pytestmark = pytest.mark.enforced("authorizers")


def operation(method: str, path: str) -> Any:
    return entry.app.routes[path][method].view_function.operation  # type: ignore[attr-defined]


ROUTES = [(method, path) for path, methods in sorted(entry.app.routes.items()) for method in sorted(methods)]
CLOSED = [(method, path) for method, path in ROUTES if not operation(method, path).public]
# A preflight needs no caller.
ASKED = [(method, path) for method, path in CLOSED if method != "OPTIONS"]
# The pages and files for everybody. One that is not here is no page for everybody.
PUBLIC = {"/", "/console", "/console/{version}/{name}", "/docs", "/docs/openapi.json", "/docs/collection.json"}


@pytest.fixture(scope="module")
def tokens(stack: Record) -> Tokens:
    return Tokens.of_stage("local", Target(stack.session(), stack.endpoint_url))


@pytest.fixture(scope="module")
def narrow(tokens: Tokens) -> Iterator[dict[Scope, str]]:
    """A token of each scope."""
    made = {scope: tokens.make(f"only {scope}", [scope]) for scope in Scope}
    yield made
    for token in made.values():
        tokens.revoke(token.split("_")[1])


def filled(path: str) -> str:
    """A path with its variables filled in, and a parameter that no route takes: whoever gets in is refused there."""
    return re.sub(r"\{\w+\+?\}", "nowhere", path) + "?nonsense=1"


def answers(call: Call, asked: list[tuple[str, str, str]]) -> list[Answer]:
    """What is answered to requests: method, path and Authorization header. One after the other is quickest: for more
    at once the emulator starts more processes.
    """
    return [call(method, filled(path), Authorization=shown) for method, path, shown in asked]


def test_what_is_deployed_are_the_app_s_routes_each_with_the_authorizer(stack: Record) -> None:
    gateway, api = stack.client("apigateway"), stack.api_url.split("/")[-2]
    resources = gateway.get_resources(restApiId=api, embed=["methods"], limit=500)["items"]
    deployed = {
        (name, resource["path"]): method
        for resource in resources
        for name, method in resource.get("resourceMethods", {}).items()
    }
    assert set(ROUTES) <= set(deployed)
    assert {path for method, path in set(ROUTES) - set(CLOSED)} == PUBLIC
    for (method, path), told in deployed.items():
        if method != "OPTIONS" and ((method, path) not in ROUTES or (method, path) in CLOSED):
            assert told["authorizationType"] == "CUSTOM", (method, path)
    [authorizer] = gateway.get_authorizers(restApiId=api)["items"]
    assert authorizer["authorizerResultTtlInSeconds"] == 0


def test_a_token_opens_no_route_of_another_scope(call: Call, narrow: dict[Scope, str]) -> None:
    matrix = [(*route, scope) for route, scope in product(ASKED, Scope) if operation(*route).scope not in (None, scope)]
    asked = [(method, path, f"Bearer {narrow[scope]}") for method, path, scope in matrix]
    for (method, path, scope), answer in zip(matrix, answers(call, asked), strict=True):
        assert answer.status == 403, (method, path, scope, answer.body)
        if method != "HEAD":
            assert answer.json["type"] == "urn:decant:problem:forbidden"
            assert f"the scope {operation(method, path).scope}" in answer.json["detail"]


@pytest.mark.parametrize("scope", Scope)
def test_a_token_opens_a_route_of_its_scope(call: Call, narrow: dict[Scope, str], scope: Scope) -> None:
    method, path = next(route for route in ASKED if operation(*route).scope is scope)
    answer = call(method, filled(path), Authorization=f"Bearer {narrow[scope]}")
    assert answer.status in (400, 404), (method, path, answer.body)


def test_nothing_but_a_good_token_opens_a_route(stranger: Call, tokens: Tokens) -> None:
    revoked = tokens.make("revoked", Scope)
    tokens.revoke(revoked.split("_")[1])
    expired = tokens.make("expired", Scope, dt.timedelta(seconds=-1))
    headers = (f"Bearer {revoked}", f"Bearer {expired}", "Basic YTpi", "Bearer nonsense")
    asked = [(*route, header) for route, header in product(ASKED, headers)]
    for (method, path, _), answer in zip(asked, answers(stranger, asked), strict=True):
        assert answer.status == 401, (method, path)
    for method, path in ASKED:
        assert stranger(method, filled(path)).status == 401, (method, path)


def test_a_scope_that_was_granted_a_moment_ago_is_not_remembered_for_another_token(
    call: Call, narrow: dict[Scope, str]
) -> None:
    """The gateway may keep an authorizer's answer by its token; it must never serve one for another, or after."""
    for _ in range(3):
        for scope, status in ((Scope.OPERATE, 400), (Scope.READ, 403), (Scope.WRITE, 403), (Scope.OPERATE, 400)):
            assert call("POST", filled("/restores"), Authorization=f"Bearer {narrow[scope]}").status == status


def test_a_reader_sees_every_run_and_a_writer_none(call: Call, narrow: dict[Scope, str]) -> None:
    """Runs belong to no caller: to read is a scope, and whoever has it reads all of them."""
    run = call("POST", "/tables/jobs/rows", [{"id": 8900, "job": ""}]).json["run"]
    for path in (f"/runs/{run}", f"/runs/{run}/rejections", f"/runs/{run}/reasons", "/runs"):
        assert call("GET", path, Authorization=f"Bearer {narrow[Scope.READ]}").status == 200
        assert call("GET", path, Authorization=f"Bearer {narrow[Scope.WRITE]}").status == 403


def test_who_may_read_or_write_restores_and_corrects_nothing(call: Call, narrow: dict[Scope, str]) -> None:
    run = call("POST", "/tables/jobs/rows", [{"id": 8901, "job": ""}]).json["run"]
    for scope in (Scope.READ, Scope.WRITE):
        shown = {"Authorization": f"Bearer {narrow[scope]}"}
        assert call("POST", "/restores", {}, **shown).status == 403
        assert call("POST", "/tables/jobs/restores", {}, **shown).status == 403
        assert call("POST", f"/runs/{run}/replay", [{"row": 1, "job": "Mended"}], **shown).status == 403
    [row] = call("GET", f"/runs/{run}/rejections").json["rejections"]
    assert row["corrected_by"] is None
