"""A company whose clients do at once what Hypothesis arranges, held against the model after each round."""

from __future__ import annotations

import shutil
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.conftest import TestDatabase
from tests.contract.test_loads import Intake
from tests.left_behind import left_behind, schema_of
from tests.races.clients import YEAR, Clients, read_tables
from tests.races.history import explain
from tests.races.model import BackUp, Correct, Delete, Operation, Read, Restore, Row, State, Tables, Write

SHAPE = {"departments": {}, "jobs": {}, "hired_employees": {3: "departments", 4: "jobs"}}
MOMENTS = ("2020-12-31T23:59:59Z", "2021-05-05T05:05:05Z", "2021-11-11T11:11:11Z")
CLIENTS = 3
MOST_PENDING = 6

departments = st.tuples(st.sampled_from("1234"), st.sampled_from(["Law", "Sales"]))
jobs = st.tuples(st.sampled_from("12"), st.sampled_from(["Chief", "Clerk"]))
employees = st.tuples(
    st.sampled_from("123456"), st.sampled_from(["Ann", "Bo"]), st.sampled_from(MOMENTS), st.sampled_from("1234"),
    st.sampled_from("12"),
)  # fmt: skip
ROWS: dict[str, st.SearchStrategy[Row]] = {"departments": departments, "jobs": jobs, "hired_employees": employees}
TABLES = st.sampled_from(list(SHAPE))
MODES = st.sampled_from(["reject", "skip", "update"])


def rows_of(table: str, most: int) -> st.SearchStrategy[tuple[tuple[int, Row], ...]]:
    """Numbered rows of a table, each key once."""
    rows = st.lists(ROWS[table], min_size=1, max_size=most, unique_by=lambda row: row[0])
    return rows.map(lambda found: tuple(enumerate(found, 1)))


