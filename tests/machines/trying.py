"""Schemathesis as a process of its own, and what it says in the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@dataclass(frozen=True)
class Tried:
    """How it ended: with what code, what it printed, and its report."""

    code: int
    printed: str
    report: dict[str, Any]

    def untried(self) -> list[str]:
        """Operations and phases that there was no time for, or that no report tells of."""
        if not self.report:
            return ["anything, for there is no report"]
        operations = self.report["operations"]
        left = operations["selected"] - operations["tested"]
        skipped = [
            f"the phase {name}"
            for name, phase in self.report["phases"].items()
            if phase["status"] == "skip" and phase["skip_reason"] != "disabled"  # as an option asked for
        ]
        return [*([f"{left} operations"] if left else []), *skipped]


def try_everything(url: str, token: str, folder: Path, *, seed: int, examples: int, options: list[str]) -> Tried:
    """Try the API at ``url`` with a token of all scopes: ``examples`` for each operation and phase, from a seed.

    ``options`` are further ones of ``schemathesis run``. The report, and what was sent, are put into ``folder``.
    """
    report = folder / "report.json"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(CONFIGURATION)),
        *("run", f"{url}/openapi.json", "--url", url, "--seed", str(seed), "--max-examples", str(examples)),
        *("--continue-on-failure", "--report", "json", "--report-json-path", str(report), *options),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"DECANT_TOKEN": token, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Tried(done.returncode, done.stdout, json.loads(report.read_text()) if report.exists() else {})
