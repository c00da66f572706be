"""An emulator of its own for the tests of this folder, and workers that may be killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chalicelib.dictionary.model import Dictionary
from infra.local.ministack import MiniStack
from infra.local.ports import free_port
from tests.conftest import MakeDatabase
from tests.torture.place import Place, make_place

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def place(
    make_database: MakeDatabase, dictionary: Dictionary, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """The place of the torture, with two workers."""
    folder = tmp_path_factory.mktemp("torture")
    emulator = MiniStack(folder / "emulator", free_port(), ROOT / ".local" / MiniStack.environment_name)
    with ExitStack() as stack:
        database = stack.enter_context(make_database(dictionary))
        stack.enter_context(emulator)
        yield stack.enter_context(make_place(database, emulator, folder))
