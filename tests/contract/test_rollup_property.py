"""A property: the counts that metrics are read from are those of the rows that a session sees, whatever was done."""

from __future__ import annotations

import copy
import datetime as dt
import itertools
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from chalicelib.backup import swap
from chalicelib.backup.restore import restore
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import IntegrityViolation, Unavailable
from chalicelib.load import choice, writer
from chalicelib.metrics.compute import compute
from chalicelib.metrics.registry import METRICS
from chalicelib.ports import RunState, Transaction
from chalicelib.postgres import PostgresTransaction
from tests.conftest import MakeDatabase, TestDatabase
from tests.contract.backup_support import NOW, quiet, take
from tests.contract.test_loads import Intake
from tests.fakes import FakeCatalog
from tests.plain_metrics import DIFFERENCES, PLAIN

MOMENTS = (
    "2020-12-31T23:59:59.999999Z", "2021-01-01T00:00:00Z", "2021-03-31T23:59:59Z", "2021-05-05T05:05:05Z",
    "2021-12-31T20:00:00-05:00", "2022-08-08T08:08:08Z", "2022-11-11T11:11:11+09:00",
)  # fmt: skip
PARENTS = (
    "INSERT INTO departments SELECT n, 'D' || n % 3 FROM generate_series(1, 4) n",
    "INSERT INTO jobs SELECT n, 'J' || n % 2 FROM generate_series(1, 3) n",
)


def loose(dictionary: Dictionary) -> Dictionary:
    """The dictionary without foreign keys, and with cells that may be blank."""
    package = copy.deepcopy(dict(dictionary.package))
    schema = package["resources"][2]["schema"]
    del schema["foreignKeys"]
    for field in schema["fields"][2:]:
        field["constraints"]["required"] = False
    return parse_dictionary(package)


def differences(transaction: Transaction) -> list[tuple[Any, ...]]:
    return transaction.run(DIFFERENCES)


def answers(transaction: Transaction, year: int) -> None:
    """Hold the metrics' queries against the plain ones."""
    for metric in METRICS:
        assert sorted(transaction.run(metric.sql, year=year), key=str) == sorted(
            transaction.run(PLAIN[metric.name], year=year), key=str
        )
        compute(transaction, metric, year)


