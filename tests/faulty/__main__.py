"""``make faults``: parts that fail at drawn places for so many minutes, each turn from a seed that is printed."""

from __future__ import annotations

import sys
from collections import Counter

from tests.faulty.extent import TIMES
from tests.seeds import one_after_the_other, tried

TESTS = ["tests/contract/test_faulty_wire.py", "tests/contract/test_faulty_ports.py"]


def turn(seed: int, _seconds: float, first: bool) -> tuple[int, Counter[str]]:
    """Run the tests from a seed with five times as many examples, the first time with every fault around COMMIT."""
    only = [] if first else ["-k", "wherever or whatever_fails"]
    return tried(seed, [*only, *TESTS], {TIMES: "5"})


if __name__ == "__main__":
    sys.exit(one_after_the_other("make faults", str(__doc__), "the same faults at the same places", turn))
