"""What the benchmark must show: each goal, and what it must never be worse than."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bench import names
from bench.figures import Series, Works, ratio

BIG, BIGGER, SMALL = 1_000_000, 5_000_000, 100_000
WORKERS = 4
# "The same" and "as fast as" allow for what two runs of one program differ by.
NOISE = 0.1


class Verdict(StrEnum):
    """How a measured figure stands to its goal."""

    REACHED = "goal reached"
    WITHIN = "within the limit"
    BEYOND = "goal missed"
    MISSED = "limit missed"
    OPEN = "not measured"


class Figure(Protocol):
    """One figure that is made of the works; lower is better."""

    @property
    def unit(self) -> str:
        """What it is told in."""

    def value(self, works: Works) -> float | None:
        """Give the figure, None when something that it needs was not measured."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Our time in terms of a peer's; of the fastest of several."""

    work: str
    peers: tuple[str, ...]
    ours: str = names.OURS
    unit: str = "×"

    def value(self, works: Works) -> float | None:
        found = works.get(self.work, {})
        peers = [found[peer] for peer in self.peers if peer in found]
        if self.ours not in found or not peers:
            return None
        return ratio(found[self.ours], min(peers, key=lambda each: each.median))


@dataclass(frozen=True, slots=True)
class Peak:
    """The peak memory of our process."""

    work: str
    unit: str = "MB"

    def value(self, works: Works) -> float | None:
        found = _ours(works, self.work)
        return found.peak if found else None


@dataclass(frozen=True, slots=True)
class PeakGrowth:
    """The peak memory of one work in terms of another's."""

    work: str
    than: str
    unit: str = "×"

    def value(self, works: Works) -> float | None:
        peak, than = Peak(self.work).value(works), Peak(self.than).value(works)
        return peak / than if peak and than else None


@dataclass(frozen=True, slots=True)
class Seconds:
    """A median by itself, times `scale`."""

    work: str
    who: str = names.OURS
    scale: float = 1
    unit: str = "s"

    def value(self, works: Works) -> float | None:
        found = works.get(self.work, {}).get(self.who)
        return found.median * self.scale if found else None


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table: the figure is at most `goal`, and never more than `limit` where there is one."""

    title: str
    part: str
    figure: Figure
    goal: float
    limit: float | None

    def judge(self, works: Works) -> tuple[float | None, Verdict]:
        """Give the figure and how it stands to its goal."""
        value = self.figure.value(works)
        if value is None:
            return None, Verdict.OPEN
        if value <= self.goal * (1 + NOISE if self.goal == 1 else 1):
            return value, Verdict.REACHED
        if self.limit is None:
            return value, Verdict.BEYOND
        return value, Verdict.WITHIN if value <= self.limit else Verdict.MISSED


def _ours(works: Works, work: str) -> Series | None:
    return works.get(work, {}).get(names.OURS)


_METRICS = ("hires-by-quarter", "departments-above-mean")
_READERS = (names.FASTEXCEL, names.CALAMINE, names.OPENPYXL)


def goals(small: int = SMALL, big: int = BIG, bigger: int = BIGGER) -> Sequence[Goal]:
    """Give the goals; with other sizes than their own they tell only what the same figures are there."""
    load, more = names.csv_load(big), names.csv_load(bigger)
    few, many = names.in_table_of(small), names.in_table_of(bigger)
    return (
        Goal(
            f"{load}, 1 % bad, from S3 through the loader, against `\\copy` of the clean file into the same table",
            *("load", Ratio(load, (names.COPY,)), 0.25, 0.5),
        ),
        Goal("the same against `\\copy` without any constraint", "load", Ratio(load, (names.COPY_BARE,)), 2, 3),
        Goal("the same against dlt (Arrow, no constraints)", "load", Ratio(load, (names.DLT,)), 1 / 3, 1 / 2),
        Goal("the same against pgloader into the same table", "load", Ratio(load, (names.PGLOADER,)), 1 / 6, 1 / 4),
        Goal(
            f"{names.workbook_load(big)}, whole load, against the bare read by the fastest reader",
            *("workbook", Ratio(names.workbook_load(big), _READERS), 1.3, 2),
        ),
        Goal(f"peak memory, {load}", "load", Peak(load), 300, 512),
        Goal(f"peak memory, {more}", "big", Peak(more), 300, 512),
        Goal("the second peak in terms of the first", "big", PeakGrowth(more, load), 1, None),
        Goal(
            f"{names.BATCH}, warm handler, against one bare multi-row INSERT on the same connection",
            *("batch", Ratio(names.BATCH, (names.BARE_INSERT,)), 1.5, 2.5),
        ),
        Goal(
            f"{names.backup(big)}, against `pg_dump -Fc` of the table",
            *("backup", Ratio(names.backup(big), (names.PG_DUMP,)), 0.6, 2),
        ),
        Goal(
            f"{names.restore(big)}, verified, against `pg_restore` of the same constrained table",
            *("backup", Ratio(names.restore(big), (names.PG_RESTORE,)), 1, 3),
        ),
        *(
            Goal(
                f"{names.metric(name)}, {many} against {few}",
                *("metrics", Ratio(names.metric(name), (few,), ours=many), 1, 1.5),
            )
            for name in _METRICS
        ),
        *(
            Goal(
                f"{names.metric(name)}, {many}, in the database",
                *("metrics", Seconds(names.metric(name), many, 1000, "ms"), 10, 10),
            )
            for name in _METRICS
        ),
        Goal(
            f"{names.csv_load(bigger)}, {WORKERS} Lambda workers against 1",
            *("workers", Ratio(names.WORKERS, (names.workers(1),), ours=names.workers(WORKERS)), 1 - NOISE, None),
        ),
        Goal("`import app`", "startup", Seconds(names.IMPORT), 0.35, 0.5),
    )
