"""Workbooks through the whole stack, against the bare read of their cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench import names
from bench.figures import Sample, Series
from bench.ground import Ground
from bench.peers import Peers
from bench.plan import Plan
from bench.timing import Contestant, in_turn

_READERS = {
    names.FASTEXCEL: ("fastexcel", "fastexcel"),
    names.CALAMINE: ("python-calamine", "calamine"),
    names.OPENPYXL: ("openpyxl", "openpyxl"),
}


def workbook(ground: Ground, peers: Peers, plan: Plan) -> dict[str, dict[str, Series]]:
    """Load 1M rows against the native readers, and 100k against openpyxl too."""
    fast = [name for name in _READERS if name != names.OPENPYXL]
    measured = _against(ground, peers, plan.big, plan.rounds, fast)
    return measured if plan.quick else measured | _against(ground, peers, plan.small, plan.rounds, list(_READERS))


def _against(ground: Ground, peers: Peers, rows: int, rounds: int, readers: list[str]) -> dict[str, dict[str, Series]]:
    work, path = names.workbook_load(rows), ground.data.workbook(rows)
    indexed: list[Sample] = []

    def ours(_: int) -> Sample:
        committed, with_indexes = ground.measure_load(path, rows, 0)
        indexed.append(with_indexes)
        return committed

    us = Contestant(names.OURS, ours, prepare=ground.server.checkpoint, tidy=ground.empty)
    others = [
        Contestant(name, _read(peers, program, path))
        for name, (package, program) in _READERS.items()
        if name in readers and package in peers.versions
    ]
    ground.empty()
    measured = in_turn(work, [us, *others], rounds, ground.tell)
    return {work: {**measured, names.INDEXED: Series.of(indexed)}}


def _read(peers: Peers, program: str, path: Path) -> Callable[[int], Sample]:
    return lambda _: peers.run("read_workbook", program, path)
