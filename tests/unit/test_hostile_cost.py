"""What the costliest bad files may take: limits of the operating system kill a process that takes more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import hostile

MIB = 2**20
# By line of the list, how many MiB and how many seconds of a processor it may take.
BOUNDS = {
    "zip bomb": (200, 1),
    "thousands of entries": (200, 1),
    "DTD / billion laughs": (200, 1),
    "16,384 columns": (200, 1),
    "blank tail of a million rows": (200, 5),
    "one 100 MB field": (200, 1),
    "depth 10,000": (200, 1),
}
GREEDY = {"too much memory": (200, 5), "too much time": (200, 1)}


def test_every_costly_line_of_the_list_has_its_bounds() -> None:
    assert set(BOUNDS) == set(hostile.COSTLY)


@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is told by /proc alone")
def test_none_costs_more_than_it_may_and_who_does_is_stopped() -> None:
    asked = [f"{line}={size * MIB}={seconds}" for line, (size, seconds) in (BOUNDS | GREEDY).items()]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.costly", *asked],
        cwd=Path(__file__).parents[2],
        # Else each thread, and pyarrow, would reserve addresses by the gigabyte that nobody uses.
        env={"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    well = {line: status == 0 for line, status in json.loads(ended.stdout.splitlines()[-1]).items()}
    assert well == dict.fromkeys(BOUNDS, True) | dict.fromkeys(GREEDY, False), ended.stderr
