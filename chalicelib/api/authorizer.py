"""What API Gateway is told of a caller before it lets a request through."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from chalice.app import (
    Authorizer,
    AuthRequest,
    AuthResponse,
    Chalice,
    CognitoUserPoolAuthorizer,
    IAMAuthorizer,
)

from chalicelib.access.gateway import RESOURCE_SERVER, AuthorizerKind, authorizer_kind
from chalicelib.access.principal import ANONYMOUS, Principal, Scope
from chalicelib.access.tokens import TokenStore, recognise
from chalicelib.api.blueprint import Operation
from chalicelib.errors import DecantError


class _Recognised(AuthResponse):
    """Every route is open to a caller who is known; what the scopes allow is decided where the routes are."""

    def __init__(self, principal: Principal) -> None:
        scopes = " ".join(sorted(principal.scopes))
        super().__init__(["*"], principal.id, {"name": principal.name, "scopes": scopes})

    def to_dict(self, request: AuthRequest) -> dict[str, Any]:
        return {**super().to_dict(request), "usageIdentifierKey": usage_key(self.principal_id)}


def answer_authorizer(request: AuthRequest, store: TokenStore) -> AuthResponse | dict[str, Any]:
    """Tell the gateway whom the request's token shows.

    A bad token is denied, and not an error of the function, as ``Unauthorized`` would be: every scanner of the Internet
    would ring the alarm for errors and write a traceback into the log. The gateway answers both with 401.
    """
    principal = recognise(store, request.token, dt.datetime.now(dt.UTC))
    if principal is not None:
        return _Recognised(principal)
    statement = {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": "*"}
    return {
        "principalId": ANONYMOUS.id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }


def usage_key(token_id: str) -> str:
    """The API key by which the usage plan counts a token's requests. The gateway takes it from the authorizer alone."""
    return f"decant-usage-{token_id}"


def guard(app: Chalice, token_authorizer: Authorizer, environment: Mapping[str, str]) -> None:
    """Put the authorizer that the environment names before every route of the app, so that none can be forgotten.

    Only what is declared as a page, for everybody to read, has none.
    """
    authorizer = _authorizer(token_authorizer, environment)
    for methods in app.routes.values():
        for entry in methods.values():
            operation: Operation = entry.view_function.operation  # type: ignore[attr-defined]
            entry.authorizer = None if operation.public else _for_scope(authorizer, operation.scope)


def _authorizer(token_authorizer: Authorizer, environment: Mapping[str, str]) -> Authorizer | None:
    kind = authorizer_kind(environment)
    if kind is AuthorizerKind.COGNITO:
        pool = environment.get("DECANT_USER_POOL")
        if not pool:
            raise DecantError("DECANT_USER_POOL is not set; with DECANT_AUTHORIZER=cognito it takes the pool's ARN.")
        return CognitoUserPoolAuthorizer("cognito", [pool])
    if kind is AuthorizerKind.IAM:
        return IAMAuthorizer()
    return token_authorizer if kind is AuthorizerKind.TOKEN else None


def _for_scope(authorizer: Authorizer | None, scope: Scope | None) -> Authorizer | None:
    """Cognito's authorizer takes access tokens only where a scope is asked for, so each route asks for its own."""
    if not isinstance(authorizer, CognitoUserPoolAuthorizer):
        return authorizer
    return authorizer.with_scopes([f"{RESOURCE_SERVER}/{each}" for each in ([scope] if scope else Scope)])
