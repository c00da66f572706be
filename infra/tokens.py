"""The tokens of a stage: what is kept of them, and the API key of each in its usage plan."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.access.principal import Scope
from chalicelib.access.tokens import TokenStore, new_token
from chalicelib.api.authorizer import usage_key
from chalicelib.audit_log import DynamoAuditLog
from chalicelib.ports import AuditLog
from chalicelib.token_store import DynamoTokens
from infra.audit import audited
from infra.deployment.target import Target
from infra.stage import outputs_of

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class TokenError(Exception):
    """A token can't be made or revoked; the message says why, and what to do."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of one stack: what is kept of them, and the API key of each in the stack's usage plan."""

    store: TokenStore
    gateway: Any
    plan: str
    audit: AuditLog
    sts: Any

    @classmethod
    def of_stage(cls, stage: str, target: Target) -> "Tokens":
        """Find the tokens of a stage by what its stack made. Raises DeploymentError when there is no such stack."""
        made = outputs_of(stage, target)
        connection = target.connection()
        store = DynamoTokens(made["TokensTable"], target.region, connection)
        log = DynamoAuditLog(made["AuditTable"], target.region, connection)
        return cls(store, target.client("apigateway"), made["UsagePlan"], log, target.client("sts"))

    def make(self, name: str, scopes: Iterable[Scope], lifetime: dt.timedelta | None = None) -> str:
        """Make a token and give its text, which can't be had again.

        Its API key comes first: without one the gateway would refuse the token.
        """
        text, kept = new_token(name, scopes, dt.datetime.now(dt.UTC), lifetime)
        usage = usage_key(kept.id)
        key = self.gateway.create_api_key(name=usage, value=usage, enabled=True)["id"]
        self.gateway.create_usage_plan_key(usagePlanId=self.plan, keyId=key, keyType="API_KEY")
        self.store.add(kept)
        return text

    def revoke(self, token_id: str) -> None:
        """Make a token worthless, at once and for good. Raises TokenError when there is none."""
        if not self.store.revoke(token_id, dt.datetime.now(dt.UTC)):
            raise TokenError(f"There is no token {token_id!r}; `decant token list` lists them by id.")
        usage = usage_key(token_id)
        for key in self.gateway.get_api_keys(nameQuery=usage)["items"]:
            if key["name"] == usage:
                self.gateway.delete_api_key(apiKey=key["id"])

    def renew(self, name: str, scopes: Iterable[Scope]) -> str:
        """Make a token in the place of all that have the name."""
        text = self.make(name, scopes)
        for kept in self.store.all():
            if kept.name == name and kept.revoked is None and kept.id not in text:
                self.revoke(kept.id)
        return text


def made(tokens: Tokens, name: str, scopes: str, expires: str | None) -> str:
    """Make a token as an operator asks for it, enter that into the audit log, and give its text.

    Raises TokenError when the name, the scopes (``read write``) or the lifetime (``90d``) can't be.
    """
    wanted, lifetime, called = _scopes(scopes), _lifetime(expires), _name(name)
    with audited(tokens.audit, tokens.sts, "make token", f"{called}: {' '.join(wanted)}"):
        return tokens.make(called, wanted, lifetime)


def revoked(tokens: Tokens, token_id: str) -> None:
    """Revoke a token, and enter that into the audit log. Raises TokenError when there is none."""
    with audited(tokens.audit, tokens.sts, "make revoke-token", token_id):
        tokens.revoke(token_id)


def _name(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > 100:
        raise TokenError("A token's name says who or what has it, in 1 to 100 characters.")
    return text.strip()


def _scopes(text: str) -> list[Scope]:
    named = text.replace(",", " ").split()
    if not named or not set(named) <= set(Scope):
        raise TokenError(f"The scopes are {text!r}; a token takes one or more of {', '.join(Scope)}.")
    return [Scope(name) for name in named]


def _lifetime(text: str | None) -> dt.timedelta | None:
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dhm])", text)
    if match is None:
        raise TokenError(f"A token can't expire after {text!r}; it takes 90d, 12h, 30m and the like.")
    return dt.timedelta(**{_UNITS[match[2]]: int(match[1])})
