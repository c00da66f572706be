"""Decant's own migrations: numbered SQL files that ship in the package, each applied once and never changed again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("own")


@dataclass(frozen=True, slots=True)
class OwnMigration:
    """One file. ``name`` is its number and title, such as ``0001-ledger``; it runs in one transaction."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of its statements."""
        return checksum([self.sql])


def own_migrations(folder: Path = FOLDER) -> list[OwnMigration]:
    """The files of a folder, in the order of their numbers."""
    return [OwnMigration(file.stem, file.read_text()) for file in sorted(folder.glob("[0-9]*.sql"))]


def checksum(statements: list[str]) -> str:
    """The SHA-256 of statements, in which no character can move from one to the next."""
    digest = hashlib.sha256()
    for statement in statements:
        encoded = statement.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
