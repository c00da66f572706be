"""The contract of the token store, kept by the fake of the tests and by DynamoDB."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest

from chalicelib.access.principal import Scope
from chalicelib.access.tokens import TokenStore, new_token, recognise
from chalicelib.errors import Conflict, DecantError
from chalicelib.token_store import DynamoTokens
from tests.aws import REGION
from tests.fakes import FakeTokens

NOW = dt.datetime(2026, 11, 22, 12, 0, 0, 123456, dt.UTC)
LATER = NOW + dt.timedelta(hours=1)
TABLE = "tokens"


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[TokenStore]:
    if request.param == "fake":
        yield FakeTokens()
    else:
        yield request.getfixturevalue("dynamo")


@pytest.fixture
def dynamo(aws: None) -> DynamoTokens:  # noqa: ARG001 - AWS must be there first
    boto3.client("dynamodb", region_name=REGION).create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return DynamoTokens(TABLE, REGION)


def test_a_token_is_found_as_it_was_added(store: TokenStore) -> None:
    for lifetime in (None, dt.timedelta(days=90)):
        _, kept = new_token("a loader, mit ñ", [Scope.READ, Scope.OPERATE], NOW, lifetime)
        store.add(kept)
        assert store.find(kept.id) == kept


@pytest.mark.parametrize("token_id", ["-", "abcdefghijkl"])
def test_one_that_is_not_there_is_none(store: TokenStore, token_id: str) -> None:
    assert store.find(token_id) is None


def test_all_come_oldest_first(store: TokenStore) -> None:
    made = [new_token(f"caller {hour}", [Scope.READ], NOW + dt.timedelta(hours=hour))[1] for hour in (2, 0, 1)]
    for kept in made:
        store.add(kept)
    assert [kept.name for kept in store.all()] == ["caller 0", "caller 1", "caller 2"]


def test_a_revoked_one_is_worthless_at_once_and_stays_as_it_is(store: TokenStore) -> None:
    text, kept = new_token("loader", [Scope.READ], NOW)
    store.add(kept)
    assert recognise(store, f"Bearer {text}", LATER) is not None
    assert store.revoke(kept.id, NOW)
    assert recognise(store, f"Bearer {text}", LATER) is None
    assert store.revoke(kept.id, LATER)
    assert store.find(kept.id) == replace(kept, revoked=NOW)


def test_what_is_not_there_can_t_be_revoked_and_is_not_made(store: TokenStore) -> None:
    assert not store.revoke("abcdefghijkl", NOW)
    assert store.all() == []


def test_no_token_takes_the_place_of_another(dynamo: DynamoTokens) -> None:
    _, kept = new_token("loader", [Scope.READ], NOW)
    dynamo.add(kept)
    with pytest.raises(Conflict):
        dynamo.add(replace(kept, name="usurper"))
    assert dynamo.find(kept.id) == kept


@pytest.mark.usefixtures("dynamo")
def test_a_table_out_of_reach_is_an_error_and_not_a_stranger() -> None:
    with pytest.raises(DecantError):
        recognise(DynamoTokens("gone", REGION), "Bearer nonsense", NOW)


def test_the_look_up_is_one_consistent_read_whatever_is_looked_up(
    dynamo: DynamoTokens, asked: list[tuple[str, bool]]
) -> None:
    _, kept = new_token("loader", [Scope.READ], NOW)
    dynamo.add(kept)
    for header in (f"Bearer decant_{kept.id}_{'x' * 43}", f"Bearer decant_{'x' * 12}_{'x' * 43}", "nonsense", ""):
        asked.clear()
        assert recognise(dynamo, header, NOW) is None
        assert asked == [("GetItem", True)]


def test_all_are_read_consistently(dynamo: DynamoTokens, asked: list[tuple[str, bool]]) -> None:
    """Or whoever lists them would look in vain for the one just made."""
    dynamo.all()
    assert asked == [("Scan", True)]
