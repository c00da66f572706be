"""What the contract tests of several flows share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from pynamodb.connection.base import Connection

from chalicelib.storage import FolderStorage, S3Storage
from tests.aws import played_aws
from tests.conftest import TestDatabase
from tests.contract.backup_support import fill_company
from tests.fakes import FakeCatalog


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS as moto plays it."""
    with played_aws(monkeypatch):
        yield


@pytest.fixture
def asked(aws: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:  # noqa: ARG001 - AWS must be there first
    """What DynamoDB is asked for meanwhile: the operation, and whether it has to be a consistent read."""
    asked: list[tuple[str, bool]] = []
    real = Connection._make_api_call

    def noted(self: Connection, operation: str, arguments: dict[str, Any], *more: object) -> object:
        asked.append((operation, arguments.get("ConsistentRead", False)))
        return real(self, operation, arguments, *more)

    monkeypatch.setattr(Connection, "_make_api_call", noted)
    return asked


@pytest.fixture
def folder(tmp_path: Path) -> FolderStorage:
    """An empty folder for backups."""
    return FolderStorage(tmp_path / "backups")


@pytest.fixture
def s3(aws: None) -> Iterator[S3Storage]:  # noqa: ARG001 - AWS must be there first
    """An empty bucket for backups, which keeps versions and knows Object Lock, as that of a deployment does."""
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="backups", ObjectLockEnabledForBucket=True)
    yield S3Storage(client, "backups")
    client.close()


@pytest.fixture
def storage(folder: FolderStorage) -> FolderStorage:
    """A folder; tests of what each kind of storage does have one after the other instead."""
    return folder


@pytest.fixture
def catalog() -> FakeCatalog:
    """An empty catalogue."""
    return FakeCatalog()


@pytest.fixture
def company(postgres: TestDatabase) -> TestDatabase:
    """A database with three departments, a job and forty employees."""
    fill_company(postgres)
    return postgres
