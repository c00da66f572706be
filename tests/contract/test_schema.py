"""The schema in a real database: made once, and held to its dictionary."""

from __future__ import annotations

import copy
import json

import pg8000
import pytest

from chalicelib.dictionary.ddl import create_schema_statements
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.settings import PACKAGED_DICTIONARY
from tests.conftest import APP_ROLE, TestDatabase


def make(postgres: TestDatabase, dictionary: Dictionary) -> None:
    """Run the statements as the owner does."""
    with postgres.as_owner() as owner:
        for statement in create_schema_statements(dictionary, APP_ROLE):
            owner.execute_simple(statement)


def test_making_it_again_changes_nothing(postgres: TestDatabase) -> None:
    postgres.query("INSERT INTO departments VALUES (1, 'Sales')")
    make(postgres, postgres.dictionary)
    assert postgres.rows("departments") == [(1, "Sales")]


def test_a_table_of_another_dictionary_is_refused(postgres: TestDatabase) -> None:
    changed = copy.deepcopy(json.loads(PACKAGED_DICTIONARY.read_text()))
    changed["resources"][0]["schema"]["fields"].append({"name": "floor", "type": "integer"})
    with pytest.raises(pg8000.DatabaseError, match="departments was made from another data dictionary"):
        make(postgres, parse_dictionary(changed))


def test_more_tables_may_come(postgres: TestDatabase) -> None:
    more = copy.deepcopy(json.loads(PACKAGED_DICTIONARY.read_text()))
    fields = [{"name": "id", "type": "integer", "constraints": {"required": True}}]
    more["resources"].append({"name": "rooms", "schema": {"fields": fields, "primaryKey": "id"}})
    make(postgres, parse_dictionary(more))
    assert postgres.query("SELECT * FROM rooms") == []
