"""The packaged template on an emulator that somebody else runs, in Docker for instance: deployed, used, taken away.

AWS_ENDPOINT_URL             where it answers; without it these tests are skipped
DECANT_TEST_POSTGRES         URL of an administrator's database, seen from here; without it Postgres is embedded
DECANT_TEST_POSTGRES_HOST    host:port of the same, as functions see it, where that is another
DECANT_TEST_RUNTIME          the Python of its functions, where that is not the one at hand: 3.13
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import boto3
import pytest

from decant import samples
from infra.deployment.errors import DeploymentError
from infra.deployment.stack import Stack as CloudFormationStack
from infra.local.emulator import REGION, Credentials
from infra.local.localstack import LocalStack
from infra.local.record import Record
from infra.local.stack import STAGE, Stack
from infra.packaging.runtime import Runtime
from tests.e2e.conftest import PARAMETERS
from tests.stacks import ROOT, own_stack

STACK = f"decant-{STAGE}"
pytestmark = pytest.mark.localstack


class GivenEmulator(LocalStack):
    """One that runs already, and goes on running."""

    @property
    def endpoint_url(self) -> str:
        return os.environ["AWS_ENDPOINT_URL"].rstrip("/")

    @property
    def credentials(self) -> Credentials:
        name, secret = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
        return Credentials(os.environ.get(name, "test"), os.environ.get(secret, "test"))

    @property
    def pid(self) -> int:
        return os.getpid()  # for all that the stack asks: it runs

    def install(self) -> Path:
        return self.folder

    def start(self) -> None: ...

    def stop(self) -> bool:
        return True

    def __enter__(self) -> Self:
        return self


class GivenPostgres(SimpleNamespace):
    """A server that runs already, and goes on running."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        super().__init__(
            host=parts.hostname, port=parts.port or 5432, superuser=user, superuser_password=password, pid=os.getpid()
        )

    def url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{database}"

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def forget(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    """The system on the endpoint that was given."""
    if not os.environ.get("AWS_ENDPOINT_URL"):
        pytest.skip("AWS_ENDPOINT_URL is not set: no emulator was given to deploy to (docs/localstack.md)")
    parameters = dict(PARAMETERS)
    server = os.environ.get("DECANT_TEST_POSTGRES")
    if server:
        seen = os.environ.get("DECANT_TEST_POSTGRES_HOST") or urlsplit(server).netloc.rpartition("@")[2]
        host, _, port = seen.partition(":")
        parameters |= {"DatabaseHost": host, "DatabasePort": port or "5432"}
    runtime = os.environ.get("DECANT_TEST_RUNTIME")
    if runtime:
        GivenEmulator.made_for = replace(Runtime.aws(runtime, Runtime.here().architecture), emulated=True)
    stack = own_stack(tmp_path_factory.mktemp("given"), parameters=parameters, emulator=GivenEmulator)
    if server:
        stack.postgres = GivenPostgres(server)  # type: ignore[assignment]
    client = _clients(stack)
    assert not _stands(client("cloudformation")), (
        f"{STACK} is on {stack.emulator.endpoint_url} already; delete it first"
    )
    try:
        with stack as record:
            yield record
    finally:
        _delete(client, CloudFormationStack(STACK, stack.emulator.target))
        stack.forget()


def test_files_are_loaded_and_metrics_answered(deployed: Record) -> None:
    runs = samples.follow(deployed, samples.drop(deployed, ROOT / "sample_data"), lambda _: None)
    assert [run["state"] for run in runs.values()] == ["succeeded"] * 3
    assert samples.client_of(deployed).ask("/metrics/departments-above-mean?year=2021")["mean"] == 136.75


def test_functions_are_in_the_deployed_template(deployed: Record) -> None:
    for function in (deployed.api_function, deployed.worker_function):
        state = deployed.client("lambda").get_function_configuration(FunctionName=function)["State"]
        assert state == "Active"


def _clients(stack: Stack) -> Any:
    key = stack.emulator.credentials
    session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
    return lambda service: session.client(service, endpoint_url=stack.emulator.endpoint_url)


def _stands(formation: Any) -> bool:
    try:
        return bool(formation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"] != "DELETE_COMPLETE")
    except formation.exceptions.ClientError:
        return False


def _delete(client: Any, made: CloudFormationStack) -> None:
    """Delete the stack, and what its template retains. Raises DeploymentError."""
    formation, s3, dynamodb = client("cloudformation"), client("s3"), client("dynamodb")
    before = formation.list_stack_resources(StackName=STACK)["StackResourceSummaries"] if _stands(formation) else []
    try:
        made.delete()
    except DeploymentError:  # LocalStack fails at it now and then, and not when it is asked again
        made.delete()
    buckets = {each["Name"] for each in s3.list_buckets()["Buckets"]}
    tables = set(dynamodb.list_tables()["TableNames"])
    for resource in before:
        name = resource["PhysicalResourceId"]
        if name in tables and resource["ResourceType"] == "AWS::DynamoDB::Table":
            dynamodb.delete_table(TableName=name)
        if name in buckets and resource["ResourceType"] == "AWS::S3::Bucket":
            _empty(s3, name)
            s3.delete_bucket(Bucket=name)


def _empty(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
