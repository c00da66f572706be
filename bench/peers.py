"""The peers: whether each is installed, its version, and the command that does its work."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.figures import Sample
from bench.timing import run

_PROGRAMS = Path(__file__).with_name("programs")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PACKAGES = ("awswrangler", "dlt", "fastavro", "fastexcel", "openpyxl", "pandas", "python-calamine")
_VERSIONS = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Peers:
    """What is installed: `python` is the interpreter that has the Python packages, or some of them."""

    python: Path

    @classmethod
    def at_hand(cls) -> Peers:
        """Take those of the project's own environment."""
        return cls(Path(sys.executable))

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The versions of those that are installed, by name."""
        done = subprocess.run(
            [str(self.python), "-c", _VERSIONS, *PACKAGES], check=True, capture_output=True, text=True
        )
        found: dict[str, str] = json.loads(done.stdout)
        if program := shutil.which("pgloader"):
            told = subprocess.run([program, "--version"], check=False, capture_output=True, text=True).stdout
            found["pgloader"] = told.splitlines()[0].split()[-1].strip('"')
        return found

    def skipped(self, *names: str) -> dict[str, str]:
        """Give those of the peers named that are absent, and what to do."""
        ways = {"pgloader": "apt-get install pgloader"}
        return {name: ways.get(name, "make bench installs it") for name in names if name not in self.versions}

    def run(self, program: str, *arguments: str | Path) -> Sample:
        """Run one of the programs: the seconds that it tells, and the peak memory of its process."""
        ended = run([self.python, _PROGRAMS / f"{program}.py", *arguments])
        return Sample(float(ended.said["seconds"]), ended.sample.megabytes)
