"""The file of results: one entry for each part, which a new measurement of that part replaces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from bench.figures import Series, Works


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the benchmark measured, and where and with what it did so.

    `took` is how long it lasted, in seconds; `skipped` gives for each absent peer the reason; `notes` are figures that
    are no times.
    """

    date: str
    commit: str
    took: float
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    works: Works
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, kept: Mapping[str, Any]) -> Part:
        """Read what `told` wrote."""
        works = {
            work: {name: Series.parse(each) for name, each in contestants.items()}
            for work, contestants in kept["works"].items()
        }
        return cls(**{**kept, "works": works})

    def told(self) -> dict[str, Any]:
        """Give the part for JSON."""
        return {
            "date": self.date,
            "commit": self.commit,
            "took": round(self.took),
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "skipped": dict(self.skipped),
            "notes": dict(self.notes),
            "works": {
                work: {name: series.told() for name, series in contestants.items()}
                for work, contestants in self.works.items()
            },
        }


Results: TypeAlias = dict[str, Part]


def read(file: Path) -> Results:
    """Read a file of results; there are none while it does not exist."""
    if not file.exists():
        return {}
    return {name: Part.parse(part) for name, part in json.loads(file.read_text())["parts"].items()}


def merge(kept: Mapping[str, Part], measured: Mapping[str, Part], order: tuple[str, ...]) -> Results:
    """Give the kept parts with the measured ones in their places, in this order; what the order lacks is dropped."""
    together = {**kept, **measured}
    return {name: together[name] for name in order if name in together}


def write(file: Path, results: Results) -> None:
    """Write a file of results."""
    told = {"parts": {name: part.told() for name, part in results.items()}}
    file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def all_works(results: Mapping[str, Part]) -> Works:
    """Give the works of all parts together."""
    return {work: contestants for part in results.values() for work, contestants in part.works.items()}
