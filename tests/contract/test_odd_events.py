"""Events of any kind: each file ends in one truthful run, whatever its key, however often and in what order told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import worker
from chalicelib.errors import BadRequest
from chalicelib.ports import RunState
from tests.conftest import TestDatabase
from tests.contract.test_loads import DEPARTMENTS, Intake


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(postgres, tmp_path)


def event(key: str, **stored: Any) -> dict[str, Any]:
    told = {"key": key, "eTag": "e", "sequencer": "00A1", **stored}
    s3 = {"bucket": {"name": "intake"}, "object": told}
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
    told = event(quote_plus(stored))
    for _ in range(2):
        intake.deliver(told)
    new = set(intake.catalog.kept_runs) - known
    assert len(new) == (stored not in tried)  # the same key as before has the same run
    tried.add(stored)
    for run in new:
        assert intake.catalog.kept_runs[run].state is RunState.FAILED
        assert intake.catalog.kept_runs[run].error is not None
    assert intake.queue.sent == []


@pytest.mark.parametrize("key", ["incoming/departments%00.csv", "incoming/departments/%ED%A0%80.csv", "incoming/%"])
def test_a_key_that_no_database_or_text_can_hold_fails_its_run_with_a_reason(intake: Intake, key: str) -> None:
    intake.deliver(event(key))
    [run] = intake.catalog.kept_runs.values()
    assert run.error is not None
    assert (run.state, bool(run.error["detail"])) == (RunState.FAILED, True)


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
