"""Callers at once against the running stack: `python -m bench.callers [--callers 8] [--minutes 3] [--seed 1]`.

Each sends what a team sends: batches with some bad rows, metrics, pages of rows, files, now and then a backup, from a
seed. What the answers said went in is held against what is in the tables, and what they said was rejected against the
ledger; whoever is told to wait (429, 503) waits and sends the same request again, as docs/reference says.

Rows have keys of their own and are deleted in the end, as are those that they refer to where there were none before.
The figures are printed, and written to bench/callers.json. It fails when a request did, when the rows don't add up,
when the functions' memory grows, or when they have more connections than processes.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import json
import math
import random
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pg8000.native
import psutil

from bench.machine import machine
from chalicelib.api.description.sample_answers import spoiled
from chalicelib.api.description.sample_rows import sample_rows
from chalicelib.dictionary.datatypes import Integer
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote
from chalicelib.dictionary.package import load_dictionary
from chalicelib.metrics.registry import metrics_of
from chalicelib.roles import LOGINS
from chalicelib.settings import PACKAGED_DICTIONARY
from decant.client import ENDED, Answer, Client
from decant.failures import Unreachable
from infra.local.folder import stack_folder
from infra.local.record import Record

FIGURES = Path(__file__).with_name("callers.json")
# Keys of the rows of all callers, each of whom has a million. Others may have made rows beyond.
FIRST_KEY, LAST_KEY = 100_000_000, 999_999_999
_KEYS_OF_ONE = 1_000_000
_TRIES = 10
_LOOK_SECONDS = 1.0
_RUN_SECONDS = 120
_FILE_ROWS = 500
_PARENTS = 5
# The memory of a process in the last third of the time may be so many times that in the first.
_MOST_GROWTH = 1.2


@dataclass
class Seen:
    """What the callers saw: seconds by kind of request, errors, waits they were told, and rows by table."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    told_to_wait: Counter[int] = field(default_factory=Counter)
    inserted: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    runs: list[str] = field(default_factory=list)


