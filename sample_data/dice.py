"""A seeded source of choices that gives the same ones in every version of Python.

Only `random.random()` is promised to keep its sequence for a seed; `choice`, `sample` and `shuffle` are not, so they
are made from it here.
"""

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Choices that follow from the seed and from the order in which they are asked for."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random  # noqa: S311 - sample data, nothing to guard

    def below(self, limit: int) -> int:
        """Return a number from 0 to limit - 1."""
        return int(self.random() * limit)

    def chance(self, share: float) -> bool:
        """Return True in this share of the calls."""
        return self.random() < share

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """Return the items in another order."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result
