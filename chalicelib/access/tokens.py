"""Bearer tokens: how one is made, and how one that is sent is held against what is kept of it.

A token is written ``decant_<id>_<secret>``, a form that scanners for leaked secrets can look for. The identifier is no
secret and finds the token again; of the secret only its SHA-256 is kept. A hash that is slow on purpose would add
nothing: nobody can go through 2^256 secrets, as they could through passwords.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from chalicelib.access.principal import Principal, Scope

_ID_LETTERS = string.ascii_lowercase + string.digits
_SECRET_LETTERS = string.ascii_letters + string.digits
_ID_LENGTH = 12
_SECRET_LENGTH = 43  # of 62 letters: 256 bits

_BEARER = re.compile(rf"(?i:bearer) +decant_([a-z0-9]{{{_ID_LENGTH}}})_([A-Za-z0-9]{{{_SECRET_LENGTH}}})")
# What is looked up and compared where there is nothing to look up or to compare with. No token has them.
_NO_ID, _NO_DIGEST = "-", "-" * 64


@dataclass(frozen=True, slots=True)
class KeptToken:
    """What is kept of a token. Moments are aware; ``expires`` None is never, ``revoked`` None is not yet."""

    id: str
    name: str
    scopes: frozenset[Scope]
    digest: str
    created: dt.datetime
    expires: dt.datetime | None = None
    revoked: dt.datetime | None = None

    def valid(self, now: dt.datetime) -> bool:
        """Whether the token is good at a moment."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class TokenStore(Protocol):
    """Where tokens are kept."""

    def add(self, token: KeptToken) -> None:
        """Keep a new token."""

    def find(self, token_id: str) -> KeptToken | None:
        """The token of this identifier, as it is at this moment."""

    def all(self) -> list[KeptToken]:
        """Every token, oldest first."""

    def revoke(self, token_id: str, now: dt.datetime) -> bool:
        """Make a token worthless for good; one that is so already stays as it is. False: there is none."""


def new_token(
    name: str, scopes: Iterable[Scope], now: dt.datetime, lifetime: dt.timedelta | None = None
) -> tuple[str, KeptToken]:
    """Make a token: the text, which is told once and never kept, and what is kept of it."""
    token_id, secret = _random(_ID_LETTERS, _ID_LENGTH), _random(_SECRET_LETTERS, _SECRET_LENGTH)
    expires = None if lifetime is None else now + lifetime
    return f"decant_{token_id}_{secret}", KeptToken(token_id, name, frozenset(scopes), _digest(secret), now, expires)


def recognise(store: TokenStore, authorization: str, now: dt.datetime) -> Principal | None:
    """The caller whom an Authorization header shows; None for every header that is not good, for whatever reason.

    Whatever is wrong with it, the same is done in the same order: one look-up, one hash, one comparison.
    """
    written = _BEARER.fullmatch(authorization.strip())
    token_id, secret = written.groups() if written else (_NO_ID, "")
    kept = store.find(token_id)
    same = hmac.compare_digest(_digest(secret), _NO_DIGEST if kept is None else kept.digest)
    return Principal(kept.id, kept.name, kept.scopes) if kept is not None and same and kept.valid(now) else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))
