"""What S3 says of objects that arrived.

See https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from chalicelib.errors import BadRequest

_SEQUENCER_DIGITS = 64
# What the ledger can't hold. Bytes of a key that are no UTF-8 are decoded into such lone surrogates.
_UNHOLDABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A version of an object that was put into the intake bucket.

    ``order`` sorts the versions of one key by age; ``etag`` and ``order`` are empty when nobody told them. ``fault``
    tells, in words, what the object's name has that can't be held as text: ``key`` has it written out as ``%XX``.
    """

    bucket: str
    key: str
    version: str | None
    etag: str
    order: str
    moment: dt.datetime
    fault: str | None = None

    @property
    def run_id(self) -> str:
        """The identifier of the run that loads it: the same whenever and however often the event is delivered."""
        identity = "\0".join((self.bucket, self.key, self.version or "", self.order))
        digest = hashlib.sha256(identity.encode()).hexdigest()
        return f"{self.moment.astimezone(dt.UTC):%Y%m%dT%H%M%S%f}-{digest[:8]}"


def arrivals(message: Mapping[str, Any]) -> Iterator[Arrival]:
    """The objects that a notification tells of; none for S3's test event and for the markers of folders.

    Raises BadRequest when the message is no notification.
    """
    if message.get("Event") == "s3:TestEvent":
        return
    records = message.get("Records")
    if not isinstance(records, list):
        raise BadRequest("The queue holds a notification without records.")
    for record in records:
        try:
            if not record["eventName"].removeprefix("s3:").startswith("ObjectCreated:"):
                continue
            stored = record["s3"]["object"]
            key, fault = _key(stored["key"])
            moment = dt.datetime.fromisoformat(record["eventTime"].replace("Z", "+00:00")).astimezone(dt.UTC)
            arrival = Arrival(
                bucket=_text(record["s3"]["bucket"]["name"]),
                key=key,
                version=_text(stored.get("versionId") or "") or None,
                etag=_text(stored.get("eTag") or "").strip('"'),
                order=_order(_text(stored.get("sequencer") or ""), moment),
                moment=moment,
                fault=fault,
            )
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise BadRequest(f"The queue holds a notification that is none of S3's: {error!r}.") from error
        if not arrival.key.endswith("/"):
            yield arrival


def _key(told: str) -> tuple[str, str | None]:
    """The key as the event spells it, decoded, and its fault."""
    content = unquote_to_bytes(told.replace("+", " ").encode("utf-8", "surrogatepass"))
    key = content.decode("utf-8", "surrogateescape")
    found = _UNHOLDABLE.search(key)
    if found is None:
        return key, None
    shown = quote(found[0], errors="surrogateescape")
    fault = f"a zero byte ({shown})" if found[0] == "\0" else f"bytes that are no UTF-8 text (such as {shown})"
    return _UNHOLDABLE.sub(lambda match: quote(match[0], errors="surrogateescape"), key), fault


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    if _UNHOLDABLE.search(value):
        raise ValueError(f"{value!r} can't be held as text")
    return value


def _order(sequencer: str, moment: dt.datetime) -> str:
    """What sorts the events of one key: S3's sequencer, padded on the right, or else the time of the event."""
    return sequencer.upper().ljust(_SEQUENCER_DIGITS, "0") if sequencer else f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
