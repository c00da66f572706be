"""The benchmark: `python -m bench [--only load,backup] [--quick]`; see docs/benchmarks.md.

Without `--quick` it measures everything, or the parts that `--only` names, writes bench/results.json and rewrites
docs/benchmarks.md and docs/benchmarks.svg. With it, it measures little and compares with bench/quick.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench import machine, plot, quick, report, results
from bench.data import Data
from bench.figures import Works
from bench.goals import goals
from bench.ground import ROOT, TOOLS, Ground, ground
from bench.peers import REQUIREMENTS, Peers
from bench.plan import FULL, QUICK, Plan
from bench.profiling import profile
from bench.results import Part, Results, all_works
from bench.scenarios.backup import backup
from bench.scenarios.batch import batch
from bench.scenarios.load import big, load
from bench.scenarios.metrics import metrics
from bench.scenarios.startup import startup
from bench.scenarios.workbook import workbook
from bench.scenarios.workers import workers
from bench.timing import BenchError
from infra.local.environment import environment_python

RESULTS = ROOT / "bench" / "results.json"
QUICK_RESULTS = ROOT / "bench" / "quick.json"
DOCUMENT = ROOT / "docs" / "benchmarks.md"
PLOT = ROOT / "docs" / "benchmarks.svg"
DATA = Data(TOOLS / "bench-data")

Scenario = Callable[[Ground, Peers, Plan], Works]
# In the order in which they are measured and told, each with the peers that it would like.
PARTS: Mapping[str, tuple[Scenario, tuple[str, ...]]] = {
    "startup": (startup, ()),
    "batch": (batch, ()),
    "load": (load, ("dlt", "pgloader", "awswrangler", "pandas")),
    # Before workbooks and backups: a process keeps memory that it needed once, and that of CSV files has a goal.
    "big": (big, ()),
    "workbook": (workbook, ("fastexcel", "python-calamine", "openpyxl")),
    "backup": (backup, ("fastavro",)),
    "metrics": (metrics, ()),
    "workers": (workers, ()),
}


def main() -> int:
    """Measure, record, tell; 1 when a part fails, or a quick measurement is grossly worse than recorded."""
    given = arguments().parse_args()
    chosen = given.only.split(",") if given.only else list(PARTS)
    for name in chosen:
        if name not in PARTS:
            raise SystemExit(f"There is no part {name!r}; the parts are {', '.join(PARTS)}.")
    begun = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - begun:7.1f}  {text}", flush=True)

    if given.profile:
        with ground(tell, DATA) as here:
            rows = given.rows or FULL.big
            print(profile(here, here.data.workbook(rows) if given.only == "workbook" else here.data.dirty(rows).path))
        return 0
    if given.quick:
        wanted = [name for name in chosen if name not in quick.LEFT_OUT]
        quickly = dict(measure(QUICK, Peers.at_hand(), wanted, tell))
        return max(compare(quickly, record_them=given.record), int(len(quickly) < len(wanted)))
    tell("environment of the peers")
    peers = Peers(environment_python(TOOLS / "bench-venv", REQUIREMENTS))
    measured = {}
    for name, part in measure(plan_of(given), peers, chosen, tell):
        measured[name] = part
        if not given.rows:
            record({name: part})
    works = all_works(measured)
    print(report.contestants_table(works) if given.rows else report.goals_table(goals(), works))
    return int(len(measured) < len(chosen))


def plan_of(given: argparse.Namespace) -> Plan:
    """Give the full plan, as far as nothing else is asked for."""
    plan = FULL
    if given.rounds:
        plan = dataclasses.replace(plan, rounds=given.rounds, few=given.rounds)
    if given.rows:
        plan = dataclasses.replace(plan, small=given.rows // 10, big=given.rows, bigger=given.rows * 5)
    return plan


def arguments() -> argparse.ArgumentParser:
    """What may be given."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help=f"parts, with commas: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="measure little, and compare with what is recorded")
    parser.add_argument("--record", action="store_true", help="with --quick: record its ratios instead of comparing")
    parser.add_argument(
        "--profile", action="store_true", help="tell what a load of CSV, or --only workbook, spends its time on"
    )
    parser.add_argument("--rounds", type=int, help="so many rounds of everything that is slow, instead of 5 or 3")
    parser.add_argument("--rows", type=int, help="so many rows instead of 1,000,000; nothing is recorded then")
    return parser


def measure(plan: Plan, peers: Peers, chosen: Sequence[str], tell: Callable[[str], None]) -> Iterator[tuple[str, Part]]:
    """Measure the chosen parts on one stack, and yield each when it is done. One that fails is told and left out."""
    tell("bringing a stack up")
    commit = machine.commit(ROOT)  # before results of ours change files
    with ground(tell, DATA) as here:
        for name, (scenario, wanted) in PARTS.items():
            if name not in chosen:
                continue
            begun = time.monotonic()
            skipped = {} if plan.quick else peers.skipped(*wanted)
            for peer, way in skipped.items():
                tell(f"{name}: {peer} is skipped, for it is not installed ({way})")
            try:
                works = scenario(here, peers, plan)
            except BenchError as error:
                tell(f"{name} FAILED: {error}")
                continue
            found = {each: peers.versions[each] for each in wanted if each in peers.versions}
            yield (
                name,
                Part(
                    date=dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
                    commit=commit,
                    took=time.monotonic() - begun,
                    machine=machine.machine(),
                    versions=machine.versions(here.server.program("postgres"), found),
                    works=works,
                    skipped=skipped,
                ),
            )


def record(measured: Results) -> None:
    """Put what was measured in its place in the results, and tell all of them in the document."""
    kept = results.merge(results.read(RESULTS), measured, tuple(PARTS))
    results.write(RESULTS, kept)
    PLOT.write_text(plot.draw(all_works(kept)))
    DOCUMENT.write_text(report.rewrite(DOCUMENT.read_text(), report.tables(kept, goals(), PLOT.name)))


def compare(measured: Results, *, record_them: bool) -> int:
    """Print each ratio beside the recorded one."""
    if record_them:
        results.write(QUICK_RESULTS, results.merge(results.read(QUICK_RESULTS), measured, tuple(PARTS)))
    compared = quick.compare(all_works(measured), all_works(results.read(QUICK_RESULTS)), quick.figures_of(QUICK))
    for each in compared:
        if each.now is not None:
            told = "not recorded" if each.recorded is None else f"recorded {each.recorded:.2f}"
            print(f"{each.now:6.2f} × ({told}) {'GROSSLY WORSE ' if each.regressed else ''}{each.title}")
    return int(any(each.regressed for each in compared))


if __name__ == "__main__":
    sys.exit(main())
