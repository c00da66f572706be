"""What a new process pays before it answers: its imports, its first answer, its first answer from the database."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from bench import names
from bench.figures import Sample, Series
from bench.ground import ROOT, Ground
from bench.peers import Peers
from bench.plan import Plan
from bench.timing import run

_PROGRAM = ROOT / "bench" / "programs" / "startup.py"


def startup(ground: Ground, _peers: Peers, plan: Plan) -> dict[str, dict[str, Series]]:
    """Start so many processes, in turn with some that import only what any function of this kind does."""
    environment = {**ground.record.variables(), "PYTHONPATH": str(ROOT)}
    _start(environment)  # has the byte code written
    pairs = [(_start(environment), _start(environment, "yardstick")) for _ in range(plan.processes)]
    ours, yardstick = [mine for mine, _ in pairs], [other for _, other in pairs]
    measured = {
        names.IMPORT: {names.OURS: _series(ours, "import"), names.YARDSTICK: _series(yardstick, "import")},
        names.NO_DATABASE: {names.OURS: _series(ours, "no_database")},
        names.DATABASE: {names.OURS: _series(ours, "database")},
    }
    for work, contestants in measured.items():
        ground.tell(f"{work}: {contestants[names.OURS].median:.3f} s")
    return measured


def _start(environment: Mapping[str, str], *arguments: str) -> Mapping[str, float]:
    return run([sys.executable, _PROGRAM, *arguments], environment).said


def _series(told: list[Mapping[str, float]], name: str) -> Series:
    return Series.of(Sample(each[name]) for each in told)
