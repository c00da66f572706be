"""Tokens in a DynamoDB table of their own, which the authorizer alone may read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute, UTCDateTimeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.models import Model

from chalicelib.access.principal import Scope
from chalicelib.access.tokens import KeptToken
from chalicelib.dynamo import ConditionRefused, model_of, translated
from chalicelib.errors import Conflict

_asked = partial(translated, "table of tokens")


class _Item(Model):
    id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    digest = UnicodeAttribute()
    created = UTCDateTimeAttribute()
    expires = UTCDateTimeAttribute(null=True)
    revoked = UTCDateTimeAttribute(null=True)


class DynamoTokens:
    """See ``access.tokens.TokenStore``. ``connection`` holds PynamoDB's settings where the environment's are not meant.

    It raises Unavailable and DecantError: the authorizer then fails, and lets nobody in.
    """

    def __init__(
        self, table: str, region: str | None = None, connection: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        times = {"connect_timeout_seconds": 2, "read_timeout_seconds": 3, "max_retry_attempts": 2}
        self._item = model_of(_Item, table, **{"region": region, **times, **connection})

    def add(self, token: KeptToken) -> None:
        """See ``access.tokens.TokenStore``."""
        item = self._item(
            token.id,
            name=token.name,
            scopes={scope.value for scope in token.scopes},
            digest=token.digest,
            created=token.created,
            expires=token.expires,
            revoked=token.revoked,
        )
        try:
            _asked(lambda: item.save(condition=self._item.id.does_not_exist()))
        except ConditionRefused:
            raise Conflict(f"There is a token {token.id} already.", hint="Make another one.") from None

    def find(self, token_id: str) -> KeptToken | None:
        """See ``access.tokens.TokenStore``."""
        try:
            return _token(_asked(lambda: self._item.get(token_id, consistent_read=True)))
        except DoesNotExist:
            return None

    def all(self) -> list[KeptToken]:
        """See ``access.tokens.TokenStore``."""
        items = _asked(lambda: list(self._item.scan(consistent_read=True)))
        return sorted(map(_token, items), key=lambda each: each.created)

    def revoke(self, token_id: str, now: dt.datetime) -> bool:
        """See ``access.tokens.TokenStore``."""
        unrevoked = self._item.id.exists() & self._item.revoked.does_not_exist()
        try:
            _asked(lambda: self._item(token_id).update(actions=[self._item.revoked.set(now)], condition=unrevoked))
        except ConditionRefused:
            return self.find(token_id) is not None
        return True


def _token(item: _Item) -> KeptToken:
    return KeptToken(
        id=item.id,
        name=item.name,
        scopes=frozenset(map(Scope, item.scopes)),
        digest=item.digest,
        created=item.created,
        expires=item.expires,
        revoked=item.revoked,
    )
