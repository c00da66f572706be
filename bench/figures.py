"""What was measured, and the figures that are made of it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: seconds, and the peak memory of the process that did the work where there is one, in MB."""

    seconds: float
    megabytes: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The samples of one contestant, in the order of the rounds; there is at least one."""

    seconds: tuple[float, ...]
    megabytes: tuple[float, ...] = ()

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Series:
        """Put samples together."""
        kept = list(samples)
        peaks = tuple(each.megabytes for each in kept if each.megabytes is not None)
        return cls(tuple(each.seconds for each in kept), peaks)

    @classmethod
    def parse(cls, kept: Mapping[str, list[float]]) -> Series:
        """Read what `told` wrote."""
        return cls(tuple(kept["seconds"]), tuple(kept.get("megabytes", ())))

    def told(self) -> dict[str, Any]:
        """Give the series for JSON, to a tenth of a millisecond and of a megabyte."""
        kept: dict[str, Any] = {"seconds": [round(each, 5) for each in self.seconds]}
        if self.megabytes:
            kept["megabytes"] = [round(each, 1) for each in self.megabytes]
        return kept

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return statistics.median(self.seconds)

    @property
    def peak(self) -> float | None:
        """The most memory of all rounds."""
        return max(self.megabytes, default=None)


# By piece of work, by contestant.
Works: TypeAlias = Mapping[str, Mapping[str, Series]]


def ratio(ours: Series, theirs: Series) -> float:
    """Give how many times as long we take: the median of the ratios round by round, for rounds were taken in turn.

    Where one has fewer rounds than the other, as work that does not alternate may, it is the ratio of the medians.
    """
    if len(ours.seconds) != len(theirs.seconds):
        return ours.median / theirs.median
    return statistics.median(mine / yours for mine, yours in zip(ours.seconds, theirs.seconds, strict=True))
