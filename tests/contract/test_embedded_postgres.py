"""The embedded server: reachable by password on 127.0.0.1 alone, its data kept, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pg8000.dbapi
import psutil
import pytest

from infra.local.embedded_postgres import EmbeddedPostgres, PostgresError
from infra.local.unprivileged import Account

ROOT = Path(__file__).parents[2]


def answers(server: EmbeddedPostgres, sql: str, password: str | None = None) -> list[Any]:
    connection = pg8000.dbapi.connect(
        user=server.superuser,
        password=server.superuser_password if password is None else password,
        host=server.host,
        port=server.port,
        database="postgres",
    )
    with closing(connection), closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        rows: list[Any] = list(cursor.fetchall()) if cursor.description else []
        connection.commit()
        return rows


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data")
    with server:
        yield server
    server.forget()


def test_its_url_names_host_port_and_database(server: EmbeddedPostgres) -> None:
    url = urlsplit(server.url("a b", "p/w:@", "decant"))
    assert (url.hostname, url.port, url.path) == ("127.0.0.1", server.port, "/decant")
    assert url.netloc.startswith("a%20b:p%2Fw%3A%40@")


def test_a_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(pg8000.dbapi.DatabaseError, match="28P01"):
        answers(server, "SELECT 1", password="wrong")


@pytest.mark.parametrize(
    ("setting", "value"), [("TimeZone", "UTC"), ("server_encoding", "UTF8"), ("password_encryption", "scram-sha-256")]
)
def test_its_settings(server: EmbeddedPostgres, setting: str, value: str) -> None:
    assert tuple(answers(server, f"SHOW {setting}")[0]) == (value,)


def test_its_collation_is_builtin(server: EmbeddedPostgres) -> None:
    [row] = answers(server, "SELECT datlocprovider, datlocale, lower('ÑÉ') FROM pg_database WHERE datname = 'postgres'")
    assert tuple(row) == ("b", "C.UTF-8", "ñé")


def test_it_listens_on_loopback_alone(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    assert {c.laddr.ip for c in psutil.Process(server.pid).net_connections() if c.status == "LISTEN"} == {"127.0.0.1"}


def test_its_secrets_are_the_owners_alone(server: EmbeddedPostgres) -> None:
    password = (server.data / "superuser-password").stat()
    assert password.st_mode & 0o777 == 0o600
    assert password.st_uid == os.geteuid()
    assert (server.data / "cluster").stat().st_mode & 0o777 == 0o700


def test_starting_a_running_server_takes_it_as_it_is(server: EmbeddedPostgres) -> None:
    again = EmbeddedPostgres(server.data)
    again.start()
    assert (again.pid, again.port) == (server.pid, server.port)


def test_data_survive_a_stop_and_a_new_port(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data", settings={"fsync": "off"})
    with server:
        answers(server, "CREATE TABLE kept AS SELECT 7 AS n")
        assert tuple(answers(server, "SHOW fsync")[0]) == ("off",)
    assert server.pid is None
    with server:
        assert tuple(answers(server, "SELECT n FROM kept")[0]) == (7,)
    server.forget()
    assert not (tmp_path / "data").exists()


def test_a_taken_port_is_a_clear_error(server: EmbeddedPostgres, tmp_path: Path) -> None:
    other = EmbeddedPostgres(tmp_path / "data", port=server.port)
    with pytest.raises(PostgresError, match=f"port {server.port} of 127.0.0.1 is taken"):
        other.start()
    other.forget()


def test_a_stale_pid_file_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "data" / "cluster").mkdir(parents=True)
    stale = f"{os.getpid()}\n{tmp_path}/data/cluster\n{int(time.time())}\n5432\n"
    (tmp_path / "data" / "cluster" / "postmaster.pid").write_text(stale)
    stopped = EmbeddedPostgres(tmp_path / "data")
    assert stopped.pid is None
    stopped.stop()
    with pytest.raises(PostgresError, match="does not run"):
        _ = stopped.port


@pytest.mark.parametrize("death", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_dies_with_its_owner(tmp_path: Path, death: signal.Signals) -> None:
    script = (
        "import signal, sys, time, pathlib\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it\n"
        "from infra.local.embedded_postgres import EmbeddedPostgres\n"
        "with EmbeddedPostgres(pathlib.Path(sys.argv[1])) as server:\n"
        "    print(server.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    data = tmp_path / "data"
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    with owner:
        assert owner.stdout is not None
        server = psutil.Process(int(owner.stdout.readline()))
        owner.send_signal(death)
    deadline = time.monotonic() + 20
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert EmbeddedPostgres(data).pid is None
    EmbeddedPostgres(data).forget()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends its server to another user")
def test_programs_out_of_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reaches = Account.reaches
    monkeypatch.setattr(Account, "reaches", lambda self, path: path.name != "postgres" and reaches(self, path))
    server = EmbeddedPostgres(tmp_path / "data")
    with server:
        assert tuple(answers(server, "SELECT 1")[0]) == (1,)
    assert list(server.data.glob("install-*/embedded_postgres/pginstall/bin/postgres"))
    server.forget()
