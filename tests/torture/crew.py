"""Processes that make attempts, one after the other each, and may be killed in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.torture.attempts import Attempt, Outcome

ROOT = Path(__file__).parents[2]


class Worker:
    """A fork server, which makes one attempt at a time; see ``fork_server``."""

    def __init__(self, told: Mapping[str, Any], environment: Mapping[str, str], report: Path) -> None:
        self._report = report
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **environment},
            text=True,
            bufsize=1,
        )
        self._say(json.dumps({**told, "report": str(report)}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def ready(self) -> Self:
        """Wait until it has imported everything."""
        assert self._hear() == "ready"
        return self

    def make(self, attempt: Attempt) -> Outcome:
        """Make an attempt, and wait for its end."""
        log = self._report.with_suffix(".log")
        for file in (self._report, log):
            file.write_bytes(b"")
        self._say(attempt.render())
        told = json.loads(self._hear())
        lines = self._report.read_text().split("\n")
        points = [line for line in lines if line and not line.startswith("{")]
        answers = [json.loads(line)["answer"] for line in lines if line.startswith("{")]
        return Outcome(told["code"], points, answers[0] if answers else None, told["seconds"], log.read_text()[-4000:])

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the fork server ended with {self._process.wait()}")
        return line.strip()