@dataclass
class Watched:
    """What the stack took meanwhile: its functions' processes, their memory in MiB, and the app's connections."""

    processes: list[int] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)

    def growth(self) -> float:
        """The median memory of a process in the last third, as a multiple of that in the first."""
        each = [memory / count for memory, count in zip(self.memory, self.processes, strict=True) if count]
        third = max(len(each) // 3, 1)
        return statistics.median(each[-third:]) / statistics.median(each[:third])


class Caller:
    """One caller, who does one thing after the other until it is told to stop."""

    def __init__(self, number: int, client: Client, dictionary: Dictionary, seed: int) -> None:
        self.seen = Seen()
        self._client = client
        self._dictionary = dictionary
        self._random = random.Random(seed * 1000 + number)  # noqa: S311 - no secret
        self._next_key = FIRST_KEY + number * _KEYS_OF_ONE
        self._writable = [table for table in dictionary.tables if _counted_key(table)]
        self._works: Mapping[Callable[[], None], int] = {
            self._batch: 45, self._metric: 20, self._page: 20, self._runs: 8, self._file: 5, self._backup: 2,
        }  # fmt: skip

    def work(self, until: float) -> None:
        """Do things until a moment of the monotonic clock."""
        while time.monotonic() < until:
            [work] = self._random.choices(list(self._works), list(self._works.values()))
            try:
                work()
            except (Unreachable, LookupError, ValueError) as error:
                self.seen.errors.append(f"{work.__name__[1:]}: {error!r}")

    def _batch(self) -> None:
        table = self._random.choice(self._writable)
        rows = self._rows(table, self._random.choice([1, 10, 100, 1000]))
        answer = self._ask("batch", f"/tables/{table.name}/rows", "POST", rows)
        if answer.status in (201, 207, 422):
            self._count(table.name, json.loads(answer.body))

    def _metric(self) -> None:
        metric = self._random.choice(metrics_of(self._dictionary))
        self._ask("metric", f"/metrics/{metric.name}?year={self._random.choice([2020, 2021, 2022])}")

    def _page(self) -> None:
        table = self._random.choice(self._dictionary.tables)
        answer = self._ask("page", f"/tables/{table.name}/rows?limit={self._random.choice([10, 100, 1000])}")
        following = json.loads(answer.body)["next"] if answer.status == 200 else None
        if following:
            self._ask("page", f"/tables/{table.name}/rows?limit=100&after={following}")

    def _runs(self) -> None:
        self._ask("runs", "/runs?limit=20")

    def _backup(self) -> None:
        run = json.loads(self._ask("backup", "/backups", "POST").body)
        self._ended(run)

    def _file(self) -> None:
        table = self._random.choice(self._writable)
        started = time.perf_counter()
        form = json.loads(self._ask("form", "/uploads", "POST", {"filename": f"{table.name}.csv"}).body)
        content = _as_csv(table, self._rows(table, _FILE_ROWS))
        self._client.upload(form, f"{table.name}.csv", len(content), [content])
        self._count(table.name, self._ended({"id": form["run"], "state": "queued"}) | {"run": form["run"]})
        self.seen.seconds["file, to its end"].append(time.perf_counter() - started)

    def _ended(self, run: dict[str, Any]) -> dict[str, Any]:
        """Wait for a run's end, and note one that did not succeed."""
        deadline = time.monotonic() + _RUN_SECONDS
        while run["state"] not in ENDED and time.monotonic() < deadline:
            time.sleep(0.2)
            run = json.loads(self._ask("run", f"/runs/{run['id']}").body)
        if run["state"] != "succeeded":
            self.seen.errors.append(f"run {run['id']} is {run['state']}: {run.get('error')}")
        return run

    def _ask(self, kind: str, path: str, method: str = "GET", body: Any = None) -> Answer:
        """Ask until the answer is none that tells to wait; the seconds are those of the last try."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Idempotency-Key": uuid4().hex} if method == "POST" else {}
        for _ in range(_TRIES):
            started = time.perf_counter()
            answer = self._client.request(path, method, content, headers)
            seconds = time.perf_counter() - started
            if answer.status not in (429, 503):
                break
            self.seen.told_to_wait[answer.status] += 1
            time.sleep(float(answer.headers["Retry-After"]) * self._random.uniform(1, 2))
        self.seen.seconds[kind].append(seconds)
        if answer.status >= 400 and not answer.is_outcome:
            self.seen.errors.append(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer

    def _rows(self, table: Table, count: int) -> list[Mapping[str, Any]]:
        """Rows with new keys, one in twenty without a cell that it needs."""
        samples = sample_rows(self._dictionary, table, _PARENTS)
        rows: list[Mapping[str, Any]] = []
        for _ in range(count):
            row = {**self._random.choice(samples), table.primary_key[0]: self._next_key}
            self._next_key += 1
            rows.append(spoiled(table, row) if self._random.random() < 0.05 else row)
        return rows

    def _count(self, table: str, counts: Mapping[str, Any]) -> None:
        self.seen.inserted[table] += counts["inserted"]
        self.seen.rejected[table] += counts["rejected"]
        self.seen.runs.append(counts["run"])


class Watch(threading.Thread):
    """Looks at the functions' processes and the app's connections to the database, once a second."""

    def __init__(self, record: Record, folder: Path) -> None:
        super().__init__(daemon=True)
        self.watched = Watched()
        self._connection = _connect(record)
        self._folder = str(folder.resolve())
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            taken = self._memory()
            self.watched.processes.append(len(taken))
            self.watched.memory.append(sum(taken) / 2**20)
            [[count]] = self._connection.run(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = ANY(CAST(:logins AS text[]))",
                logins=list(LOGINS),
            )
            self.watched.connections.append(count)

    def end(self) -> Watched:
        """Stop looking, and tell what was seen."""
        self._over.set()
        self.join()
        self._connection.close()
        return self.watched

    def _memory(self) -> list[int]:
        """The bytes of each of the functions' processes, which the emulator keeps warm in the stack's folder."""
        found = []
        for process in psutil.process_iter(["cmdline", "memory_info"]):
            command = " ".join(process.info["cmdline"] or ())
            if self._folder in command and "ministack-lambda-" in command and process.info["memory_info"]:
                found.append(process.info["memory_info"].rss)
        return found


@dataclass(frozen=True)
class Counted:
    """Rows by table as the answers told them, and as they are; and rejected rows, told and logged."""

    told: Mapping[str, int]
    found: Mapping[str, int]
    rejected_told: int
    rejected_found: int


def call_at_once(
    record: Record, folder: Path, *, callers: int, seconds: float, seed: int
) -> tuple[Seen, Watched, Counted]:
    """Let so many callers work for a while, count what there is then, and delete their rows."""
    dictionary = load_dictionary(PACKAGED_DICTIONARY)
    team = [Caller(number, Client(record.api_url, record.token), dictionary, seed) for number in range(callers)]
    connection = _connect(record)
    try:
        with _parents(connection, Client(record.api_url, record.token), dictionary):
            watch = Watch(record, folder)
            watch.start()
            until = time.monotonic() + seconds
            with ThreadPoolExecutor(callers) as pool:
                ends = [pool.submit(each.work, until) for each in team]
            watched = watch.end()
            seen = _together([each.seen for each in team])
            seen.errors += [f"a caller died: {error!r}" for end in ends if (error := end.exception())]
            try:
                return seen, watched, _counted(connection, dictionary, seen)
            finally:
                for table in reversed(dictionary.tables):
                    connection.run(f"DELETE FROM {quote(table.name)} WHERE {_own(table)}")
    finally:
        connection.close()


@contextmanager
def _parents(connection: Any, client: Client, dictionary: Dictionary) -> Iterator[None]:
    """Have the rows that those of the callers refer to; those that were not there before are deleted in the end."""
    new: dict[str, list[Any]] = {}
    for table in dictionary.tables:
        rows = sample_rows(dictionary, table, _PARENTS)
        if _counted_key(table):
            keys = [row[table.primary_key[0]] for row in rows]
            there = connection.run(f"SELECT {_key(table)} FROM {quote(table.name)} WHERE {_one_of(table)}", keys=keys)
            new[table.name] = sorted(set(keys) - {key for [key] in there})
        client.request(f"/tables/{table.name}/rows?on_conflict=skip", "POST", json.dumps(rows).encode())
    try:
        yield
    finally:
        for table in reversed(dictionary.tables):
            if table.name in new:
                connection.run(f"DELETE FROM {quote(table.name)} WHERE {_one_of(table)}", keys=new[table.name])


def _connect(record: Record) -> Any:
    """The database's owner, each statement a transaction."""
    url = urlsplit(record.database_url)
    return pg8000.native.Connection(
        url.username, host=url.hostname, port=url.port, password=url.password, database=url.path[1:]
    )


def _counted(connection: Any, dictionary: Dictionary, seen: Seen) -> Counted:
    found = {
        table.name: connection.run(f"SELECT count(*) FROM {quote(table.name)} WHERE {_own(table)}")
        for table in dictionary.tables
    }
    [[rejected]] = connection.run(
        "SELECT count(*) FROM decant.rejections WHERE run = ANY(CAST(:runs AS text[]))", runs=seen.runs
    )
    told = {table.name: seen.inserted[table.name] for table in dictionary.tables}
    return Counted(told, {name: rows[0][0] for name, rows in found.items()}, seen.rejected.total(), rejected)


def _own(table: Table) -> str:
    return f"{_key(table)} BETWEEN {FIRST_KEY} AND {LAST_KEY}" if _counted_key(table) else "false"


def _one_of(table: Table) -> str:
    return f"{_key(table)} = ANY(CAST(:keys AS bigint[]))"


def _key(table: Table) -> str:
    return quote(table.primary_key[0])


def _counted_key(table: Table) -> bool:
    """Whether the table's rows have a number as their key."""
    return len(table.primary_key) == 1 and isinstance(table.column(table.primary_key[0]).type, Integer)


def _together(seen: Sequence[Seen]) -> Seen:
    whole = Seen()
    for each in seen:
        for kind, seconds in each.seconds.items():
            whole.seconds[kind] += seconds
        whole.errors += each.errors
        whole.told_to_wait += each.told_to_wait
        whole.inserted += each.inserted
        whole.rejected += each.rejected
        whole.runs += each.runs
    return whole


def _as_csv(table: Table, rows: Sequence[Mapping[str, Any]]) -> bytes:
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, table.column_names, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    at = {f"p{share}": ordered[math.ceil(share / 100 * len(ordered)) - 1] for share in (50, 95, 99)}
    return {"requests": len(ordered), **{name: round(value * 1000) for name, value in at.items()}}


def main() -> int:
    """Call, tell, record; 1 when something went wrong or does not add up."""
    parser = argparse.ArgumentParser(prog="python -m bench.callers")
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = stack_folder()
    seen, watched, counted = call_at_once(
        Record.read(folder), folder, callers=given.callers, seconds=given.minutes * 60, seed=given.seed
    )
    figures = {
        "callers": given.callers,
        "minutes": given.minutes,
        "seed": given.seed,
        "machine": machine(),
        "milliseconds": {kind: _percentiles(seconds) for kind, seconds in sorted(seen.seconds.items())},
        "errors": seen.errors,
        "told to wait": dict(seen.told_to_wait),
        "rows": dataclasses.asdict(counted),
        "processes of the functions at most": max(watched.processes),
        "memory of the functions, MiB": {
            "first": round(watched.memory[0]),
            "most": round(max(watched.memory)),
            "of a process, last third over first": round(watched.growth(), 3),
        },
        "connections at most": max(watched.connections),
    }
    text = json.dumps(figures, indent=2)
    FIGURES.write_text(text + "\n")
    print(text)
    faults = list(_faults(seen, watched, counted))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _faults(seen: Seen, watched: Watched, counted: Counted) -> Iterator[str]:
    """What went wrong, for people."""
    if seen.errors:
        yield f"{len(seen.errors)} errors"
    if counted.told != counted.found:
        yield f"{counted.told} rows were told, {counted.found} are there"
    if counted.rejected_told != counted.rejected_found:
        yield f"{counted.rejected_told} rejected rows were told, {counted.rejected_found} are logged"
    if watched.growth() > _MOST_GROWTH:
        yield f"a process takes {watched.growth():.2f} times the memory that it took at first"
    if max(watched.connections) > max(watched.processes):
        yield f"{max(watched.connections)} connections of {max(watched.processes)} processes"


if __name__ == "__main__":
    sys.exit(main())
