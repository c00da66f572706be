"""Measuring: programs as child processes, and contestants taken in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Sample, Series

Tell = Callable[[str], None]
_LAUNCH = Path(__file__).with_name("launch.py")


class BenchError(Exception):
    """A measurement did not do what it should; the message says which and what it said."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A child process that succeeded: its whole time and peak memory, and the last line it wrote, if that is JSON."""

    sample: Sample
    said: Mapping[str, Any]


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Ended:
    """Run a program to its end. Raises BenchError when it fails."""
    with tempfile.NamedTemporaryFile() as report:
        done = subprocess.run(
            [sys.executable, "-I", "-S", _LAUNCH, report.name, *command],
            env=None if environment is None else {**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        said = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise BenchError(f"{Path(command[0]).name} failed:\n{said[-3000:]}")
        told = json.loads(report.read())
    return Ended(Sample(told["seconds"], told["megabytes"]), _last_line(said))


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who does a piece of work: `measure` does it once, by the number of the round; `prepare` is not measured.

    `tidy` is called after each round, so that the next contestant meets the server as this one did.
    """

    name: str
    measure: Callable[[int], Sample]
    prepare: Callable[[], object] = lambda: None
    tidy: Callable[[], object] = lambda: None


def in_turn(work: str, contestants: Sequence[Contestant], rounds: int, tell: Tell) -> dict[str, Series]:
    """Measure all contestants in each round, one after the other; each round begins with the next of them."""
    samples: dict[str, list[Sample]] = {each.name: [] for each in contestants}
    for number in range(rounds):
        first = number % len(contestants)
        for each in [*contestants[first:], *contestants[:first]]:
            each.prepare()
            sample = each.measure(number)
            each.tidy()
            samples[each.name].append(sample)
            peak = "" if sample.megabytes is None else f" {sample.megabytes:6.0f} MB"
            tell(f"{work} · {number + 1}/{rounds} · {each.name}: {sample.seconds:8.3f} s{peak}")
    return {name: Series.of(kept) for name, kept in samples.items()}


def _last_line(said: str) -> Mapping[str, Any]:
    lines = said.strip().splitlines()
    try:
        found = json.loads(lines[-1])
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
