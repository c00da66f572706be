"""Tokens in a DynamoDB table of their own, which the authorizer alone may read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute, UTCDateTimeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.models import Model

from chalicelib.access.principal import Scope
from chalicelib.access.tokens import KeptToken


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

    A failure of DynamoDB is PynamoDB's error: the authorizer then fails, and lets nobody in.
    """

    def __init__(
        self, table: str, region: str | None = None, connection: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        meta = {
            "table_name": table,
            "region": region,
            "connect_timeout_seconds": 2,
            "read_timeout_seconds": 3,
            "max_retry_attempts": 2,
            **connection,
        }
        self._item: type[_Item] = type("Item", (_Item,), {"Meta": type("Meta", (), meta)})

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
        item.save(condition=self._item.id.does_not_exist())

    def find(self, token_id: str) -> KeptToken | None:
        """See ``access.tokens.TokenStore``."""
        try:
            return _token(self._item.get(token_id, consistent_read=True))
        except DoesNotExist:
            return None

    def all(self) -> list[KeptToken]:
        """See ``access.tokens.TokenStore``."""
        return sorted((_token(item) for item in self._item.scan(consistent_read=True)), key=lambda each: each.created)

    def revoke(self, token_id: str, now: dt.datetime) -> bool:
        """See ``access.tokens.TokenStore``."""
        unrevoked = self._item.id.exists() & self._item.revoked.does_not_exist()
        try:
            self._item(token_id).update(actions=[self._item.revoked.set(now)], condition=unrevoked)
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
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
