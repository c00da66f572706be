"""The table of record, ``decant.migrations``: what the database has had, by whom, and whether it is still that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import MigrationRefused
from chalicelib.migrations.own import OwnMigration, checksum
from chalicelib.ports import Session

TABLE = Path(__file__).with_name("history.sql")


class Kind(StrEnum):
    """What a migration follows: the code, the dictionary, or both."""

    OWN = "own"
    DICTIONARY = "dictionary"
    FUNCTIONS = "functions"


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of the table. ``digest`` and ``package`` are those of a dictionary."""

    number: int
    kind: Kind
    name: str
    checksum: str
    statements: Sequence[str]
    digest: str | None
    package: Mapping[str, Any] | None
    ended: bool


@dataclass(frozen=True, slots=True)
class History:
    """What the database has had, in order."""

    applied: tuple[Applied, ...] = ()

    @property
    def dictionary(self) -> Dictionary | None:
        """The dictionary that the tables were last brought to; None when there was none."""
        for each in reversed(self.applied):
            if each.kind is Kind.DICTIONARY and each.ended and each.package is not None:
                return parse_dictionary(each.package)
        return None

    @property
    def unfinished(self) -> Applied | None:
        """The migration that began and did not end."""
        return next((each for each in self.applied if not each.ended), None)

    @property
    def functions(self) -> str | None:
        """The checksum of the functions and grants as they were last made."""
        return next((each.checksum for each in reversed(self.applied) if each.kind is Kind.FUNCTIONS), None)

    def pending(self, own: Sequence[OwnMigration]) -> list[OwnMigration]:
        """Those of our migrations that the database has not had.

        Raises MigrationRefused when it had one that is unknown here or has other statements now, when one would come
        before another that it had, or when the record itself was altered.
        """
        known = {each.name: each for each in own}
        had = [each for each in self.applied if each.kind is Kind.OWN]
        for each in had:
            if each.name not in known:
                raise MigrationRefused(
                    f"The database has had the migration {each.name}, which this version of Decant does not know.",
                    hint="A newer version was here. Deploy that version, or restore a backup into a new database.",
                )
            if known[each.name].checksum != each.checksum:
                raise MigrationRefused(
                    f"The migration {each.name} was changed after the database has had it.",
                    hint="Bring the file back as it was, and put the change into a new one with the next number.",
                )
        for each in self.applied:
            if checksum(list(each.statements)) != each.checksum or (
                each.package is not None and parse_dictionary(each.package).digest != each.digest
            ):
                raise MigrationRefused(
                    f"The record of the migration {each.number} ({each.name}) in decant.migrations was altered.",
                    hint="Only migrations write that table. Restore the row from a snapshot of the database.",
                )
        names = {each.name for each in had}
        pending = [each for each in own if each.name not in names]
        if pending and names and pending[0].name < max(names):
            raise MigrationRefused(
                f"The migration {pending[0].name} is new, and the database has had {max(names)}, which comes after it.",
                hint="Give it the next number.",
            )
        return pending


def read(session: Session) -> History:
    """Read the table of record; an empty history when there is none."""
    [(there,)] = session.run("SELECT to_regclass('decant.migrations') IS NOT NULL")
    if not there:
        return History()
    rows = session.run(
        "SELECT number, kind, name, checksum, statements, digest, package, ended IS NOT NULL "
        "FROM decant.migrations ORDER BY number"
    )
    return History(tuple(Applied(number, Kind(kind), *rest) for number, kind, *rest in rows))


def begin(
    session: Session,
    kind: Kind,
    name: str,
    statements: Sequence[str],
    *,
    by: str,
    dictionary: Dictionary | None = None,
) -> int:
    """Record that a migration begins, and give its number. One that began and did not end is taken up again."""
    [(number,)] = session.run(
        """INSERT INTO decant.migrations (number, kind, name, checksum, statements, digest, package, applied_by)
        SELECT coalesce(min(number) FILTER (WHERE ended IS NULL AND kind = :kind), max(number) + 1, 1), :kind, :name,
            :checksum, CAST(:statements AS json), :digest,
            CAST(:package AS json), :by
        FROM decant.migrations
        ON CONFLICT (number) DO UPDATE SET (checksum, statements, applied_by, began)
            = (EXCLUDED.checksum, EXCLUDED.statements, EXCLUDED.applied_by, EXCLUDED.began)
        RETURNING number""",
        kind=kind.value,
        name=name,
        checksum=checksum(list(statements)),
        statements=json.dumps(list(statements)),
        digest=dictionary.digest if dictionary else None,
        package=json.dumps(dictionary.package) if dictionary else None,
        by=by,
    )
    return int(number)


def end(session: Session, number: int) -> None:
    """Record that a migration has come to its end."""
    session.run("UPDATE decant.migrations SET ended = clock_timestamp() WHERE number = :number", number=number)
