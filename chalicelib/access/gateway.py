"""The authorizers that API Gateway may have before the API, and whom each tells us of.

Which one a stage has is said by ``DECANT_AUTHORIZER`` when the application is packaged and when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from chalicelib.access.principal import ANONYMOUS, Principal, Scope
from chalicelib.errors import DecantError

# The resource server of the Cognito user pool whose scopes are ours: decant/read, decant/write, decant/operate.
RESOURCE_SERVER = "decant"


class AuthorizerKind(StrEnum):
    """How callers are recognised before their requests reach the API."""

    TOKEN = "token"  # noqa: S105 - bearer tokens of ours, see ``tokens``
    IAM = "iam"
    COGNITO = "cognito"
    NONE = "none"


def authorizer_kind(environment: Mapping[str, str]) -> AuthorizerKind:
    """The authorizer that ``DECANT_AUTHORIZER`` names, ``token`` without one. Raises DecantError."""
    named = environment.get("DECANT_AUTHORIZER", AuthorizerKind.TOKEN)
    if named not in list(AuthorizerKind):
        raise DecantError(f"DECANT_AUTHORIZER is {named!r}; it takes {', '.join(AuthorizerKind)}.")
    return AuthorizerKind(named)


def principal_of(kind: AuthorizerKind, context: Mapping[str, Any]) -> Principal:
    """Who makes a request, by the ``requestContext`` that the gateway made; ANONYMOUS where no authorizer spoke.

    Only what this kind of authorizer tells is believed.
    """
    told = context.get("authorizer") or {}
    if kind is AuthorizerKind.TOKEN and "scopes" in told and "principalId" in told:
        return Principal(told["principalId"], told.get("name", told["principalId"]), _scopes(told["scopes"].split()))
    if kind is AuthorizerKind.COGNITO and "claims" in told:
        return _of_claims(told["claims"])
    arn = (context.get("identity") or {}).get("userArn")
    if kind is AuthorizerKind.IAM and arn:
        # What it may do is for the IAM policies to say, by method and path.
        return Principal(arn, arn, frozenset(Scope))
    if kind is AuthorizerKind.NONE:
        return Principal("local", "local", frozenset(Scope))
    return ANONYMOUS


def _of_claims(claims: Mapping[str, str]) -> Principal:
    subject = claims.get("sub") or claims.get("client_id")
    if not subject:
        return ANONYMOUS
    given = [each.rpartition("/") for each in claims.get("scope", "").split()]
    ours = [name for server, _, name in given if server == RESOURCE_SERVER]
    return Principal(subject, claims.get("username") or claims.get("client_id") or subject, _scopes(ours))


def _scopes(names: Iterable[str]) -> frozenset[Scope]:
    return frozenset(Scope(name) for name in names if name in list(Scope))
