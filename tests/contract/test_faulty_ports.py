"""All parts fail by a drawn plan while all kinds of work are done: once or nothing, truthful runs, and convergence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import worker
from chalicelib.backup.catalogue import manifests
from chalicelib.backup.verification import verify
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import DecantError, Unavailable
from chalicelib.ledger import recorded
from chalicelib.ports import Run, RunKind, RunState
from chalicelib.work.tidying import tidy
from tests.conftest import MakeDatabase
from tests.contract.test_loads import Intake
from tests.faulty.extent import examples
from tests.faulty.ports import Plan, planned
from tests.seeds import tally

# As the queue is set up: a message that fails three times goes to the dead letters.
DELIVERIES = 3
EMPLOYEES = b"".join(b"%d,Ann Lee,2021-01-01T00:00:00Z,1,1\n" % number for number in range(1, 30)) + b"30,Bo,,1,1\n"


class World:
    """A company whose parts fail by a plan, and the queue that gives messages out until nothing is left of them."""

    def __init__(self, intake: Intake, met: Counter[str]) -> None:
        self.intake = intake
        self.met = met
        self.dead: list[str] = []

    def do(self, body: dict[str, Any], faults: dict[int, str]) -> None:
        """Have a message worked on to its end, while these calls fail."""
        plan = Plan(faults)
        services = planned(self.intake.services, plan)
        waiting = [json.dumps(body)]
        while waiting:
            message = waiting.pop(0)
            for delivery in range(1, DELIVERIES + 1):
                try:
                    worker.handle(services, message, delivery)
                except DecantError:
                    self.truthful()
                else:
                    break
            else:
                self.dead.append(message)
            self.truthful()
            waiting += [json.dumps(each) for each, _ in self.intake.queue.sent]
            self.intake.queue.sent.clear()
        self.met.update({"messages of work": 1, "faults of ports": plan.met})

    def truthful(self) -> None:
        """No run is told to have gone through that the ledger does not have, nor with other figures."""
        for run in self.intake.catalog.kept_runs.values():
            if run.state is RunState.SUCCEEDED and run.kind in (RunKind.LOAD, RunKind.REPLAY, RunKind.RESTORE):
                with self.intake.postgres.database.transaction() as transaction:
                    entry = recorded(transaction, run.id)
                assert entry is not None
                assert (entry.state, entry.counts) == (run.state, run.counts)

    def run(self, kind: RunKind) -> Run:
        """The newest run of a kind."""
        return max((run for run in self.intake.catalog.kept_runs.values() if run.kind is kind), key=lambda run: run.id)

    def count(self, table: str) -> int:
        [(count,)] = self.intake.postgres.query(f'SELECT count(*) FROM "{table}"')
        return int(count)


@pytest.fixture
def met() -> Iterator[Counter[str]]:
    """Counts the faults that came, over all examples."""
    found: Counter[str] = Counter()
    yield found
    assert found["faults of ports"] > 0
    tally(found)


# Few enough that no message runs out of tries; the first calls more often than the later ones.
faults = st.dictionaries(st.integers(1, 40), st.sampled_from(["down", "lost"]), max_size=3, min_size=1)


@settings(max_examples=examples(4), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans=st.lists(faults, min_size=8, max_size=8))
def test_whatever_fails_all_work_is_done_once_and_told_as_it_was(
    make_database: MakeDatabase, dictionary: Dictionary, met: Counter[str], plans: list[dict[int, str]]
) -> None:
    with make_database(dictionary) as postgres, TemporaryDirectory() as folder:
        met.update({"plans for all ports": 1})
        world = World(Intake(postgres, Path(folder), parent_wait=0), met)
        files = {"departments": b"1,Sales\n2,Legal\n", "jobs": b"1,Clerk\n", "hired_employees": EMPLOYEES}
        for (table, content), plan in zip(files.items(), plans, strict=False):
            world.do({"Records": [world.intake.put(f"{table}.csv", content)]}, plan)
        assert [world.count(table) for table in files] == [2, 1, 29]
        loads = sorted(world.intake.catalog.kept_runs.values(), key=lambda run: run.id)
        assert [run.state for run in loads] == [RunState.SUCCEEDED] * 3
        assert [(run.counts.inserted, run.counts.rejected) for run in loads] == [(2, 0), (1, 0), (29, 1)]
        assert postgres.query("SELECT count(*) FROM decant.rejections") == [(1,)]

        source = loads[0].source
        assert source is not None
        again = {"bucket": source.bucket, "key": source.key, "version": None}
        world.do({"work": "load", "run": "20260102T000000000000-00000001", "source": again, "force": True}, plans[3])
        assert (world.run(RunKind.LOAD).counts.unchanged, world.count("departments")) == (2, 2)

        world.do({"work": "backup", "run": "20260103T000000000000-00000001", "tables": list(files)}, plans[4])
        made = world.run(RunKind.BACKUP)
        assert made.result is not None
        assert made.state is RunState.SUCCEEDED
        backups = [world.intake.catalog.kept_backups[each] for each in made.result["backups"]]
        assert [backup.rows for backup in backups] == [2, 1, 29]
        for backup in backups:
            assert verify(world.intake.services.backups, dictionary, backup).refusal is None

        employees = backups[2].id
        world.do({"work": "verify", "run": "20260104T000000000000-00000001", "backup": employees}, plans[5])
        assert world.run(RunKind.VERIFY).state is RunState.SUCCEEDED
        assert world.intake.catalog.kept_backups[employees].verified is not None

        before = postgres.rows("hired_employees")
        with postgres.as_owner() as owner:
            owner.execute_simple("DELETE FROM hired_employees WHERE id < 9")
        restoring = {"work": "restore", "run": "20260105T000000000000-00000001", "backups": [employees]}
        world.do({**restoring, "dry_run": False}, plans[6])
        assert postgres.rows("hired_employees") == before
        assert (world.run(RunKind.RESTORE).state, world.run(RunKind.RESTORE).counts.inserted) == (RunState.SUCCEEDED, 8)

        tidied = Plan(plans[7])
        for _ in range(len(plans[7]) + 1):
            try:
                tidy(planned(world.intake.services, tidied), {"time": "2026-01-06T00:00:00Z"})
            except Unavailable:
                continue
            break
        held = {manifest.id for manifest in manifests(world.intake.services.backups)}
        assert set(world.intake.catalog.kept_backups) <= held
        assert {backup.id for backup in backups} <= set(world.intake.catalog.kept_backups)

        [(runs, distinct)] = postgres.query("SELECT count(*), count(DISTINCT id) FROM decant.runs")
        assert (runs, distinct) == (5, 5)
        assert world.dead == []
