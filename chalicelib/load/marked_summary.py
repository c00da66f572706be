"""What is told of a run in a workbook that gives its rejected rows back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows of a table have something wrong with a column, and one of the messages that say so."""

    table: str
    column: str | None
    code: str
    rows: int
    example: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Which run it is and of what, its counts by name, why rows were rejected, and what else a reader should know."""

    run: str
    source: str
    counts: Mapping[str, int]
    tallies: Sequence[Tally]
    notes: Sequence[str] = ()
