"""A machine tries the deployed API, a little; `make machines` tries it for long. tests/machines says what it may do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.dictionary.names import quote
from chalicelib.dictionary.package import load_dictionary
from chalicelib.identifiers import new_id
from chalicelib.settings import PACKAGED_DICTIONARY
from chalicelib.work.reporting import now
from infra.local.record import Record
from tests.conftest import connect_url
from tests.e2e.conftest import Call
from tests.e2e.settling import settle
from tests.machines.trying import try_everything

pytestmark = pytest.mark.enforced("authorizers")


@pytest.fixture(autouse=True)
def empty_tables(stack: Record, call: Call) -> Iterator[None]:
    """Take away whatever rows a machine thinks of, and those that it restores, once all that it ordered has ended."""
    begun = new_id(now())
    yield
    settle(call, begun)
    connection = connect_url(stack.database_url)
    with connection.cursor() as cursor:
        for table in reversed(load_dictionary(PACKAGED_DICTIONARY).tables):
            cursor.execute(f"DELETE FROM {quote(table.name)}")
    connection.commit()
    connection.close()


def test_a_machine_finds_nothing_that_the_document_does_not_say(stack: Record, tmp_path: Path) -> None:
    # Drills and rebuilding read all backups of the stack, and have tests of their own.
    options = ["--phases", "fuzzing,stateful", "--exclude-path-regex", "drills|rebuild"]
    tried = try_everything(stack.api_url, stack.token, tmp_path, seed=2, examples=2, options=options)
    assert tried.code == 0, tried.printed
    assert tried.report["operations"]["tested"] == tried.report["operations"]["selected"] > 20
    assert tried.report["test_cases"]["generated"] > 50
