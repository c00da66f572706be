"""Bringing a database to what the package and the dictionary say: one migrator at a time, and safe under traffic.

A lock is asked for during a moment and then given up for a while, for whoever queues for one keeps all who come later
waiting. What began is recorded before its first statement, and every statement may run again: after an interruption
the same command goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from chalicelib.dictionary.functions import functions_and_grants
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.rollup import rollup_statements
from chalicelib.errors import DecantError, MigrationRefused, Unavailable
from chalicelib.metrics.registry import ROLLUPS
from chalicelib.migrations import history as record
from chalicelib.migrations.catalogue import refuse_other_tables
from chalicelib.migrations.history import History, Kind
from chalicelib.migrations.own import OwnMigration, checksum
from chalicelib.migrations.plan import Change, Step, change
from chalicelib.ports import Session
from chalicelib.roles import APP

# Its key is the first eight bytes of "decant migrations" as a number: it must only differ from other programs' keys.
_MIGRATOR = 0x646563616E74206D
_LOCK_TIMEOUT, _PAUSE = "1s", 0.5
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration that the database has not had."""

    kind: Kind
    name: str
    steps: tuple[Step, ...]

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "checksum": checksum([step.sql for step in self.steps]),
            "steps": [{"sql": step.sql, "note": step.note} for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class Pending:
    """All that the database has not had, in order, and what a reader of the plan should know."""

    migrations: tuple[Migration, ...]
    notes: tuple[str, ...] = ()


def pending(history: History, dictionary: Dictionary, own: Sequence[OwnMigration]) -> Pending:
    """What a database with this history lacks. Raises MigrationRefused when it can't be brought there."""
    found = [Migration(Kind.OWN, each.name, (Step(each.sql),)) for each in history.pending(own)]
    before, unfinished = history.dictionary, history.unfinished
    if unfinished is not None and unfinished.digest != dictionary.digest:
        raise MigrationRefused(
            f"The migration {unfinished.number} ({unfinished.name}) began and did not end.",
            hint="Bring its dictionary back and migrate once more, then change the dictionary.",
        )
    changed = Change()
    if before is None or before.digest != dictionary.digest:
        changed = change(before, dictionary)
        found.append(Migration(Kind.DICTIONARY, f"dictionary-{dictionary.digest[:12]}", changed.steps))
    functions = [*functions_and_grants(dictionary, APP), *rollup_statements(dictionary, ROLLUPS, APP)]
    if found or history.functions != checksum(functions):
        found.append(Migration(Kind.FUNCTIONS, "functions-and-grants", tuple(map(Step, functions))))
    return Pending(tuple(found), changed.notes)


def plan(session: Session, dictionary: Dictionary, own: Sequence[OwnMigration]) -> Pending:
    """What ``migrate`` would do; nothing is written. Raises MigrationRefused."""
    history = record.read(session)
    found = pending(history, dictionary, own)
    refuse_other_tables(session, history, dictionary)
    return found


def migrate(
    session: Session,
    dictionary: Dictionary,
    own: Sequence[OwnMigration],
    *,
    by: str,
    patience: float = PATIENCE,
) -> Pending:
    """Bring the database to the package and the dictionary, as the owner of its tables; give what was done.

    ``by`` is recorded. ``patience``, in seconds, is how long each lock is tried for. Raises MigrationRefused before
    anything is written, and Unavailable when another migrator is at work or a table stays in use.
    """
    with _alone(session, patience):
        found = plan(session, dictionary, own)
        if found.migrations:
            session.run_script(record.TABLE.read_text())
        for migration in found.migrations:
            if migration.kind is Kind.DICTIONARY:
                _step_by_step(session, migration, dictionary, by, patience)
            else:
                _at_once(session, migration, by, patience)
        if found.migrations:
            refuse_other_tables(session, record.read(session), dictionary)
        return found


def _at_once(session: Session, migration: Migration, by: str, patience: float) -> None:
    statements = [step.sql for step in migration.steps]

    def work() -> None:
        with _transaction(session):
            session.run_script(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            number = record.begin(session, migration.kind, migration.name, statements, by=by)
            for statement in statements:
                session.run_script(statement)
            record.end(session, number)

    _patiently(session, work, patience)


def _step_by_step(session: Session, migration: Migration, dictionary: Dictionary, by: str, patience: float) -> None:
    statements = [step.sql for step in migration.steps]
    number = record.begin(session, migration.kind, migration.name, statements, by=by, dictionary=dictionary)
    for step in migration.steps:
        _patiently(session, partial(_try, session, step, patience), patience)
    record.end(session, number)


def _try(session: Session, step: Step, patience: float) -> None:
    wait = f"{int(patience)}s" if step.first else _LOCK_TIMEOUT
    session.run_script(f"SET lock_timeout = '{wait}'")
    if step.first:
        session.run_script(step.first)
    session.run_script(step.sql)


@contextmanager
def _transaction(session: Session) -> Iterator[None]:
    session.run_script("BEGIN")
    try:
        yield
        session.run_script("COMMIT")
    except BaseException:
        with suppress(DecantError):  # the error that led here is the one to tell
            session.run_script("ROLLBACK")
        raise


@contextmanager
def _alone(session: Session, patience: float) -> Iterator[None]:
    """Keep other migrators of this database out."""
    until = time.monotonic() + patience
    while not session.run("SELECT pg_try_advisory_lock(:key)", key=_MIGRATOR)[0][0]:
        if time.monotonic() > until:
            raise Unavailable("Another migration of this database is at work.", hint="Try again when it has ended.")
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        session.run("SELECT pg_advisory_unlock(:key)", key=_MIGRATOR)


def _patiently(session: Session, work: Callable[[], None], patience: float) -> None:
    """Do the work once the locks that it needs are free."""
    until = time.monotonic() + patience
    while True:
        try:
            return work()
        except Unavailable as error:
            session.run("SELECT 1")  # a connection that is lost is not waited for
            if time.monotonic() > until:
                raise Unavailable(
                    f"A table stayed in use for {patience:.0f} s, so the migration did not end: {error.detail}",
                    hint="What was done stays and does no harm. Migrate again when the loads have ended.",
                ) from error
            time.sleep(_PAUSE)
