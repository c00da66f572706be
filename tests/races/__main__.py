"""``make races``: clients at once for so many minutes, each turn from a seed that is printed, and what was tried."""

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
from pathlib import Path

TESTS = ["tests/contract/test_concurrent_clients.py", "tests/app/test_concurrent_readers.py"]
EXAMPLES = 80


def main() -> int:
    """Run the tests from one seed after the other, as long as the time lasts; the first that fails is the last."""
    parser = argparse.ArgumentParser(prog="make races", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, help="do the work of this seed alone: the same operations by the same "
                        "plans; what runs freely may meet otherwise")  # fmt: skip
    told = parser.parse_args()
    end = time.monotonic() + told.minutes * 60
    total: Counter[str] = Counter()
    while True:
        seed = secrets.randbelow(2**32) if told.seed is None else told.seed
        print(f"seed {seed}", flush=True)
        code, found = turn(seed, end - time.monotonic(), meetings=not total)
        total += found
        print(f"  {summary(found)}", flush=True)
        if code or told.seed is not None or time.monotonic() > end:
            break
    print(f"in all {summary(total)}")
    return code


def turn(seed: int, seconds: float, *, meetings: bool) -> tuple[int, Counter[str]]:
    """Run the tests from a seed, once with every place at which two may meet; return pytest's code and the counts.

    Places for which so many seconds are not enough are skipped, and told to be.
    """
    with tempfile.TemporaryDirectory() as folder:
        tally = Path(folder) / "tally"
        given = {
            "DECANT_RACES_EXAMPLES": str(EXAMPLES), "DECANT_RACES_EVERY": "1", "DECANT_RACES_TALLY": str(tally),
            "DECANT_RACES_SECONDS": str(seconds),
        }  # fmt: skip
        only = [] if meetings else ["-k", "one_after_the_other"]
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", f"--hypothesis-seed={seed}", *only, *TESTS]
        code = subprocess.run(command, env={**os.environ, **given}, check=False).returncode
        found: Counter[str] = Counter()
        for line in tally.read_text().splitlines() if tally.exists() else []:
            found.update(json.loads(line))
        return code, found


def summary(found: Counter[str]) -> str:
    """Counts in words."""
    return ", ".join(f"{count} {name}" for name, count in found.items())


if __name__ == "__main__":
    sys.exit(main())
