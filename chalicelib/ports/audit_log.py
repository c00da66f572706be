"""The audit log: who did what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that was done, or refused: who did what, and what came of it. It holds no token, secret or cell.

    ``principal`` is who did it (its id) and ``name`` what people call them; ``action`` is a method with its route, or
    a command, ``resource`` what it was done to, ``outcome`` an HTTP status, or how the command ended. ``run`` is what
    it set off, ``request`` the request's id, ``address`` where it came from.
    """

    principal: str
    name: str
    action: str
    resource: str
    outcome: str
    moment: dt.datetime
    run: str | None = None
    request: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest entry of a chain of the audit log: its place, and the SHA-256 that vouches for all before it."""

    number: int
    digest: str


class AuditLog(Protocol):
    """Who did what; it only grows."""

    def append(self, event: AuditEvent) -> None:
        """Enter an event for good. Raises Unavailable, or another DecantError when it is not allowed."""

    def heads(self) -> Mapping[str, AuditHead]:
        """The newest entry of every chain, by chain. Raises Unavailable."""
