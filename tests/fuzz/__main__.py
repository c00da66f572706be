"""Fuzz one target, guided by coverage: `python -m tests.fuzz TARGET [--minutes 10] [--seed N]`.

Inputs that reach something new are kept in .local/fuzz, so that runs add up. An input that breaks a promise ends the
run; it is made as small as it goes and put into tests/fuzz/findings, where it stays as a test.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.findings import FINDINGS
from tests.fuzz.smallest import smallest
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
# Reading a few KB takes milliseconds and no memory to speak of; pyarrow and numpy take some 300 MB.
_SECONDS, _MEGABYTES = 10, 1024
# What atheris puts into the code keeps some KB of each run, so that a process has to begin anew now and then.
_SITTING = 120


def main() -> int:
    """Run libFuzzer in processes of its own, for it ends the one that it runs in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    options = parser.parse_args()
    target, place = TARGETS[options.target], ROOT / ".local" / "fuzz" / options.target
    corpus = place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for content in [*target.seeds(), *(path.read_bytes() for path in FINDINGS.glob(f"{options.target}/*"))]:
        (corpus / hashlib.sha256(content).hexdigest()).write_bytes(content)
    tokens = place / "tokens"
    tokens.write_text("".join(f'"{_escaped(token)}"\n' for token in target.tokens))
    print(f"{options.target}: {options.minutes:g} minutes, seed {options.seed}", flush=True)
    before = set(place.glob("found-*"))
    end = time.monotonic() + 60 * options.minutes
    status, sitting = 0, 0
    while not status and (left := round(end - time.monotonic())) > 0:
        status = _run(options.target, target, place, seconds=min(left, _SITTING), seed=options.seed + sitting)
        sitting += 1
    for path in set(place.glob("found-*")) - before:
        print(f"A promise is broken. The input is kept as a test: {_kept(options.target, target, path)}")
    return status


def _run(name: str, target: Target, place: Path, seconds: int, seed: int) -> int:
    """Try inputs for some seconds; the status is 0 when none breaks a promise."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.guided", name, str(place / "corpus"), f"-dict={place}/tokens"),
            *(f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={target.longest}"),
            *(f"-timeout={_SECONDS}", f"-rss_limit_mb={_MEGABYTES}", f"-artifact_prefix={place}/found-"),
            *("-print_final_stats=1", "-reload=0", "-verbosity=1"),
        ],
        cwd=ROOT,
        check=False,
    ).returncode


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{octet:02x}" for octet in token)


def _kept(name: str, target: Target, path: Path) -> Path:
    """What took too long or too much is kept as it is, for to try parts of it would as well."""
    content = path.read_bytes()
    if path.name.startswith("found-crash"):
        content = smallest(target.check, content)
    kept = FINDINGS / name / hashlib.sha256(content).hexdigest()[:8]
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content)
    return kept.relative_to(ROOT)


if __name__ == "__main__":
    sys.exit(main())
