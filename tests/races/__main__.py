"""``make races``: clients at once for so many minutes, each turn from a seed that is printed, and what was tried."""

from __future__ import annotations

import sys
from collections import Counter

from tests.seeds import one_after_the_other, tried

TESTS = ["tests/contract/test_concurrent_clients.py", "tests/app/test_concurrent_readers.py"]
EXAMPLES = 80


def turn(seed: int, seconds: float, first: bool) -> tuple[int, Counter[str]]:
    """Run the tests from a seed, the first time with every place at which two may meet.

    Places for which so many seconds are not enough are skipped, and told to be.
    """
    only = [] if first else ["-k", "one_after_the_other"]
    return tried(seed, [*only, *TESTS], {
        "DECANT_RACES_EXAMPLES": str(EXAMPLES), "DECANT_RACES_EVERY": "1", "DECANT_RACES_SECONDS": str(seconds),
    })  # fmt: skip


if __name__ == "__main__":
    repeats = "the same operations by the same plans; what runs freely may meet otherwise"
    sys.exit(one_after_the_other("make races", str(__doc__), repeats, turn))
