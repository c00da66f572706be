"""Batches of 1000 rows through the warm handler, against one bare INSERT of as many on the same connection."""

from __future__ import annotations

import sys

from bench import names
from bench.figures import Sample, Series
from bench.ground import ROOT, Ground
from bench.peers import Peers
from bench.plan import Plan
from bench.timing import run

_PROGRAM = ROOT / "bench" / "programs" / "batch.py"


def batch(ground: Ground, _peers: Peers, plan: Plan) -> dict[str, dict[str, Series]]:
    """Send batches to a handler in a process of its own, into a table that has rows."""
    ground.fill(plan.small)
    environment = {**ground.record.variables(), "PYTHONPATH": str(ROOT)}
    told = run([sys.executable, _PROGRAM, str(plan.many), str(plan.small + 1)], environment).said
    ground.empty()
    who = {names.OURS: "ours", names.AUDITED: "audited", names.BARE_INSERT: "theirs"}
    measured = {name: Series.of(Sample(each) for each in told[key]) for name, key in who.items()}
    for name, series in measured.items():
        ground.tell(f"{names.BATCH} · {name}: {series.median * 1000:.1f} ms")
    return {names.BATCH: measured}
