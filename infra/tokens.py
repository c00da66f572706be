"""Makes, lists and revokes the tokens of a stack: python -m infra.tokens token|tokens|revoke-token [--stage STAGE]."""

import argparse
import datetime as dt
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from chalicelib.access.principal import Scope
from chalicelib.access.tokens import KeptToken, TokenStore, new_token
from chalicelib.api.authorizer import usage_key
from chalicelib.audit_log import DynamoAuditLog
from chalicelib.errors import DecantError
from chalicelib.ports import AuditLog
from chalicelib.token_store import DynamoTokens
from infra.audit import audited
from infra.deployment.errors import DeploymentError
from infra.deployment.target import Target
from infra.local.record import StackError
from infra.stage import add_stage, outputs_of, reach
from infra.telling import complain

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
            raise TokenError(f"There is no token {token_id!r}; `make tokens` lists them by id.")
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


def main() -> int:
    """Run one command; give the exit status."""
    arguments = _parser().parse_args()
    try:
        tokens = Tokens.of_stage(arguments.stage, reach(arguments.stage))
        if arguments.command == "token":
            scopes, lifetime = _scopes(arguments.scopes), _lifetime(arguments.expires)
            name = _name(arguments.name)
            with audited(tokens.audit, tokens.sts, "make token", f"{name}: {' '.join(scopes)}"):
                print(tokens.make(name, scopes, lifetime))
            print("This is told once: keep it where secrets are kept.", file=sys.stderr)
        elif arguments.command == "revoke-token":
            with audited(tokens.audit, tokens.sts, "make revoke-token", arguments.id):
                tokens.revoke(arguments.id)
            print(f"The token {arguments.id} is worthless from now on.")
        else:
            Console().print(_table(tokens.store.all(), dt.datetime.now(dt.UTC)))
    except (TokenError, DeploymentError, StackError, ClientError, BotoCoreError, DecantError) as error:
        complain(arguments.command, error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.tokens", description=__doc__)
    add_stage(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    make = commands.add_parser("token", help="make a token and print it, once")
    make.add_argument("--name", required=True, help="who or what has it")
    make.add_argument("--scopes", required=True, help=f"some of {', '.join(Scope)}")
    make.add_argument("--expires", help="after how long it ends: 90d, 12h, 30m; without it, never")
    commands.add_parser("tokens", help="list all tokens")
    commands.add_parser("revoke-token", help="make a token worthless").add_argument("id", help="as the list has it")
    return parser


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


def _table(tokens: Iterable[KeptToken], now: dt.datetime) -> Table:
    table = Table("id", "name", "scopes", "created", "expires", "state")
    for each in tokens:
        state = "good" if each.valid(now) else "revoked" if each.revoked else "expired"
        expires = f"{each.expires:%Y-%m-%d %H:%M}" if each.expires else "never"
        scopes = " ".join(sorted(each.scopes))
        table.add_row(each.id, each.name, scopes, f"{each.created:%Y-%m-%d %H:%M}", expires, state)
    return table


if __name__ == "__main__":
    sys.exit(main())
