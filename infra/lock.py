"""Writes the lock files: `python -m infra.lock [--upgrade]`. Versions that are locked already stay, but for --upgrade.

Each lock names every package with its version and the hashes of its files, for all platforms at once, and no index.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.packaging.supplied import SUPPLIED

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Lock:
    """One lock file, made from `source`; paths are relative to the repository."""

    file: str
    source: str
    python: str
    options: tuple[str, ...] = ()


# In this order: what ships has the versions of the environment that it is tested in.
LOCKS = (
    Lock("requirements-dev.lock", "pyproject.toml", "3.11", ("--all-extras",)),
    Lock(
        "requirements.lock",
        "requirements.txt",
        "3.11",
        (
            *("--constraint", "requirements-dev.lock"),
            *(f"--no-emit-package={name}" for name in sorted(SUPPLIED)),
        ),
    ),
    Lock("infra/local/ministack-requirements.txt", "infra/local/ministack-requirements.in", "3.11"),
    # Its own metadata admits versions that break it, so the list is complete and nothing is resolved.
    Lock("infra/localstack/requirements.txt", "infra/localstack/requirements.in", "3.11", ("--no-deps",)),
    Lock("infra/localstack/functions.txt", "infra/localstack/functions.in", "3.12", ("-c", "requirements-dev.lock")),
    Lock("bench/requirements.txt", "bench/requirements.in", "3.11"),
    Lock("tests/mutation/requirements.txt", "tests/mutation/requirements.in", "3.11", ("-c", "requirements-dev.lock")),
    Lock("tests/fuzz/requirements.txt", "tests/fuzz/requirements.in", "3.11"),
    Lock("tests/e2e/runtime/requirements.txt", "tests/e2e/runtime/requirements.in", "3.11"),
)


def write(lock: Lock, upgrade: bool) -> None:
    """Resolve one lock with uv; raises CalledProcessError when that fails, with uv's words on standard error."""
    subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
            *("--fork-strategy", "fewest", "--python-version", lock.python, "--no-emit-index-url"),
            *("--custom-compile-command", "make lock", *lock.options, *(["--upgrade"] if upgrade else [])),
            *(lock.source, "--output-file", lock.file),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def main() -> None:
    """Write all locks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that pyproject.toml allows")
    upgrade = parser.parse_args().upgrade
    for lock in LOCKS:
        write(lock, upgrade)
        print(lock.file)


if __name__ == "__main__":
    main()
