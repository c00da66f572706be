"""The queue of work, and the messages that it gave up on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Queue(Protocol):
    """Work for later, each message a JSON object, delivered at least once."""

    def send(self, message: Mapping[str, Any], delay: int = 0) -> None:
        """Put a message into the queue, to be delivered after ``delay`` seconds (900 at most)."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that the queue gave up on. ``deliveries`` counts how often it was given out, to whoever looked too."""

    id: str
    body: str
    sent: dt.datetime
    deliveries: int
    receipt: str
