"""Tests that are run from one seed after the other for so many minutes, and a count of what they did."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# The tests are started with the name of a file here, for a JSON object of counts a line.
TALLY = "DECANT_TALLY"


def tally(found: Mapping[str, int]) -> None:
    """Add to the counts of the run, if somebody asked for them."""
    if TALLY in os.environ:
        with Path(os.environ[TALLY]).open("a") as file:
            file.write(json.dumps(found) + "\n")


def tried(seed: int, tests: Sequence[str], environment: Mapping[str, str]) -> tuple[int, Counter[str]]:
    """Run tests from a seed; return pytest's code and the counts."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "tally"
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", f"--hypothesis-seed={seed}", *tests]
        given = {**os.environ, **environment, TALLY: str(told)}
        code = subprocess.run(command, env=given, check=False).returncode
        found: Counter[str] = Counter()
        for line in told.read_text().splitlines() if told.exists() else []:
            found.update(json.loads(line))
        return code, found


def one_after_the_other(
    prog: str, description: str, repeats: str, turn: Callable[[int, float, bool], tuple[int, Counter[str]]]
) -> int:
    """Take turns, each from a seed, as long as the time lasts; the first that fails is the last. Return its code.

    ``turn`` is given the seed, the seconds that are left and whether it is the first. ``repeats`` tells what of a turn
    comes again with its seed.
    """
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, help=f"do the work of this seed alone: {repeats}")
    told = parser.parse_args()
    end = time.monotonic() + told.minutes * 60
    total: Counter[str] = Counter()
    while True:
        seed = secrets.randbelow(2**32) if told.seed is None else told.seed
        print(f"seed {seed}", flush=True)
        code, found = turn(seed, end - time.monotonic(), not total)
        total += found
        print(f"  {_summary(found)}", flush=True)
        if code or told.seed is not None or time.monotonic() > end:
            break
    print(f"in all {_summary(total)}")
    return code


def _summary(found: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in found.items())
