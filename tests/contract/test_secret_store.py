"""The secret's versions as Secrets Manager keeps them."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from chalicelib.errors import DecantError, Unavailable
from chalicelib.secret_store import SecretsManager
from tests.aws import REGION

TOKEN = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def client(aws: None) -> Any:  # noqa: ARG001 - AWS must be there first
    return boto3.client("secretsmanager", region_name=REGION)


def test_a_version_is_staged_and_promoted(client: Any) -> None:
    arn = client.create_secret(Name="db", SecretString='{"password": "old"}')["ARN"]
    store = SecretsManager(client)
    assert store.arn("db") == arn
    [before] = store.stages(arn)
    store.stage(arn, TOKEN, {"password": "new"})
    assert store.stages(arn)[TOKEN] == ["AWSPENDING"]
    assert (store.current(arn), store.pending(arn, TOKEN)) == ({"password": "old"}, {"password": "new"})
    store.promote(arn, TOKEN, before)
    assert store.current(arn) == {"password": "new"}
    assert "AWSCURRENT" in store.stages(arn)[TOKEN]
    assert store.stages(arn)[before] == ["AWSPREVIOUS"]


def test_a_version_that_was_staged_and_not_written_yet_has_no_content(client: Any) -> None:
    with Stubber(client) as stubbed:
        stubbed.add_client_error("get_secret_value", "ResourceNotFoundException")
        assert SecretsManager(client).pending("db", TOKEN) is None
        stubbed.add_client_error("get_secret_value", "AccessDeniedException")
        with pytest.raises(Unavailable, match="AccessDenied"):
            SecretsManager(client).pending("db", TOKEN)


def test_a_secret_that_is_gone_or_no_object_is_told_without_its_text(client: Any) -> None:
    store = SecretsManager(client)
    with pytest.raises(Unavailable, match="can't be reached"):
        store.current("gone")
    for text in ("not-for-logs", json.dumps("not-for-logs")):
        name = client.create_secret(Name=f"odd{len(text)}", SecretString=text)["Name"]
        with pytest.raises(DecantError, match="no JSON object") as caught:
            store.current(name)
        assert "not-for-logs" not in str(caught.value)
