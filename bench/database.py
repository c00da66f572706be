"""The Postgres server of the stack, as its administrator sees it, and the peers' database on it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.figures import Sample
from bench.timing import run
from chalicelib.dictionary.package import load_dictionary
from chalicelib.migrations.plan import change
from chalicelib.postgres import Login, session
from chalicelib.settings import PACKAGED_DICTIONARY
from infra.local.embedded_postgres import EmbeddedPostgres

OURS = "decant"
PEERS = "peers"
# A table of the same columns without any constraint, not even NOT NULL.
BARE = "bare"
EMPLOYEES = "hired_employees"
_RUN = ("state", "read", "inserted", "rejected", "error", "started", "ended")


class DatabaseServer:
    """Statements, files and programs on one server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._sessions: dict[str, Any] = {}
        self._open = ExitStack()

    def close(self) -> None:
        """Close all sessions."""
        self._sessions.clear()
        self._open.close()

    def url(self, database: str) -> str:
        """Give the administrator's URL of a database."""
        return self._server.url(self._server.superuser, self._server.superuser_password, database)

    def program(self, name: str) -> Path:
        """Give one of the server's own programs, which are as new as the server."""
        return self._server.program(name)

    def run(self, database: str, sql: str) -> None:
        """Run statements, several in one transaction."""
        self._session(database).run_script(sql)

    def value(self, database: str, sql: str, **parameters: Any) -> Any:
        """Give the one value that a query answers."""
        return self._session(database).run(sql, **parameters)[0][0]

    def load_run(self, key: str) -> Mapping[str, Any] | None:
        """Give the ledger's row of the load of an object, None while there is none."""
        found = self._session(OURS).run(f"SELECT {', '.join(_RUN)} FROM decant.runs WHERE key = :key", key=key)
        return dict(zip(_RUN, found[0], strict=True)) if found else None

    def indexes(self, table: str) -> int:
        """Give how many indexes a table of ours has that are ready to be used."""
        found = "SELECT count(*) FROM pg_index WHERE indrelid = CAST(:table AS regclass) AND indisvalid"
        return int(self.value(OURS, found, table=table))

    def checkpoint(self) -> None:
        """Write to disk what is left to write, so that nobody pays for it who comes next."""
        self._session(OURS).run("CHECKPOINT")

    def copy(self, table: str, path: Path, *, with_triggers: bool = True) -> Sample:
        """Load a file into a table of the peers as people do; without triggers, its foreign keys are taken on trust."""
        trust = () if with_triggers else ("--command", "SET session_replication_role = replica")
        return run(
            [
                *(self.program("psql"), self.url(PEERS), "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"),
                *(*trust, "--command", f"\\copy {table} FROM '{path}' WITH (FORMAT csv)"),
            ]
        ).sample

    def make_peers(self, samples: Path, parents: tuple[str, ...]) -> None:
        """Make the peers' database, unless it is there: the same tables with the same constraints, parents filled."""
        if self.value(OURS, "SELECT count(*) FROM pg_database WHERE datname = :name", name=PEERS):
            return
        self.run(OURS, f"CREATE DATABASE {PEERS}")
        for step in change(None, load_dictionary(PACKAGED_DICTIONARY)).steps:
            self._session(PEERS).run(step.sql)
        self.run(PEERS, f"CREATE TABLE {BARE} AS SELECT * FROM {EMPLOYEES}")
        for table in parents:
            self.copy(table, samples / f"{table}.csv")

    def _session(self, database: str) -> Any:
        if database not in self._sessions:
            server = self._server
            login = Login(server.host, server.port, server.superuser, server.superuser_password, database)
            self._sessions[database] = self._open.enter_context(session(login, "off"))
        return self._sessions[database]
