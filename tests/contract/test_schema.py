"""The schema in a real database: made by migrations, held to its dictionary."""

from __future__ import annotations

import json

from chalicelib.migrations.apply import migrate
from chalicelib.migrations.own import own_migrations
from chalicelib.postgres import PostgresTransaction
from tests.conftest import TestDatabase


def test_migrating_again_changes_nothing(postgres: TestDatabase) -> None:
    postgres.query("INSERT INTO departments VALUES (1, 'Sales')")
    with postgres.as_owner() as owner:
        again = migrate(PostgresTransaction(owner), postgres.dictionary, own_migrations(), by="tests")
    assert again.migrations == ()
    assert postgres.rows("departments") == [(1, "Sales")]


def test_the_record_says_what_was_done_by_whom_and_how_long_it_took(postgres: TestDatabase) -> None:
    with postgres.as_owner() as owner:
        rows = PostgresTransaction(owner).run(
            "SELECT kind, name, digest, package, applied_by, took > '0' FROM decant.migrations ORDER BY number"
        )
    assert [row[0] for row in rows] == [*["own"] * len(own_migrations()), "dictionary", "functions"]
    digest, package = rows[-2][2:4]
    assert (digest, json.dumps(package)) == (postgres.dictionary.digest, json.dumps(postgres.dictionary.package))
    assert {row[4:] for row in rows} == {("tests", True)}
