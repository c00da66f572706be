"""How much is tried: some of it in `make test`, all of it in `make faults`."""

from __future__ import annotations

import os

TIMES = "DECANT_FAULTS_TIMES"
WHOLE = TIMES in os.environ


def examples(usual: int) -> int:
    """How many are drawn where `make test` has so many."""
    return usual * int(os.environ.get(TIMES, "1"))
