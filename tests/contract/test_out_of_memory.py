"""Memory runs out in mid work: no row is in, the run says what to do, and the message is kept and converges.

A worker that the system kills for its memory is killed as any other, see tests/torture; here it meets the error.
"""

from __future__ import annotations

import json
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from chalicelib import worker
from chalicelib.errors import DecantError
from chalicelib.load.csv_source import CsvSource
from chalicelib.load.workbook_check import MAX_WORKBOOK
from chalicelib.ports import RunState
from chalicelib.postgres import copying
from chalicelib.postgres.binary_copy import encode
from chalicelib.work.messages import brought_back
from sample_data.workbook import workbook_bytes
from tests.conftest import TestDatabase
from tests.contract.test_loads import Intake
from tests.left_behind import left_behind, schema_of

# Enough rows to go in by COPY.
FILE = b"".join(b"%d,Department %d\n" % (number, number) for number in range(5000))


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(postgres, tmp_path)


def while_reading(patch: pytest.MonkeyPatch, error: Callable[[], BaseException]) -> None:
    """The first chunk of rows is read, and there is no room for the next."""
    chunks = CsvSource.chunks

    def scarce(source: CsvSource) -> Iterator[Any]:
        yield next(chunks(source))
        raise error()

    patch.setattr(CsvSource, "chunks", scarce)


def in_mid_copy(patch: pytest.MonkeyPatch, error: Callable[[], BaseException]) -> None:
    """The first block of a COPY is on its way, and there is no room for the next."""
    encoded: list[int] = []

    def scarce(batch: pa.RecordBatch, types: Any) -> Any:
        encoded.append(batch.num_rows)
        if len(encoded) % 2 == 0:
            raise error()
        return encode(batch, types)

    patch.setattr(copying, "encode", scarce)
    patch.setattr(copying, "_BLOCK_ROWS", 1000)


@pytest.mark.parametrize("error", [MemoryError, lambda: pa.ArrowMemoryError("malloc failed")], ids=["Python", "Arrow"])
@pytest.mark.parametrize("place", [while_reading, in_mid_copy])
def test_a_load_that_runs_out_of_memory_leaves_nothing_and_says_what_to_do(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, place: Any, error: Callable[[], BaseException]
) -> None:
    schema = schema_of(intake.postgres)
    body = json.dumps({"Records": [intake.put("departments.csv", FILE)]})
    with monkeypatch.context() as patch:
        place(patch, error)
        for delivery in range(1, worker._DELIVERIES + 1):
            with pytest.raises(MemoryError):
                worker.handle(intake.services, body, delivery)
            run = intake.the_run()
            assert run.error is not None
            assert (run.state, run.error["detail"]) == (RunState.FAILED, "The worker ran out of memory.")
            assert "smaller files" in run.error["hint"]
            assert "WorkerMemory" in run.error["hint"]
            assert intake.postgres.rows("departments") == []
            assert left_behind(intake.postgres, schema) == []
            assert intake.queue.sent == []
    with pytest.raises(DecantError, match="out of memory"):
        worker.handle(intake.services, body, worker._DELIVERIES + 1)
    assert intake.the_run() == run
    worker.handle(intake.services, brought_back(body))
    assert (intake.the_run().state, intake.the_run().error) == (RunState.SUCCEEDED, None)
    assert intake.postgres.query("SELECT state, inserted FROM decant.runs") == [("succeeded", 5000)]


def test_other_work_that_runs_out_of_memory_has_no_smaller_files_to_be_told_of(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what its frames held is free by then, for to tell of it takes memory as well."""
    body = json.dumps({"work": "backup", "run": "20261122T022045123456-4f2a9c1b", "tables": ["departments"]})
    held: list[weakref.ref[Any]] = []
    fail = worker._fail
    with monkeypatch.context() as patch:

        def scarce(*_: object) -> None:
            much = {*range(1000)}
            held.append(weakref.ref(much))
            raise MemoryError

        def told(*arguments: Any) -> None:
            assert [each() for each in held] == [None]
            fail(*arguments)

        patch.setattr(worker, "save", scarce)
        patch.setattr(worker, "_fail", told)
        with pytest.raises(MemoryError):
            worker.handle(intake.services, body)
    error = intake.the_run().error
    assert error is not None
    assert (error["detail"], error["hint"]) == ("The worker ran out of memory.", worker._GIVE_MORE)
    worker.handle(intake.services, brought_back(body))
    assert (intake.the_run().state, intake.the_run().error) == (RunState.SUCCEEDED, None)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to its addresses")
def test_a_worker_whose_memory_is_too_little_for_a_workbook_says_so_and_one_with_more_loads_it(intake: Intake) -> None:
    """The limit is one of the system. The room for the longest workbook is asked for before it is read."""
    event = intake.put("departments.xlsx", workbook_bytes({"departments": [[1, "Sales"], [2, "Legal"]]}))
    ended = subprocess.run(
        [sys.executable, "-m", "tests.scarce", str(intake.folder), str(MAX_WORKBOOK // 2)],
        cwd=Path(__file__).parents[2],
        env={"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"},
        input=json.dumps({"account": asdict(intake.postgres.app), "event": event}),
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(ended.stdout.splitlines()[-1])
    assert (told["raised"], told["state"], told["sent"]) == ("MemoryError", "failed", [])
    assert told["error"]["detail"] == "The worker ran out of memory."
    assert intake.postgres.rows("departments") == []
    worker.handle(intake.services, json.dumps({"Records": [event]}), 2)
    assert intake.the_run().state is RunState.SUCCEEDED
    assert intake.postgres.rows("departments") == [(1, "Sales"), (2, "Legal")]
