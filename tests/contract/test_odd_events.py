"""Events of any kind: each file ends in one truthful run, whatever its key, however often and in what order told."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import worker
from chalicelib.errors import BadRequest, Unavailable
from chalicelib.ports import Run, RunKind, RunState, Source, StoredObject
from chalicelib.storage import FolderStorage
from tests import hostile
from tests.conftest import TestDatabase
from tests.contract.test_loads import DEPARTMENTS, Intake


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(postgres, tmp_path)


def event(key: str, bucket: Path | str = "intake", **stored: Any) -> dict[str, Any]:
    told = {"key": key, "eTag": "e", "sequencer": "00A1", **stored}
    s3 = {"bucket": {"name": str(bucket)}, "object": told}
    return {"eventName": "ObjectCreated:Put", "eventTime": "2026-03-29T01:30:00.000Z", "s3": s3}


@pytest.fixture
def tried() -> set[str]:
    """The keys that had their run already."""
    return set()


odd = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(lambda key: key[-1] != "/")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=odd, routed=st.booleans())
def test_whatever_its_key_a_file_that_is_not_there_ends_as_one_failed_run(
    intake: Intake, tried: set[str], key: str, routed: bool
) -> None:
    known = set(intake.catalog.kept_runs)
    stored = f"incoming/departments/{key}.csv" if routed else key
    told = event(quote_plus(stored), intake.folder)
    for _ in range(2):
        intake.deliver(told)
    new = set(intake.catalog.kept_runs) - known
    assert len(new) == (stored not in tried)  # the same key as before has the same run
    tried.add(stored)
    for run in new:
        assert intake.catalog.kept_runs[run].state is RunState.FAILED
        assert intake.catalog.kept_runs[run].error is not None
    assert intake.queue.sent == []


# By the lines of the list in tests/hostile.py: a key as an event spells it, how its run tells it, and what is wrong
# with it, in words. The file is there and good under each name.
NAMES: list[tuple[str, str, str, str | None]] = [
    ("zero byte", "departments/a%00.csv", "departments/a%00.csv", "a zero byte (%00)"),
    ("zero byte", "departments%00.csv", "departments%00.csv", "a zero byte (%00)"),
    ("zero byte", "departments/\0.csv", "departments/%00.csv", "a zero byte (%00)"),
    ("no UTF-8", "departments/%FF.csv", "departments/%FF.csv", "no UTF-8 text (such as %FF)"),
    ("no UTF-8", "departments/%C3%B1+%C3.csv", "departments/ñ %C3.csv", "no UTF-8 text (such as %C3)"),
    ("no UTF-8", "departments/" + "%FF" * 1000, "departments/" + "%FF" * 1000, "no UTF-8 text (such as %FF)"),
    ("lone surrogate", "departments/%ED%A0%80.csv", "departments/%ED%A0%80.csv", "no UTF-8 text (such as %ED)"),
    ("lone surrogate", "departments/\ud800.csv", "departments/%ED%A0%80.csv", "no UTF-8 text (such as %ED)"),
    ("a cut escape", "departments/%.csv", "departments/%.csv", None),
    ("a cut escape", "departments/%0.csv", "departments/%0.csv", None),
    ("URL-encoded", "departments/a+b%20%C3%B1%2B.csv", "departments/a b ñ+.csv", None),
    ("as long as may be", "departments/" + "x" * 200 + ".csv", "departments/" + "x" * 200 + ".csv", None),
]


def test_every_line_of_the_list_has_a_case() -> None:
    assert {line for line, *_ in NAMES} | {"folder marker"} == set(hostile.NAMES)


@pytest.mark.parametrize(("line", "told", "shown", "fault"), NAMES)
def test_a_name_that_can_not_be_held_is_told_to_who_dropped_it_and_any_other_loads(
    intake: Intake, line: str, told: str, shown: str, fault: str | None
) -> None:
    del line
    if fault is None:
        FolderStorage(intake.folder).put(f"incoming/{shown}", DEPARTMENTS)
        etag = FolderStorage(intake.folder).head(f"incoming/{shown}").etag
    for _ in range(2):
        intake.deliver(event(f"incoming/{told}", intake.folder, eTag="e" if fault else etag))
    run = intake.the_run()
    assert run.source is not None
    assert run.source.key == f"incoming/{shown}"
    assert intake.postgres.query("SELECT id, state, key FROM decant.runs") == [
        (run.id, run.state.value, f"incoming/{shown}")
    ]
    assert intake.queue.sent == []
    if fault is None:
        assert (run.state, run.counts.inserted) == (RunState.SUCCEEDED, 3)
        return
    assert run.error is not None
    assert (run.state, run.error["code"]) == (RunState.FAILED, "bad-name")
    assert fault in run.error["detail"]
    assert "under a name of letters" in run.error["hint"]


@pytest.mark.parametrize("known", [True, False], ids=["a key of the intake, too", "a key of its own"])
def test_an_object_of_another_bucket_is_refused_and_nothing_is_read_in_its_place(intake: Intake, known: bool) -> None:
    """The queue takes events of the intake alone; whatever else came there, no other bucket's name is believed."""
    if known:
        intake.catalog.add_run(Run("promised", RunKind.LOAD, "departments", RunState.QUEUED, "",
                                   source=Source(str(intake.folder), "incoming/departments.csv")))  # fmt: skip
        stored = intake.put("departments.csv", DEPARTMENTS, run="promised")
        stored["s3"]["bucket"]["name"] = "elsewhere"
    else:
        stored = event("incoming/departments.csv", "elsewhere")
    for _ in range(2):
        intake.deliver(stored)
    [run] = [run for run in intake.catalog.kept_runs.values() if run.id != "promised"]
    assert run.error is not None
    assert (run.state, run.error["code"], run.source) == (
        RunState.FAILED, "conflict", Source("elsewhere", "incoming/departments.csv")
    )  # fmt: skip
    assert f"files are read from '{intake.folder}' alone" in run.error["detail"]
    assert (intake.postgres.rows("departments"), intake.queue.sent) == ([], [])
    assert intake.postgres.query("SELECT id, state, bucket FROM decant.runs") == [(run.id, "failed", "elsewhere")]
    assert not known or intake.catalog.kept_runs["promised"].state is RunState.QUEUED


