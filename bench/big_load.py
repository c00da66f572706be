"""One big CSV through the whole local stack, against `psql \\copy` into the same tables.

    python -m bench.big_load [--rows 1000000] [--runs 3]

It starts a stack of its own in a temporary folder, with Postgres's durability as it is by default. In each round the
dirty file (1 % bad rows) is dropped into the intake bucket, and its clean twin goes through `psql \\copy` into the same
constrained tables of another database of the same server, in turn. It prints the seconds of each, the median of the
ratios round by round, and the peak memory of the function that loaded the file.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from chalicelib.dictionary.package import load_dictionary
from chalicelib.migrations.plan import change
from chalicelib.settings import PACKAGED_DICTIONARY
from infra.local.ports import free_port
from infra.local.record import Ports, Record
from infra.local.samples import Dropped, follow
from infra.local.stack import Stack
from sample_data.generate import write_employees_csv

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_data"
PEER = "peer"


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--runs", type=int, default=3)
    given = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="decant-bench-"))
    stack = Stack(ROOT, folder / "stack", Ports(free_port(), free_port()), tools=ROOT / ".local")
    try:
        with stack:
            measure(stack, Record.read(stack.folder), folder, given.rows, given.runs)
    finally:
        stack.forget()
        shutil.rmtree(folder)


def measure(stack: Stack, record: Record, folder: Path, rows: int, runs: int) -> None:
    """Load both files in turn, so many times."""
    dirty, clean = folder / "dirty.csv", folder / "clean.csv"
    bad = write_employees_csv(dirty, rows, bad_share=0.01)
    write_employees_csv(clean, rows, bad_share=0.0)
    print(f"{rows:,} rows, {dirty.stat().st_size / 1e6:.0f} MB, {bad:,} of the dirty file's rows are bad")
    psql = Psql(stack)
    psql.run("postgres", f"CREATE DATABASE {PEER}")
    tables = change(None, load_dictionary(PACKAGED_DICTIONARY)).steps
    psql.run(PEER, ";\n".join(step.sql for step in tables))
    for table in ("departments", "jobs"):
        psql.copy(PEER, table, SAMPLES / f"{table}.csv")
        load(record, f"{table}.csv", SAMPLES / f"{table}.csv")
    ratios = []
    for number in range(runs):
        ours = load_employees(record, f"hired_employees/{number}.csv", dirty, rows, bad)
        psql.run("decant", "TRUNCATE hired_employees; UPDATE decant.runs SET content_stands = false")
        begun = time.perf_counter()
        psql.copy(PEER, "hired_employees", clean)
        theirs = time.perf_counter() - begun
        psql.run(PEER, "TRUNCATE hired_employees")
        ratios.append(ours / theirs)
        print(f"decant {ours:6.2f} s   \\copy {theirs:6.2f} s   ratio {ours / theirs:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")
    print(f"peak memory of the function that loads: {peak_megabytes(stack):.0f} MB")


def load(record: Record, key: str, path: Path) -> tuple[float, dict[str, Any]]:
    """Drop a file; return the seconds from the moment it is in the bucket till its run has ended, and the run."""
    with path.open("rb") as content:
        put = record.client("s3").put_object(Bucket=record.intake_bucket, Key=f"incoming/{key}", Body=content)
    begun = time.perf_counter()
    file = Dropped(f"incoming/{key}", put["VersionId"])
    run = follow(record, [file], lambda _: None)[file.key]
    return time.perf_counter() - begun, run


def load_employees(record: Record, key: str, path: Path, rows: int, bad: int) -> float:
    """Drop the big file; return the seconds that it took, having made sure that it did what it should."""
    seconds, run = load(record, key, path)
    if (run["read"], run["inserted"], run["rejected"]) != (rows, rows - bad, bad):
        raise SystemExit(f"The load did not do what it should: {run}")
    return seconds


class Psql:
    """The psql of the embedded server."""

    def __init__(self, stack: Stack) -> None:
        self._program = stack.postgres.program("psql")
        self._server = stack.postgres

    def run(self, database: str, sql: str) -> None:
        """Run statements as the administrator."""
        url = self._server.url(self._server.superuser, self._server.superuser_password, database)
        command = [str(self._program), url, "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--command", sql]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def copy(self, database: str, table: str, path: Path) -> None:
        """Load a file as people do."""
        self.run(database, f"\\copy {table} FROM '{path}' WITH (FORMAT csv)")


def peak_megabytes(stack: Stack) -> float:
    """The most memory that any process of a function has held so far (Linux's VmHWM)."""
    pid = stack.emulator.pid
    if pid is None:
        raise SystemExit("The emulator does not run.")
    peaks = [0]
    for process in psutil.Process(pid).children(recursive=True):
        status = Path("/proc", str(process.pid), "status").read_text()
        peaks += [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
    return max(peaks) / 1024


if __name__ == "__main__":
    main()
