"""``make mutants``: what decides over people's rows is changed, a piece at a time, and a test has to find each change.

mutmut makes the mutants, in ``mutants/``; ``trial`` tries them, in a process of its own, which a mutant may bring down.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from mutmut.__main__ import create_mutants
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir

from tests.mutation.modules import SPECIFIED_BY

FOLDER = Path("mutants")


def main() -> int:
    """Make the mutants of each module, try them, and show those that no test has found."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--module", choices=SPECIFIED_BY, help="of this module alone")
    only = parser.parse_args().module
    _make()
    for module in [only] if only else SPECIFIED_BY:
        start = time.monotonic()
        found = _try(module)
        for name, verdict in found.items():
            if not verdict.startswith("killed"):
                print(f"\n{name} {verdict}\n{get_diff_for_mutant(name, path=_path(module))}")
        counts = Counter(verdict.partition(" ")[0] for verdict in found.values())
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        print(f"{module}: {len(found)} mutants, {told}, in {time.monotonic() - start:.0f} s", flush=True)
    return 0


def _make() -> None:
    """Put a copy of the repository into the folder in which each function knows its mutants."""
    FOLDER.mkdir(exist_ok=True)
    config().only_mutate = [str(_path(module)) for module in SPECIFIED_BY]
    set_mutant_under_test("mutant_generation")
    copy_src_dir()
    copy_also_copy_files()
    create_mutants(1)


def _try(module: str) -> dict[str, str]:
    """The verdict over each mutant of a module; one that brings the process down is killed, and the rest goes on."""
    made = SourceFileMutationData(path=_path(module))
    made.load()
    names = list(made.exit_code_by_key)
    verdicts = (FOLDER / "verdicts.json").resolve()
    verdicts.write_text("{}")
    environment = {**os.environ, "DECANT_MUTANTS": json.dumps(names), "DECANT_VERDICTS": str(verdicts)}
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "--no-summary", "--rootdir=."]
    command += ["-p", "no:cacheprovider", "-o", "faulthandler_timeout=0"]  # the trial keeps its own time
    command += ["-p", "tests.mutation.trial", *SPECIFIED_BY[module]]
    found: dict[str, str] = {}
    while len(found) < len(names):
        before = len(found)
        done = subprocess.run(command, cwd=FOLDER, env=environment, stdout=subprocess.DEVNULL, check=False)
        found = json.loads(verdicts.read_text())
        if len(found) < len(names) and (done.returncode >= 0 or len(found) == before):
            raise SystemExit(f"The tests of {module} could not be run: pytest ended with {done.returncode}.")
    return found


def _path(module: str) -> Path:
    return Path(*module.split(".")).with_suffix(".py")


if __name__ == "__main__":
    sys.exit(main())
