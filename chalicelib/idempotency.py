"""Idempotency keys: a request that is sent again gets the first answer, and nothing is done twice.

The key and the answer commit in the transaction that does the work. A twin that comes meanwhile waits for it.
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import BadRequest, Unavailable, Unprocessable
from chalicelib.points import Point, passed
from chalicelib.ports import Transaction

LONGEST_KEY = 255
# As JSON Schema has it; a header loses the spaces around its value.
KEY_PATTERN = "^[!-~]([ -~]*[!-~])?$"
# A key older than a day is taken over, as if it were new.
_CLAIM = """
INSERT INTO decant.idempotency AS known (key, request) VALUES (:key, :request)
ON CONFLICT (key) DO UPDATE SET request = excluded.request, status = NULL, answer = NULL, created = clock_timestamp()
WHERE known.created < clock_timestamp() - interval '24 hours'
RETURNING key
"""
_KNOWN = "SELECT request, status, answer #>> '{}' FROM decant.idempotency WHERE key = :key"
# The answer is kept as a JSON string: jsonb itself would change its numbers and refuse U+0000 in it.
# Some of the keys that are a day old are swept out by the way.
_KEEP = """
WITH swept AS (
    DELETE FROM decant.idempotency WHERE key IN (
        SELECT key FROM decant.idempotency WHERE created < clock_timestamp() - interval '24 hours'
        ORDER BY created LIMIT 100 FOR UPDATE SKIP LOCKED
    )
)
UPDATE decant.idempotency SET status = CAST(:status AS integer), answer = to_jsonb(CAST(:answer AS text))
WHERE key = :key
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: an HTTP status, and a body that is JSON text in ASCII.

    ``run`` is the run that the request set off, if it did.
    """

    status: int
    body: str
    run: str | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key that a client chose, within the ``scope`` of one caller and route, and the digest of what came with it."""

    scope: str
    key: str
    digest: str

    def __post_init__(self) -> None:
        """Raise BadRequest when the key can't be one."""
        if not 0 < len(self.key) <= LONGEST_KEY or not self.key.isascii() or not self.key.isprintable():
            raise BadRequest(
                "The Idempotency-Key can't be used.",
                hint=f"It takes 1 to {LONGEST_KEY} printable ASCII characters, such as a UUID.",
            )

    @property
    def stored(self) -> str:
        """What the ledger knows it by: text that Postgres takes, however long and odd the path of the route."""
        return request_digest(self.scope.encode("utf-8", "replace"), self.key.encode())


def request_digest(*parts: bytes) -> str:
    """The digest of a request's parts, in which no byte can move from one part to the next."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def answer_once(transaction: Transaction, key: IdempotencyKey, work: Callable[[], Answer]) -> Answer:
    """Do the work and keep its answer, or return the answer that is kept; both in ``transaction``.

    Raises Unprocessable when the key came with another request. Work that raises leaves the key unused.
    """
    if transaction.run_prepared(_CLAIM, key=key.stored, request=key.digest):
        passed(Point.KEY_CLAIMED)
        answer = work()
        transaction.run_prepared(_KEEP, key=key.stored, status=answer.status, answer=answer.body)
        passed(Point.KEY_ANSWERED)
        return answer
    known = transaction.run(_KNOWN, key=key.stored)
    if not known:
        raise Unavailable("The Idempotency-Key ran out at this moment.", hint="Send the request again.")
    request, status, body = known[0]
    if request != key.digest:
        raise Unprocessable(
            "The Idempotency-Key has been used with another request.",
            hint="Send the first request unchanged to get its answer again, or choose a new key.",
        )
    told = json.loads(body)
    return Answer(status, body, told.get("run") or told.get("id"))
