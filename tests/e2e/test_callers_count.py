"""Callers at once: every row that an answer said went in is there, once, and none that was rejected is forgotten.

Each process of a function has one connection to the database at most.
"""

from __future__ import annotations

from bench.callers import call_at_once
from infra.local.record import Record
from infra.local.stack import Stack
from tests.conftest import connect_url
from tests.plain_metrics import DIFFERENCES


def test_what_callers_at_once_were_told_is_what_is_there(local_stack: Stack, stack: Record) -> None:
    seen, watched, counted = call_at_once(stack, local_stack.folder, callers=4, seconds=4, seed=1)
    assert not seen.errors
    assert counted.told == counted.found
    assert counted.rejected_told == counted.rejected_found
    if local_stack.emulator.runs_workers_at_once:  # the processes of LocalStack's functions are not told apart
        assert max(watched.connections) <= max(watched.processes)
    assert sum(counted.told.values()) > 0
    connection = connect_url(stack.database_url)
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES)
        assert cursor.fetchall() == ()
    connection.close()