class Company(RuleBasedStateMachine):
    """Three sessions that write as they like, one of them the owner's, and loads and restores beside them."""

    WRITERS = st.integers(0, 2)
    IDS = st.integers(1, 12)
    MOMENTS = st.sampled_from(MOMENTS)

    def __init__(self, postgres: TestDatabase, folder: Path) -> None:
        super().__init__()
        self.postgres = postgres
        self.blank = not postgres.dictionary.table("hired_employees").foreign_keys
        self.intake = Intake(postgres, folder)
        self.stack = ExitStack()
        self.catalog = FakeCatalog()
        self.backups: list[Any] = []
        self.writers = []
        for account in (postgres.app, postgres.app, postgres.owner):
            connection = account.connect()
            self.stack.callback(connection.close)
            self.writers.append(PostgresTransaction(connection))
            self.writers[-1].run("SET lock_timeout = '10ms'")
        self.open = [0, 0, 0]  # how many transactions and savepoints a session is in
        owner = self.writers[2]
        owner.run("TRUNCATE departments, jobs, hired_employees CASCADE")
        for sql in PARENTS:
            owner.run(sql)

    def teardown(self) -> None:
        self.end_all()
        for year in (2020, 2021, 2022):
            answers(self.writers[0], year)
        self.stack.close()

    def end_all(self) -> None:
        for number, writer_ in enumerate(self.writers):
            writer_.run("ROLLBACK")
            self.open[number] = 0

    def write(self, number: int, sql: str, **parameters: Any) -> None:
        """Run a statement; one that meets another session's lock or rows ends the whole transaction."""
        try:
            self.writers[number].run(sql, **parameters)
        except (IntegrityViolation, Unavailable):
            self.writers[number].run("ROLLBACK")
            self.open[number] = 0

    def hire(self, data: st.DataObject, *numbers: int) -> list[dict[str, Any]]:
        blank = [None] if self.blank else []
        return [
            {
                "id": number,
                "name": "Ann",
                "datetime": data.draw(st.sampled_from([*blank, *MOMENTS])),
                "department_id": data.draw(st.sampled_from([*blank, 1, 2, 3])),
                "job_id": data.draw(st.sampled_from([*blank, 1, 2])),
            }
            for number in numbers
        ]

    @rule(number=WRITERS, isolation=st.sampled_from(["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]))
    def begin(self, number: int, isolation: str) -> None:
        if self.open[number] == 0:
            self.writers[number].run(f"BEGIN ISOLATION LEVEL {isolation}")
        else:
            self.writers[number].run("SAVEPOINT s")
        self.open[number] += 1

    @rule(number=WRITERS, well=st.booleans())
    def end(self, number: int, well: bool) -> None:
        if self.open[number] > 1:
            self.writers[number].run("RELEASE SAVEPOINT s" if well else "ROLLBACK TO SAVEPOINT s")
            self.open[number] -= well
        elif self.open[number] == 1:
            self.open[number] = 0
            self.write(number, "COMMIT" if well else "ROLLBACK")

    @rule(data=st.data(), number=WRITERS, ids=st.lists(IDS, max_size=4),
          how=st.sampled_from(["", "ON CONFLICT DO NOTHING", "ON CONFLICT (id) DO UPDATE "
                               "SET datetime = EXCLUDED.datetime, job_id = EXCLUDED.job_id"]))  # fmt: skip
    def insert(self, data: st.DataObject, number: int, ids: list[int], how: str) -> None:
        rows = self.hire(data, *dict.fromkeys(ids))
        values = ", ".join(
            f"({row['id']}, 'Ann', CAST(:m{row['id']} AS timestamptz), {row['department_id'] or 'NULL'}, "
            f"{row['job_id'] or 'NULL'})"
            for row in rows
        )
        moments = {f"m{row['id']}": row["datetime"] for row in rows}
        sql = f"VALUES {values}" if rows else "SELECT * FROM hired_employees WHERE false"
        self.write(number, f"INSERT INTO hired_employees {sql} {how}", **moments)

    @rule(data=st.data(), number=WRITERS, ids=st.lists(IDS, min_size=1, max_size=4, unique=True))
    def copy(self, data: st.DataObject, number: int, ids: list[int]) -> None:
        rows = [
            {**row, "datetime": row["datetime"] and dt.datetime.fromisoformat(row["datetime"])}
            for row in self.hire(data, *ids)
        ]
        schema = self.postgres.dictionary.table("hired_employees").arrow
        try:
            self.writers[number].copy_in("public.hired_employees", [pa.Table.from_pylist(rows, schema=schema)])
        except (IntegrityViolation, Unavailable):
            self.writers[number].run("ROLLBACK")
            self.open[number] = 0

    @rule(number=WRITERS, moment=MOMENTS, below=IDS,
          what=st.sampled_from(["datetime = CAST(:moment AS timestamptz)", "department_id = 4, name = :moment",
                                "job_id = job_id % 3 + 1, name = :moment", "name = :moment",
                                "id = -id, name = :moment"]))  # fmt: skip
    def update(self, number: int, moment: str, below: int, what: str) -> None:
        self.write(number, f"UPDATE hired_employees SET {what} WHERE id < :below", moment=moment, below=below)

    @rule(number=WRITERS, least=IDS)
    def delete(self, number: int, least: int) -> None:
        self.write(number, "DELETE FROM hired_employees WHERE abs(id) >= :least", least=least)

    @rule(number=WRITERS, moment=MOMENTS)
    def merge(self, number: int, moment: str) -> None:
        self.write(
            number,
            """MERGE INTO hired_employees h USING generate_series(1, 8) n ON h.id = n
            WHEN MATCHED AND n < 3 THEN DELETE
            WHEN MATCHED THEN UPDATE SET department_id = 2, datetime = CAST(:moment AS timestamptz)
            WHEN NOT MATCHED AND n > 5 THEN INSERT VALUES (n, 'Ann', CAST(:moment AS timestamptz), 1, 1)""",
            moment=moment,
        )

    @rule(table=st.sampled_from(["hired_employees", "departments"]))
    def truncate(self, table: str) -> None:
        self.write(2, f"TRUNCATE {table} CASCADE")
        if table == "departments":
            self.write(2, PARENTS[0])

    @precondition(lambda self: not any(self.open))
    @rule(data=st.data(), count=st.integers(1, 8), how=st.sampled_from(["reject", "update", "skip"]))
    def load(self, data: st.DataObject, count: int, how: str) -> None:
        rows = self.hire(data, *range(3, 3 + count))
        lines = [",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows]
        event = self.intake.put(f"hired_employees/{self.intake.dropped}.csv", "\n".join(lines).encode(),
                                **{"on-conflict": how})  # fmt: skip
        self.intake.deliver(event)
        self.intake.deliver_all()
        assert RunState.FAILED not in {run.state for run in self.intake.catalog.kept_runs.values()}

    @precondition(lambda self: not any(self.open))
    @rule()
    def back_up(self) -> None:
        self.backups = take(self.postgres, self.intake.services.backups, self.catalog)

    @precondition(lambda self: self.backups and not any(self.open))
    @rule(dry_run=st.booleans())
    def restore(self, dry_run: bool) -> None:
        services = self.intake.services
        run = f"restore-{next(COUNTER)}"
        restore(
            self.postgres.database, services.backups, self.postgres.dictionary, self.backups,
            run_id=run, started=NOW, dry_run=dry_run, progress=quiet,
        )  # fmt: skip

    @precondition(lambda self: not any(self.open))
    @rule()
    def rebuild(self) -> None:
        assert self.writers[2].run("SELECT decant.rebuild_hires()") == [(0,)]

    @invariant()
    def every_session_sees_the_counts_of_the_rows_that_it_sees(self) -> None:
        for number, writer_ in enumerate(self.writers):
            try:
                assert differences(writer_) == []
            except Unavailable:  # another session has the table, or a serializable transaction is doomed
                writer_.run("ROLLBACK")
                self.open[number] = 0


COUNTER = itertools.count()


@pytest.mark.parametrize("shape", ["shipped", "loose"])
def test_the_counts_are_those_of_the_rows_whatever_is_done_to_them(
    make_database: MakeDatabase, dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shape: str
) -> None:
    monkeypatch.setattr(choice, "FEW", 3)  # fewer are written directly, and four or more as a big load is
    monkeypatch.setattr(writer, "SET_WISE_FROM", 4)
    monkeypatch.setattr(swap, "SET_WISE_FROM", 4)
    with make_database(dictionary if shape == "shipped" else loose(dictionary)) as postgres:
        run_state_machine_as_test(
            cast("type[Company]", lambda: Company(postgres, tmp_path)),
            settings=settings(
                max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