def hires_by_quarter(state: State) -> list[tuple[Any, ...]]:
    """What the metric of that name tells, counted from the rows."""
    counts: Counter[tuple[str, str]] = Counter()
    quarters: Counter[tuple[str, str, int]] = Counter()
    for _, _, moment, department, job in state.tables["hired_employees"].values():
        if moment.startswith(str(YEAR)):
            pair = state.tables["departments"][department][1], state.tables["jobs"][job][1]
            counts[pair] += 1
            quarters[*pair, (int(moment[5:7]) - 1) // 3] += 1
    return sorted((*pair, *(quarters[*pair, number] for number in range(4))) for pair in counts)


def count(name: str, state: State) -> int:
    return len(state.tables[name])


def in_order(name: str, state: State) -> list[Row]:
    return sorted(state.tables[name].values())


QUESTIONS = [
    *(Read(f"count {name}", partial(count, name)) for name in SHAPE),
    *(Read(f"rows {name}", partial(in_order, name)) for name in SHAPE),
    Read("metric hires-by-quarter", hires_by_quarter),
]


class Company(RuleBasedStateMachine):
    """Clients whose work is arranged, then done at once, and held against the model."""

    CLIENT = st.integers(0, CLIENTS - 1)

    def __init__(self, postgres: TestDatabase, folder: Path, tally: Counter[str]) -> None:
        super().__init__()
        shutil.rmtree(folder, ignore_errors=True)
        with postgres.as_owner() as owner:
            owner.execute_simple(
                "TRUNCATE departments, jobs, hired_employees, decant.runs, decant.rejections, decant.idempotency"
            )
        self.postgres = postgres
        self.schema = schema_of(postgres)
        self.intake = Intake(postgres, folder, parent_wait=0)
        self.clients = Clients(self.intake, CLIENTS)
        self.state = State(SHAPE, {name: {} for name in SHAPE})
        self.pending: list[list[Operation]] = [[] for _ in range(CLIENTS)]
        self.numbers = 0
        self.tally = tally

    def teardown(self) -> None:
        self.clients.stack.close()

    def arrange(self, client: int, operation: Operation) -> None:
        self.pending[client].append(operation)

    @property
    def room(self) -> bool:
        return sum(map(len, self.pending)) < MOST_PENDING

    def name(self, kind: str) -> str:
        self.numbers += 1
        return f"{kind}-{self.numbers}"

    @initialize(filled=st.booleans())
    def fill(self, filled: bool) -> None:
        if filled:
            rows = (("departments", ((1, ("1", "Law")), (2, ("2", "Sales")))), ("jobs", ((1, ("1", "Clerk")),)))
            self.arrange(0, Write(rows))
            self.meet([])

    def open_with_employees(self) -> None:
        """Three departments, a job, four employees, one that was rejected, and a backup before two of those came."""
        people = hired("1", "2"), (*hired("2", "3", name="Bo"), (3, ("6", "Cy", MOMENTS[0], "9", "1")))
        parents = (
            ("departments", numbered(("1", "Law"), ("2", "Sales"), ("3", "Art"))),
            ("jobs", numbered(("1", "Clerk"))),
        )
        for operation in (
            Write((*parents, ("hired_employees", people[0]))), BackUp(),
            Write((("hired_employees", people[1]),), "update"), BackUp(),
        ):  # fmt: skip
            self.arrange(0, operation)
        self.meet([])

    @precondition(lambda self: self.room)
    @rule(client=CLIENT, tables=st.lists(TABLES, min_size=1, max_size=2, unique=True), mode=MODES,
          atomic=st.booleans(), keyed=st.booleans(), data=st.data())  # fmt: skip
    def batch(
        self, client: int, tables: list[str], mode: str, atomic: bool, keyed: bool, data: st.DataObject
    ) -> None:  # fmt: skip
        rows = tuple((name, data.draw(rows_of(name, 3))) for name in SHAPE if name in tables)
        self.arrange(client, Write(rows, mode, atomic, self.name("key") if keyed else None))

    @precondition(lambda self: self.room)
    @rule(client=CLIENT, table=st.sampled_from([*SHAPE, "hired_employees", "hired_employees"]), mode=MODES,
          data=st.data())  # fmt: skip
    def file(self, client: int, table: str, mode: str, data: st.DataObject) -> None:
        self.drop(client, table, mode, data.draw(rows_of(table, 6)))

    def drop(self, client: int, table: str, mode: str, rows: tuple[tuple[int, Row], ...]) -> None:
        name = self.name("file")
        content = "\n".join(",".join(row) for _, row in rows)
        self.clients.events[name] = self.intake.put(f"{table}/on-conflict={mode}/{name}.csv", content.encode())
        self.clients.events[content] = self.clients.events[name]
        self.arrange(client, Write(((table, rows),), mode, once=name, content=content))

    @precondition(lambda self: self.room and any(self.pending))
    @rule(client=CLIENT, data=st.data(), how=st.sampled_from(["sent twice", "same content", "replayed", "other"]))
    def twin(self, client: int, data: st.DataObject, how: str) -> None:
        """The very request, event, content or key of another operation once more."""
        other = data.draw(st.sampled_from([each for work in self.pending for each in work]))
        if not isinstance(other, Write):
            return
        if other.content is None:
            [(table, rows), *more] = other.rows
            changed = Write(((table, rows[:1]), *more), other.mode, other.atomic, other.once)
            self.arrange(client, changed if how == "other" else other)
        elif how == "same content":
            self.drop(client, other.rows[0][0], other.mode, other.rows[0][1])
        elif how == "replayed":
            self.arrange(client, Write(other.rows, other.mode, content=other.content, again=True))
        else:
            self.arrange(client, other)

    @precondition(lambda self: self.room and self.state.waiting)
    @rule(client=CLIENT, mode=MODES, atomic=st.booleans(), data=st.data())
    def correct(self, client: int, mode: str, atomic: bool, data: st.DataObject) -> None:
        run, table, _ = data.draw(st.sampled_from(sorted(self.state.waiting)))
        waiting = sorted(number for of, name, number in self.state.waiting if (of, name) == (run, table))
        rows = data.draw(st.lists(ROWS[table], min_size=1, max_size=len(waiting), unique_by=lambda row: row[0]))
        numbered = tuple(zip(waiting, rows, strict=False))
        self.arrange(client, Correct(run, Write(((table, numbered),), mode, atomic)))

    @precondition(lambda self: self.room)
    @rule(client=CLIENT)
    def back_up(self, client: int) -> None:
        self.arrange(client, BackUp())

    @precondition(lambda self: self.room and self.state.backups)
    @rule(client=CLIENT, tables=st.sampled_from([(name,) for name in SHAPE] + [tuple(SHAPE)] * 3), data=st.data())
    def restore(self, client: int, tables: tuple[str, ...], data: st.DataObject) -> None:
        self.arrange(client, Restore(data.draw(st.sampled_from(sorted(self.state.backups))), tables))

    @precondition(lambda self: self.room)
    @rule(client=CLIENT, table=TABLES, key=st.sampled_from("123456"))
    def delete(self, client: int, table: str, key: str) -> None:
        self.arrange(client, Delete(table, key))

    @precondition(lambda self: self.room)
    @rule(client=CLIENT, question=st.sampled_from(QUESTIONS))
    def read(self, client: int, question: Read) -> None:
        self.arrange(client, question)

    @precondition(lambda self: sum(map(len, self.pending)) > 1)
    @rule(plan=st.lists(st.tuples(CLIENT, st.integers(1, 6)), max_size=16))
    def all_at_once(self, plan: list[tuple[int, int]]) -> None:
        self.meet(plan)

    def meet(self, plan: list[tuple[int, int]]) -> set[int]:
        """Do what is arranged, the first part of it by the plan: clients, and how many statements each may go on.

        Returns the clients that were at their end when the plan was at a turn of theirs.
        """
        turns = [client for client, steps in plan for _ in range(steps)]
        events, pace = self.clients.at_once(self.pending, turns)
        self.pending = [[] for _ in range(CLIENTS)]
        self.tally.update(rounds=1, operations=len(events), steps=pace.steps.total())
        self.tally.update(type(event.operation).__name__ for event in events)
        found, standing, waiting = self.tables(), self.standing(), self.waiting()

        def is_so(state: State) -> bool:
            return (state.tables, len(state.standing), state.waiting) == (found, standing, waiting)

        after = explain(self.state, events, is_so)
        there = f"after: {found}, {standing} files stand, these rows wait: {waiting}"
        story = "\n".join([f"before: {self.state}", *map(str, events), there])
        assert after is not None, f"no order explains this:\n{story}"
        self.state = after
        assert left_behind(self.postgres, self.schema, patience=0.2) == [], story
        return pace.ended

    def tables(self) -> Tables:
        with self.postgres.database.transaction() as transaction:
            return read_tables(transaction, list(SHAPE))

    def standing(self) -> int:
        """How many files are known to stand in their tables."""
        return len(self.postgres.query("SELECT id FROM decant.runs WHERE content_stands"))

    def waiting(self) -> frozenset[tuple[Any, ...]]:
        """The rejected rows that nobody has corrected."""
        rows = self.postgres.query("SELECT run, table_name, row FROM decant.rejections WHERE corrected_by IS NULL")
        return frozenset(rows)


def numbered(*rows: Row) -> tuple[tuple[int, Row], ...]:
    """Rows with the numbers that a source gives them."""
    return tuple(enumerate(rows, 1))


def hired(*keys: str, department: str = "1", name: str = "Ann") -> tuple[tuple[int, Row], ...]:
    """Numbered employees."""
    return numbered(*((key, name, MOMENTS[1], department, "1") for key in keys))
