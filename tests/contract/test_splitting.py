"""Files that are loaded in parts: the same as whole ones, in whatever order the parts come, and whoever dies."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import worker
from chalicelib.load import digest
from chalicelib.ports import Run, RunState
from chalicelib.wiring import Services
from tests.conftest import MakeDatabase, TestDatabase
from tests.contract.test_loads import Intake
from tests.contract.test_worker import Versioned

LEAF = 64
EMPLOYEES = "hired_employees.csv"


@dataclass
class Split(Intake):
    """An intake of which every CSV of more than some bytes is loaded in parts."""

    above: int = LEAF
    part: int = LEAF
    at_once: int = 3

    def __post_init__(self) -> None:
        self.storage = Versioned(self.folder)

    @property
    def services(self) -> Services:
        services = super().services
        storage: Any = self.storage
        settings = replace(
            services.settings, split_above_bytes=self.above, split_part_bytes=self.part, parts_at_once=self.at_once
        )
        return replace(services, settings=settings, intake=storage)

    def put(self, key: str, content: bytes, **metadata: str) -> dict[str, Any]:
        event = super().put(key, content, **metadata)
        self.storage.version = event["s3"]["object"]["versionId"] = f"v{self.dropped}"
        return event

    def take(self, number: int = 0, deliveries: int = 1) -> dict[str, Any]:
        """Let the worker take one message of the queue; return it."""
        message, _ = self.queue.sent.pop(number)
        worker.handle(self.services, json.dumps(message), deliveries)
        return message


@pytest.fixture(autouse=True)
def small_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "LEAF", LEAF)


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Split:
    postgres.query("INSERT INTO departments SELECT n, 'd' || n FROM generate_series(1, 5) n")
    postgres.query("INSERT INTO jobs SELECT n, 'j' || n FROM generate_series(1, 5) n")
    return Split(postgres, tmp_path)


def employees(rows: int = 40, *, seed: int = 1, header: bool = True) -> bytes:
    """A file with all that may be wrong with a row, and line breaks in its cells."""
    chance = random.Random(seed)
    lines = ["id,name,datetime,department_id,job_id"] if header else []
    for number in range(1, rows + 1):
        cells = [str(number), f"Name {number}", "2021-07-27T16:02:08Z", str(number % 5 + 1), str(number % 4 + 1)]
        match chance.randrange(10):
            case 0:
                cells[1] = '"Two\nlines, and ""quotes"""'
            case 1:
                cells[0] = str(chance.randrange(1, number + 1))  # perhaps the key of a row before
            case 2:
                cells[3] = "99"  # no such department
            case 3:
                cells[2] = "yesterday"
            case 4:
                cells.pop()
            case 5:
                lines.append("")
        lines.append(",".join(cells))
    return ("\r\n".join(lines) + "\r\n").encode()


def report(intake: Intake, run: str) -> tuple[Any, ...]:
    """What a run left behind, but for its name and moments."""
    rejections = intake.postgres.query(
        "SELECT row, line, cells, reasons FROM decant.rejections WHERE run = :run ORDER BY row", run=run
    )
    [entry] = intake.postgres.query(
        """SELECT state, sha256, on_conflict, read, inserted, updated, unchanged, rejected, error
        FROM decant.runs WHERE id = :run""",
        run=run,
    )
    return (entry, rejections, intake.postgres.rows("hired_employees"))


def nothing_is_left(intake: Intake) -> bool:
    [(tables,)] = intake.postgres.query(
        "SELECT count(*) FROM pg_class WHERE relname LIKE 'staged%' OR relname LIKE 'rejected%'"
    )
    [(rows,)] = intake.postgres.query(
        "SELECT (SELECT count(*) FROM decant.splits) + (SELECT count(*) FROM decant.parts)"
    )
    return (tables, rows) == (0, 0) and not intake.queue.sent


def the_run(intake: Intake) -> Run:
    return max(intake.catalog.kept_runs.values(), key=lambda run: run.id)


def whole(
    make_database: MakeDatabase, intake: Split, tmp_path: Path, content: bytes, **metadata: str
) -> tuple[Any, ...]:
    """The report of the same file, loaded whole."""
    with make_database(intake.postgres.dictionary) as database:
        database.query("INSERT INTO departments SELECT n, 'd' || n FROM generate_series(1, 5) n")
        database.query("INSERT INTO jobs SELECT n, 'j' || n FROM generate_series(1, 5) n")
        other = Split(database, tmp_path / "whole", above=0)
        other.deliver(other.put(EMPLOYEES, content, **metadata))
        assert not other.queue.sent
        return report(other, the_run(other).id)


@pytest.mark.parametrize("metadata", [{}, {"on-conflict": "update"}, {"on-conflict": "skip"}, {"max-rejected": "0.01"}])
def test_a_file_in_parts_has_the_report_of_a_whole_one(
    intake: Split, make_database: MakeDatabase, tmp_path: Path, metadata: dict[str, str]
) -> None:
    content = employees()
    intake.deliver(intake.put(EMPLOYEES, content, **metadata))
    assert the_run(intake).state is RunState.RUNNING
    assert [message["step"] for message, _ in intake.queue.sent] == ["scan"] * intake.at_once
    intake.deliver_all()
    found = report(intake, the_run(intake).id)
    assert found == whole(make_database, intake, tmp_path, content, **metadata)
    assert found[0][7] > 5
    assert the_run(intake).state.value == found[0][0]
    assert the_run(intake).counts.read == found[0][3]
    assert nothing_is_left(intake)


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_may_come_in_any_order_and_more_than_once(
    intake: Split, make_database: MakeDatabase, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    content = employees(seed=seed, header=bool(seed % 2))
    intake.at_once = 50
    event = intake.put(EMPLOYEES, content)
    intake.deliver(event)
    intake.deliver(event)
    taken = []
    while intake.queue.sent:
        taken.append(intake.take(chance.randrange(len(intake.queue.sent)), chance.choice([1, 1, 1, 2])))
        if chance.random() < 0.2:
            worker.handle(intake.services, json.dumps(chance.choice(taken)))
    assert report(intake, the_run(intake).id) == whole(make_database, intake, tmp_path, content)
    assert nothing_is_left(intake)
