"""Where everything is measured: one whole local stack, and a peers' database on the same Postgres server."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from bench.data import Data
from bench.database import EMPLOYEES, DatabaseServer
from bench.figures import Sample
from bench.timing import BenchError, Tell
from decant.samples import client_of
from infra.local.ports import free_port
from infra.local.record import Ports, Record
from infra.local.stack import Stack

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_data"
TOOLS = ROOT / ".local"
PARENTS = ("departments", "jobs")
_PATIENCE_SECONDS = 300
# How often the ledger is looked at for a load's end: half a millisecond of work each time, for which a load waits.
_LOOK_SECONDS = 0.02


class Ground:
    """The running stack, its database server, the generated files, and our own ways to load and to order."""

    def __init__(self, stack: Stack, data: Data, folder: Path, tell: Tell) -> None:
        self.stack = stack
        self.record = Record.read(stack.folder)
        self.server = DatabaseServer(stack.postgres)
        self.data = data
        self.folder = folder
        self.tell = tell
        self._dropped = 0
        self._indexes = self.server.indexes(EMPLOYEES)
        self._client = client_of(self.record)
        self._client.ask("/tables")  # an API that has started
        for table in PARENTS:
            self.load(SAMPLES / f"{table}.csv", table)

    def load(self, path: Path, table: str = EMPLOYEES) -> Mapping[str, Any]:
        """Drop a file into the intake bucket; give its run's row of the ledger once that is committed."""
        run = self._load(path, table)[1]
        self._await_indexes()
        return run

    def measure_load(self, path: Path, rows: int, bad: int) -> tuple[Sample, Sample]:
        """Load a file of employees, having made sure that it did what it should.

        The first sample is from the moment the file is in the bucket until its rows are committed, with the peak memory
        of the functions; the second until the table has its indexes, too.
        """
        self._forget_peaks()
        seconds, run = self._load(path, EMPLOYEES)
        more = self._await_indexes()
        if (run["read"], run["inserted"], run["rejected"]) != (rows, rows - bad, bad):
            raise BenchError(f"The load did not do what it should: {run}")
        return Sample(seconds, self.peak()), Sample(seconds + more)

    def fill(self, rows: int) -> None:
        """Have so many good employees in the table, and in its statistics."""
        found = self.server.value("decant", f"SELECT count(*) FROM {EMPLOYEES}")
        if found != rows:
            self.tell(f"filling the table with {rows:,} rows")
            self.empty()
            self.load(self.data.clean(rows))
        self.server.run("decant", f"VACUUM (ANALYZE) {EMPLOYEES}")

    def empty(self) -> None:
        """Take all employees away; the same file may come again."""
        self.server.run("decant", f"TRUNCATE {EMPLOYEES}; UPDATE decant.runs SET content_stands = false")

    def order(self, path: str) -> tuple[Sample, Sample, dict[str, Any]]:
        """Order long work of the API and wait for its end, which must be a good one.

        The first sample is from the order to the end that the run tells, with the peak memory of the functions; the
        second is the run's own time.
        """
        self._forget_peaks()
        begun = time.time()
        run = self._client.order(path)
        if run["state"] != "succeeded":
            raise BenchError(f"POST {path} ended as {run['state']}: {run['error']}")
        started, ended = (_moment(run[name]) for name in ("started", "ended"))
        return Sample(ended - begun, self.peak()), Sample(ended - started), run

    def make_peers(self) -> None:
        """Have the peers' database."""
        self.server.make_peers(SAMPLES, PARENTS)

    def fresh_folder(self, name: str) -> Path:
        """Give an empty folder."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def peak(self) -> float:
        """The most memory in MB that any process of a function has held since the peaks were forgotten (VmHWM)."""
        peaks = [0]
        for process in self._functions():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                status = Path("/proc", str(process.pid), "status").read_text()
                peaks += [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
        return max(peaks) / 1024

    def _forget_peaks(self) -> None:
        for process in self._functions():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                Path("/proc", str(process.pid), "clear_refs").write_text("5")

    def _functions(self) -> list[psutil.Process]:
        pid = self.stack.emulator.pid
        if pid is None:
            raise BenchError("The emulator does not run.")
        return list(psutil.Process(pid).children(recursive=True))

    def _load(self, path: Path, table: str) -> tuple[float, Mapping[str, Any]]:
        self._dropped += 1
        key = f"incoming/{table}/{self._dropped}-{path.name}"
        with path.open("rb") as content:
            self.record.client("s3").put_object(Bucket=self.record.intake_bucket, Key=key, Body=content)
        begun = time.perf_counter()
        while not (found := self.server.load_run(key)):
            if time.perf_counter() - begun > _PATIENCE_SECONDS:
                raise BenchError(f"{key} is not loaded after {_PATIENCE_SECONDS} s; see {self.stack.emulator.log}")
            time.sleep(_LOOK_SECONDS)
        seconds = time.perf_counter() - begun
        if found["state"] != "succeeded":
            raise BenchError(f"{key} ended as {found['state']}: {found['error']}")
        return seconds, found

    def _await_indexes(self) -> float:
        """Wait until the employees have all their indexes; give the seconds that took."""
        begun = time.perf_counter()
        while self.server.indexes(EMPLOYEES) < self._indexes:
            if time.perf_counter() - begun > _PATIENCE_SECONDS:
                raise BenchError(f"{EMPLOYEES} lacks an index; see {self.stack.emulator.log}")
            time.sleep(_LOOK_SECONDS)
        return time.perf_counter() - begun


@contextmanager
def ground(
    tell: Tell,
    data: Data,
    parameters: Mapping[str, str] = MappingProxyType({}),
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Ground]:
    """Bring up a stack of its own in a temporary folder, with Postgres's durability as it is by default."""
    folder = Path(tempfile.mkdtemp(prefix="decant-bench-"))
    stack = Stack(ROOT, folder / "stack", Ports(free_port(), free_port()), TOOLS, parameters, settings)
    try:
        with stack:
            yield Ground(stack, data, folder, tell)
    finally:
        stack.forget()
        shutil.rmtree(folder)


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()
