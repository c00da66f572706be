"""How much is measured: the recorded run, and the quick one of continuous integration."""

from __future__ import annotations

from dataclasses import dataclass

from bench import goals


@dataclass(frozen=True, slots=True)
class Plan:
    """Numbers of rows, and of rounds; `bigger` and what is slow are left out of a quick run.

    `few` are the rounds of what takes a minute each, `many` of what takes milliseconds.
    """

    small: int = goals.SMALL
    big: int = goals.BIG
    bigger: int = goals.BIGGER
    rounds: int = 5
    few: int = 3
    many: int = 100
    processes: int = 10
    quick: bool = False


FULL = Plan()
QUICK = Plan(big=100_000, bigger=100_000, small=20_000, rounds=3, many=30, processes=5, quick=True)
