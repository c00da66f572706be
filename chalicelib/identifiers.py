"""The identifiers of runs, backups and snapshots."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets

_IDENTIFIER = re.compile(r"[0-9]{8}T[0-9]{12}-[0-9a-f]{8}")
# As JSON Schema has it.
PATTERN = f"^{_IDENTIFIER.pattern}$"


def new_id(now: dt.datetime) -> str:
    """A new identifier such as ``20261122T022045123456-4f2a9c1b``. Those of a later moment sort behind.

    ``now`` is aware; the identifier tells it in UTC, to the microsecond.
    """
    moment = now.astimezone(dt.UTC)
    return f"{moment.year:04}{moment:%m%dT%H%M%S%f}-{secrets.token_hex(4)}"


def scheduled_id(work: str, moment: dt.datetime) -> str:
    """The identifier of the run that a schedule starts at a moment, which is aware: for the same, always the same."""
    at = moment.astimezone(dt.UTC)
    digest = hashlib.sha256(f"{work} {at.isoformat()}".encode()).hexdigest()
    return f"{at.year:04}{at:%m%dT%H%M%S%f}-{digest[:8]}"


def is_id(text: str) -> bool:
    """Whether the text has the form of an identifier, so that it may stand in a key or a name."""
    return _IDENTIFIER.fullmatch(text) is not None
