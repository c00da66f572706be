"""The metrics at two sizes of the table: the time that the database itself tells."""

from __future__ import annotations

import sys

from bench import names
from bench.figures import Sample, Series
from bench.ground import ROOT, Ground
from bench.peers import Peers
from bench.plan import Plan
from bench.timing import run

_PROGRAM = ROOT / "bench" / "programs" / "metrics.py"


def metrics(ground: Ground, _peers: Peers, plan: Plan) -> dict[str, dict[str, Series]]:
    """Fill the table and explain the statements of every metric, at each size."""
    measured: dict[str, dict[str, Series]] = {}
    for rows in dict.fromkeys((plan.small, plan.bigger)):
        ground.fill(rows)
        told = run([sys.executable, _PROGRAM, str(plan.many)], {**ground.record.variables(), "PYTHONPATH": str(ROOT)})
        for name, seconds in told.said.items():
            series = Series.of(Sample(each) for each in seconds)
            measured.setdefault(names.metric(name), {})[names.in_table_of(rows)] = series
            ground.tell(f"{names.metric(name)} · {names.in_table_of(rows)}: {series.median * 1000:.2f} ms")
    return measured
