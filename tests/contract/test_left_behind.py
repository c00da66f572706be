"""What may never be left in the database is found when it is: each line of the list is broken by hand."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests import left_behind as module
from tests.conftest import TestDatabase
from tests.left_behind import left_behind, schema_of

RUN = "INSERT INTO decant.runs (id, kind, state, dictionary, read, inserted, rejected, started)"
# What is done by hand, and how it is told.
BREAKS = {
    "CREATE UNLOGGED TABLE decant.staged_x ()": "staged_x', 'r, unlogged', 'decant'), which was not there",
    "CREATE TABLE public.x ()": "'x', 'r', 'public'), which was not there",
    "ALTER TABLE hired_employees DROP CONSTRAINT hired_employees_pkey": "has lost ('constraint'",
    "ALTER TABLE hired_employees DISABLE TRIGGER USER": "has lost ('trigger'",
    "DROP INDEX decant.runs_object": "has lost ('index'",
    "ALTER TABLE decant.idempotency SET UNLOGGED": "idempotency', 'r, unlogged'",
    "INSERT INTO decant.splits (run, plan, step, pending) VALUES ('x', '{}', 'load', 1)": "decant.splits still has",
    "INSERT INTO decant.parts (run, part) VALUES ('x', 0)": "decant.parts still has",
    "INSERT INTO decant.idempotency (key, request) VALUES ('k', 'r')": "keys are claimed without an answer",
    f"{RUN} VALUES ('x', 'load', 'succeeded', 'd', 2, 1, 1, now())": "run, rejected rows, and those that are logged",
    "UPDATE decant.hires SET q1 = q1 + 1": "the counts of the metrics are not those of the rows",
    "ALTER TABLE decant.first_loads DISABLE TRIGGER USER; INSERT INTO decant.first_loads VALUES ('jobs')":
        "the keys of a first load are not put on again",
}  # fmt: skip


def test_each_line_of_the_list_is_broken() -> None:
    assert [line for line in module._NONE_OF if line not in BREAKS.values()] == []


@pytest.mark.parametrize("breaking", BREAKS)
def test_what_is_left_is_told(company: TestDatabase, breaking: str) -> None:
    before = schema_of(company)
    assert left_behind(company, before) == []
    with company.as_owner() as owner:
        owner.execute_simple(breaking)
    faults = left_behind(company, before, patience=0)
    assert [fault for fault in faults if BREAKS[breaking] in fault], faults


@pytest.mark.parametrize("held", ["SELECT pg_advisory_xact_lock(1)", "LOCK TABLE jobs IN SHARE MODE", "SELECT 1"])
def test_a_session_that_stays_in_a_transaction_is_told_with_its_locks(company: TestDatabase, held: str) -> None:
    before = schema_of(company)
    with closing(company.app.connect()) as connection:
        connection.execute_simple(f"BEGIN; {held}")
        faults = left_behind(company, before, patience=0)
    assert [fault for fault in faults if "is still idle in transaction" in fault]
    assert ("a lock is held" in str(faults)) == (held != "SELECT 1")
    assert left_behind(company, before) == []


def test_a_lock_of_a_session_is_told_though_no_transaction_is_open(company: TestDatabase) -> None:
    with closing(company.app.connect()) as connection:
        connection.execute_simple("SELECT pg_advisory_lock(1)")
        [fault] = left_behind(company, schema_of(company), patience=0)
    assert "advisory" in fault
