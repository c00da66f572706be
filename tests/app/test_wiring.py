"""The services as a deployment wires them: from the environment, over a real connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber

from chalicelib import wiring
from chalicelib.errors import DecantError
from chalicelib.settings import PACKAGED_DICTIONARY, Settings
from tests.app.conftest import CATALOG, TOKENS, Api
from tests.aws import REGION


@pytest.fixture
def deployed(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The environment that a deployment's template sets, and no services wired yet."""
    account = api.database.app
    secret = {
        "engine": "postgresql", "host": account.host, "port": account.port, "dbname": account.database,
        "username": account.user, "password": account.password,
    }  # fmt: skip
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name="db", SecretString=json.dumps(secret))
    variables = {
        "INTAKE_BUCKET": "intake", "BACKUP_BUCKET": "backups", "QUEUE_URL": api.services.settings.queue_url,
        "CATALOG_TABLE": CATALOG, "AUDIT_TABLE": "audit",
        "DATABASE_SECRET": "db", "DATABASE_TLS": "off",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(f"DECANT_{name}", value)
    monkeypatch.setattr(wiring._local, "services", None)
    yield api
    if wiring._local.services is not None:
        wiring._local.services.database.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("deployed")
def test_the_services_are_wired_from_the_environment_once() -> None:
    services = wiring.services()
    assert services is wiring.services()
    assert services.intake.name == "intake"
    assert services.dictionary.digest


def test_the_wired_services_answer(deployed: Api) -> None:
    assert deployed.get("/health").json_body == {
        "status": "ok", "database": "ok", "storage": "ok", "queue": "ok", "catalog": "ok",
    }  # fmt: skip


def test_a_secret_that_is_gone_is_a_database_that_is_down(deployed: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECANT_DATABASE_SECRET", "gone")
    assert deployed.get("/health").json_body["database"] == "down"
    answer = deployed.get("/tables")
    assert answer.status_code == 503
    assert answer.json_body["detail"] == "The secret of the database can't be read (ResourceNotFoundException)."


@pytest.mark.usefixtures("deployed")
def test_both_buckets_are_asked_for_as_those_of_the_account_that_the_template_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DECANT_BUCKET_OWNER", "111122223333")
    for storage in (wiring.services().intake, wiring.services().backups):
        with Stubber(storage._client) as stub:
            stub.add_client_error("list_objects_v2", "AccessDenied", http_status_code=403, expected_params={
                "Bucket": storage.name, "Prefix": "", "ExpectedBucketOwner": "111122223333"})  # fmt: skip
            with pytest.raises(DecantError, match="bucket of another account is denied"):
                list(storage.list(""))


@pytest.mark.usefixtures("deployed")
def test_threads_share_no_connection() -> None:
    mine, others = wiring.services(), []
    thread = threading.Thread(target=lambda: others.append(wiring.services()))
    thread.start()
    thread.join()
    assert others[0].database is not mine.database


def test_other_services_can_be_used_for_a_while(api: Api) -> None:
    with wiring.use(api.services) as used:
        assert wiring.services() is used


@pytest.mark.usefixtures("api")
def test_the_authorizer_needs_the_name_of_its_table_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring._local, "tokens", None)
    monkeypatch.delenv("DECANT_TOKENS_TABLE", raising=False)
    with pytest.raises(DecantError, match="DECANT_TOKENS_TABLE"):
        wiring.token_store()
    monkeypatch.setenv("DECANT_TOKENS_TABLE", TOKENS)
    assert wiring.token_store().find("-") is None


REQUIRED = (
    "INTAKE_BUCKET", "BACKUP_BUCKET", "QUEUE_URL", "CATALOG_TABLE", "AUDIT_TABLE", "DATABASE_SECRET",
)  # fmt: skip


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_is_named(name: str) -> None:
    environment = {f"DECANT_{each}": "x" for each in REQUIRED if each != name}
    with pytest.raises(DecantError, match=f"DECANT_{name}"):
        Settings.from_environment(environment)
    complete = Settings.from_environment({**environment, f"DECANT_{name}": "x"})
    assert complete.dictionary == PACKAGED_DICTIONARY