def test_a_folder_marker_is_no_file_whatever_its_name(intake: Intake) -> None:
    intake.deliver(event("incoming/departments%00/", intake.folder))
    assert intake.catalog.kept_runs == {}


def test_a_file_whose_name_can_not_be_held_stays_told_when_a_part_is_down_meanwhile(intake: Intake) -> None:
    """Its message then goes through the queue, which the fault has to outlive."""
    down = replace(intake.services, database=Down())
    worker.handle(down, json.dumps({"Records": [event("incoming/departments/a%00.csv", intake.folder)]}))
    [waiting] = intake.catalog.kept_runs.values()
    assert waiting.state is RunState.WAITING
    intake.deliver_all()
    run = intake.the_run()
    assert run.error is not None
    assert (run.state, run.error["code"]) == (RunState.FAILED, "bad-name")


def test_nothing_waits_for_a_file_whose_name_can_not_be_held(intake: Intake) -> None:
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", b"1,Clerk\n")
    hired = intake.put("hired_employees.csv", b"1,Ann,2021-01-01T00:00:00Z,1,1\n")
    odd: Any = Odd(intake.folder)
    worker.handle(replace(intake.services, intake=odd), json.dumps({"Records": [hired]}))
    assert len(intake.postgres.rows("hired_employees")) == 1


class Odd(FolderStorage):
    """A storage that lists an object with a zero byte in its name, as no folder can have it."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        yield from super().list(prefix)
        yield StoredObject("incoming/departments/a\0.csv", 1, dt.datetime.now(dt.UTC), "e")


class Down:
    """A database that is away."""

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Any]:  # noqa: ARG002
        raise Unavailable("The database can't be reached.")
        yield


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.one_of(
        json_values,
        st.builds(lambda work, more: {**more, "work": work}, st.sampled_from(
            ["load", "part", "backup", "restore", "verify", "drill", "rebuild", "backup-part"]),
            st.dictionaries(st.sampled_from(["run", "tables", "backups", "source", "tries", "scheduled", "part"]),
                            json_values, max_size=4)),
        st.builds(lambda value: {"Records": [value]}, json_values),
        st.builds(lambda value: {"Records": [event("incoming/departments.csv", sequencer=value)]}, json_values),
        st.builds(lambda value: {"Records": [event("incoming/departments.csv", eTag=value)]}, json_values),
        st.builds(lambda value: {"Records": [event("incoming/departments.csv", versionId=value)]}, json_values),
    )
)  # fmt: skip
def test_what_is_no_message_is_told_to_be_none_and_nothing_else_is_raised(intake: Intake, message: Any) -> None:
    """So it goes to the dead letters with its reason in the log; what is one is done or fails as a run."""
    errors = []
    try:
        worker.handle(intake.services, json.dumps(message))
    except BadRequest as error:
        errors.append(error.detail)
    assert all("The queue holds a " in error for error in errors)


def test_events_of_one_file_in_any_order_and_twice_end_with_its_newest_content(intake: Intake) -> None:
    older = intake.put("departments.csv", DEPARTMENTS, **{"on-conflict": "update"})
    newer = intake.put("departments.csv", b"1,Newest\n", **{"on-conflict": "update"})
    older["s3"]["object"]["sequencer"], newer["s3"]["object"]["sequencer"] = "00A1F", "00A2"
    intake.deliver(newer, older, newer)
    intake.deliver(older)
    assert intake.postgres.rows("departments") == [(1, "Newest")]
    states = sorted(run.state for run in intake.catalog.kept_runs.values())
    assert states == [RunState.REFUSED, RunState.SUCCEEDED]
