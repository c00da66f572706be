"""Mixed work for the torture, drawn from a seed, and the model of what it does to the tables."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.torture.attempts import request
from tests.torture.checker import State

EMPLOYEES, DEPARTMENTS, JOBS = "hired_employees", "departments", "jobs"
HIRED = "2021-07-27T16:02:08Z"
MOMENT = dt.datetime.fromisoformat(HIRED)
Rows = dict[int, tuple[Any, ...]]
ALL = (DEPARTMENTS, JOBS, EMPLOYEES)


@dataclass
class Work:
    """Something to do, and what comes of it.

    ``files`` are dropped, ``message`` is sent, ``request`` is made until it is answered, ``retention`` is done until it
    succeeds; then whatever is in the queue. ``allowed`` are the states that the tables may be in meanwhile, the last
    one once all has gone through. ``ends`` are the states that its runs may end in, where nobody gave up.
    """

    kind: str
    allowed: Sequence[State]
    files: Sequence[tuple[str, bytes]] = ()
    message: Mapping[str, Any] | None = None
    request: Mapping[str, Any] | None = None
    retention: bool = False
    ends: frozenset[str] = frozenset({"succeeded"})
    # Given (read, inserted, rejected) of each file or batch by its run, whether that is right.
    counts: tuple[int, int, int] | None = None
    # Others come first at these points, or a table is kept locked for so many seconds.
    linger_at: str | None = None
    linger: float = 0.0
    locked: float = 0.0
    # So many seconds a worker has that takes it for the first time; whoever it is handed on to has enough.
    hurry: float | None = None
    most_deliveries: int = 0
    result: dict[str, Any] = field(default_factory=dict)


@dataclass
class Correctable:
    """A rejected row that a correction may put right."""

    run: str
    row: int
    identifier: int
    name: str


class Source:
    """Makes work, and keeps the model: what the tables hold when all that was done has gone through."""

    def __init__(self, chance: random.Random, state: State) -> None:
        self.state = state
        self.chance = chance
        self.snapshots: dict[str, State] = {}
        self.correctable: list[Correctable] = []
        self.runs_with_file: list[tuple[str, Rows]] = []
        self._next_id = 1000
        self._made = 0
        self.kinds: dict[str, Callable[[], Work]] = {
            "few rows": lambda: self._file(chance.randint(3, 60)),
            "many rows": lambda: self._file(chance.randint(150, 300)),
            "very many rows": lambda: self._file(chance.randint(450, 520)),
            "parts": lambda: self._file(chance.randint(640, 700)),
            "two files": self._two_files,
            "locked out": self._locked_out,
            "out of time": self._out_of_time,
            "bad file": self._bad_file,
            "same again": lambda: self._same_again(10),
            "same parts again": lambda: self._same_again(640),
            "batch": self._batch,
            "bad batch": lambda: self._batch(bad=True),
            "correction": self._correction,
            "load again": self._load_again,
            "backup": self._backup,
            "scheduled backup": self._scheduled,
            "restore": self._restore,
            "retention": lambda: Work("retention", [self.state], retention=True),
            "rebuild": self._rebuild,
        }

    def make(self, kind: str) -> Work:
        """Work of a kind; of another one where that is not possible now."""
        if kind == "restore" and not self.snapshots:
            kind = "backup"
        if (kind == "correction" and not self.correctable) or (kind == "load again" and not self.runs_with_file):
            kind = "few rows"
        self._made += 1
        return self.kinds[kind]()

    def empty(self) -> None:
        """Note that the table of employees was emptied."""
        self.state = {**self.state, EMPLOYEES: {}}

    def _key(self) -> str:
        return f"key-{self._made}"

    def _with(self, rows: Rows, departments: Rows | None = None) -> State:
        employees = {**rows, **self.state[EMPLOYEES]}
        return {**self.state, EMPLOYEES: employees, DEPARTMENTS: {**self.state[DEPARTMENTS], **(departments or {})}}

    def _employees(self, count: int, *, bad_first: bool = False) -> tuple[bytes, Rows, int, list[Correctable]]:
        """A CSV file without a header, its good rows, how many are bad, and which of them can be put right."""
        good: Rows = {}
        lines, bad, correctable = [], 0, []
        first = self._next_id
        self._next_id += count
        for number in range(count):
            key, name = first + number, f"Name {first + number} of {self._made}"
            department, job = self.chance.randint(1, 5), self.chance.randint(1, 5)
            fault = 1 if bad_first and not number else self.chance.randrange(25)
            if fault == 0:
                lines.append(f"{key},{name},{HIRED},99,{job}")
                correctable.append(Correctable("", number + 1, key, name))
                bad += 1
            elif fault == 1:
                lines.append(f"{key},{name},yesterday,{department},{job}")
                bad += 1
            elif fault == 2 and good:
                lines.append(f"{next(iter(good))},Again,{HIRED},{department},{job}")
                bad += 1
            else:
                lines.append(f"{key},{name},{HIRED},{department},{job}")
                good[key] = (key, name, MOMENT, department, job)
        return "\n".join([*lines, ""]).encode(), good, bad, correctable

    def _file(self, rows: int) -> Work:
        content, good, bad, correctable = self._employees(rows)
        after = self._with(good)
        kind = {60: "few rows", 300: "many rows", 520: "very many rows"}.get(
            next((most for most in (60, 300, 520) if rows <= most), 0), "parts"
        )
        if kind == "very many rows" and not self.state[EMPLOYEES]:
            kind = "first load"
        work = Work(kind, [self.state, after], [(f"{EMPLOYEES}-{self._made}.csv", content)])
        work.counts = (rows, rows - bad, bad)
        work.result = {"good": good, "correctable": correctable}
        return work

    def _two_files(self) -> Work:
        one, two = self._file(20), self._file(150)
        one_key, two_key = f"{EMPLOYEES}-{self._made}a.csv", f"{EMPLOYEES}-{self._made}b.csv"
        good = [one.result["good"], two.result["good"]]
        allowed = [self.state, self._with(good[0]), self._with(good[1]), self._with({**good[0], **good[1]})]
        files = [(one_key, one.files[0][1]), (two_key, two.files[0][1])]
        return Work("two files", allowed, files, linger_at="load.turn-taken", linger=0.8)

    def _locked_out(self) -> Work:
        work = self._file(20)
        work.kind, work.locked = "locked out", 1.5
        return work

    def _out_of_time(self) -> Work:
        work = self._file(self.chance.randint(150, 300))
        work.kind, work.hurry = "out of time", self.chance.uniform(0, 0.1)
        return work

    def _bad_file(self) -> Work:
        content = self.chance.choice([b"", b"\x00\x01\x02,\xff\xfe\n", b"id,nothing,of,this\n"])
        name = f"{EMPLOYEES}-{self._made}.csv"
        return Work("bad file", [self.state], [(name, content)], ends=frozenset({"failed", "succeeded"}))

    def _same_again(self, rows: int) -> Work:
        first = self._file(rows)
        content = first.files[0][1]
        files = [(f"{EMPLOYEES}-{self._made}{name}.csv", content) for name in "ab"]
        kind = "same again" if rows < 600 else "same parts again"
        return Work(kind, first.allowed, files, ends=frozenset({"succeeded", "duplicate"}))

    def _batch(self, *, bad: bool = False) -> Work:
        rows = self.chance.randint(3, 40)
        content, good, faults, _ = self._employees(rows, bad_first=bad)
        names = ("id", "name", "datetime", "department_id", "job_id")
        employees = [dict(zip(names, line.split(","), strict=True)) for line in content.decode().splitlines()]
        department = self._next_id
        self._next_id += 1
        atomic = not bad and self.chance.random() < 0.3
        body = {DEPARTMENTS: [{"id": department, "department": f"D {department}"}], EMPLOYEES: employees}
        asked = request("POST", "/batch", body=body, query={"mode": "atomic"} if atomic else None, key=self._key())
        if atomic and faults:
            return Work(
                "batch", [self.state], request=asked, ends=frozenset({"refused"}), counts=(rows + 1, 0, rows + 1)
            )
        after = self._with(good, {department: (department, f"D {department}")})
        return Work("batch", [self.state, after], request=asked, counts=(rows + 1, rows + 1 - faults, faults))

    def _correction(self) -> Work:
        rows = self.correctable[:1]
        rows += [each for each in self.correctable[1:] if each.run == rows[0].run][:5]
        self.correctable = [each for each in self.correctable if each not in rows]
        body = [{"row": each.row, "department_id": 1, "job_id": 1} for each in rows]
        asked = request("POST", "/runs/{run}/replay", path={"run": rows[0].run}, body=body, key=self._key())
        after = self._with({each.identifier: (each.identifier, each.name, MOMENT, 1, 1) for each in rows})
        return Work("correction", [self.state, after], request=asked, counts=(len(rows), len(rows), 0))

    def _load_again(self) -> Work:
        run, good = self.chance.choice(self.runs_with_file)
        asked = request("POST", "/runs/{run}/replay", path={"run": run}, key=self._key())
        return Work("load again", [self.state, self._with(good)], request=asked)

    def _backup(self) -> Work:
        asked = request("POST", "/backups", key=self._key())
        return Work("backup", [self.state], request=asked, linger_at="backup.part-offered", linger=0.6)

    def _rebuild(self) -> Work:
        return Work("rebuild", [self.state], request=request("POST", "/backups/rebuild", key=self._key()))

    def _scheduled(self) -> Work:
        moment = dt.datetime.now(dt.UTC).isoformat()
        return Work("scheduled backup", [self.state], message={"work": "backup", "scheduled": moment})

    def _restore(self) -> Work:
        snapshot = self.chance.choice(sorted(self.snapshots))
        asked = request("POST", "/restores", body={"snapshot": snapshot}, key=self._key())
        return Work("restore", [self.state, self.snapshots[snapshot]], request=asked)


def rendered(message: Mapping[str, Any]) -> str:
    """A message as it stands in the queue."""
    return json.dumps(message)
