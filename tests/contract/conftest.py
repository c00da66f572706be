"""What the contract tests of several flows share."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.storage import FolderStorage
from tests.conftest import TestDatabase
from tests.contract.backup_support import fill_company
from tests.fakes import FakeCatalog


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    """An empty folder for backups; tests of the adapters have each kind of storage instead."""
    return FolderStorage(tmp_path / "backups")


@pytest.fixture
def catalog() -> FakeCatalog:
    """An empty catalogue."""
    return FakeCatalog()


@pytest.fixture
def company(postgres: TestDatabase) -> TestDatabase:
    """A database with three departments, a job and forty employees."""
    fill_company(postgres)
    return postgres
