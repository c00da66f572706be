"""How long to wait before another try. Who failed together must not come back together."""

from __future__ import annotations

import random

# The system's: functions that start from one snapshot share the state of Python's own, and would not be spread.
_random = random.SystemRandom()


def spread(seconds: float) -> int:
    """Whole seconds for a message to wait: so many at least, and up to half as many more."""
    least = max(0.0, seconds)
    return round(_random.uniform(least, least * 1.5))


def growing(tries: int) -> int:
    """Seconds before work is tried again that has failed so often: 5 at first, each time twice as many, 300 at last."""
    return spread(min(300, 5 * 2 ** min(tries, 10)))
