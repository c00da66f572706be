"""What `make bench QUICK=1` fails on: a ratio twice as bad as the recorded one of the same small measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench import names
from bench.figures import Works
from bench.goals import Goal, Ratio, goals
from bench.plan import Plan

GROSS = 2.0
# Parts that only big files make.
LEFT_OUT = frozenset({"big", "workers"})


@dataclass(frozen=True, slots=True)
class Compared:
    """A ratio now, and as recorded; None where it was not measured."""

    title: str
    now: float | None
    recorded: float | None

    @property
    def regressed(self) -> bool:
        """Whether it is grossly worse than recorded."""
        return self.now is not None and self.recorded is not None and self.now > GROSS * self.recorded


def compare(now: Works, recorded: Works, figures: Sequence[Goal]) -> list[Compared]:
    """Hold each ratio against the recorded one. Times by themselves tell of the machine, so they are left out."""
    ratios = [each for each in figures if each.figure.unit == "×"]
    return [Compared(each.title, each.figure.value(now), each.figure.value(recorded)) for each in ratios]


def figures_of(plan: Plan) -> Sequence[Goal]:
    """Give the figures at the plan's sizes; the start of a process in terms of what any function of its kind pays."""
    ours = [each for each in goals(plan.small, plan.big, plan.bigger) if each.part not in LEFT_OUT]
    yardstick = Ratio(names.IMPORT, (names.YARDSTICK,))
    return (*ours, Goal("`import app` against `import boto3, pyarrow`", "startup", yardstick, 0, None))
