"""How long the work of a function may go on, so that it stops by itself before Lambda ends the function.

Work looks at it wherever it turns to a part that takes time: at each statement and each block of rows, at each block of
an object, and when it tells how far it has come. What was begun is then undone as after any other error, and there is
time to put the order back into the queue and to tell the run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.errors import OutOfTime

# What is kept back of a function's time, in seconds, and at most which part of it.
_KEPT, _PART_KEPT = 30.0, 0.25
# Of what is kept, what the cleaning up leaves alone; and by how much whoever waits outlasts whoever works.
_LAST, _GRACE = 1 / 3, 1 / 6


class TimeLeft:
    """The time of the work at hand. It has no end until somebody sets one, as the functions of ``app`` do."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = math.inf
        self._kept = 0.0

    @contextmanager
    def ends_in(self, seconds: float) -> Iterator[None]:
        """In this context the function has so many seconds; the last of them are kept back for cleaning up."""
        before = self._end, self._kept
        self._end, self._kept = self._clock() + seconds, min(_KEPT, seconds * _PART_KEPT)
        try:
            yield
        finally:
            self._end, self._kept = before

    @contextmanager
    def ends_with(self, context: Any) -> Iterator[None]:
        """In this context the function has the time that Lambda's context tells; one that tells none has no end."""
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        with self.ends_in(math.inf if remaining is None else remaining() / 1000):
            yield

    @contextmanager
    def to_clean_up(self) -> Iterator[None]:
        """In this context most of what was kept back may be used."""
        before, self._kept = self._kept, self._kept * _LAST
        try:
            yield
        finally:
            self._kept = before

    @property
    def seconds(self) -> float:
        """How many are left for work: infinitely many without an end, none or less when the time is over."""
        return self._end - self._kept - self._clock()

    @property
    def grace(self) -> float:
        """By how many seconds whoever waits for others outlasts the end that these were told."""
        return self._kept * _GRACE

    def check(self) -> None:
        """Raise OutOfTime when the time is over."""
        if self.seconds <= 0:
            raise OutOfTime("The worker's time was over before its work was done.", hint="It is tried again.")
