"""A Postgres that is really broken while a file is loaded: killed, stopped, full, crowded, read-only, rotated.

Afterwards the file's rows are there once or not at all, the run says what happened, and its message alone brings it to
its end: nobody touches the database.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from chalicelib import worker
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import Unavailable
from chalicelib.load.content import Content
from chalicelib.migrations.apply import migrate
from chalicelib.migrations.own import own_migrations
from chalicelib.ports import RunState
from chalicelib.postgres import PostgresDatabase, PostgresTransaction, close_connection
from chalicelib.roles import OWNER, missing, set_password
from infra.local.embedded_postgres import EmbeddedPostgres, PostgresError
from infra.local.schema import MASTER, make_master
from infra.local.unprivileged import Account as SystemAccount
from tests.conftest import APP_LOGIN, Account, MakeDatabase, TestDatabase, superuser
from tests.contract.test_loads import Intake
from tests.left_behind import Schema, left_behind, schema_of
from tests.small_disk import fill, free, small_disk

ROWS = 20_000
FILE = "".join(f"{number},Department {number}\n" for number in range(1, ROWS + 1)).encode()
# The driver leaves the socket of a connection that came to nothing to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:.*<socket.socket:pytest.PytestUnraisableExceptionWarning")
# In the middle of a COPY, and before its COMMIT: at every turn of the wire it fails in test_faulty_wire.
MOMENTS = ("mid copy", "commit")


@dataclass
class Broken:
    """A database of which something happens, once, at a moment of the next load."""

    database: PostgresDatabase
    moment: str
    happens: Callable[[], None]
    happened: bool = False

    def meet(self, moment: str) -> None:
        if moment == self.moment and not self.happened:
            self.happened = True
            self.happens()

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Any]:
        with self.database.transaction(snapshot=snapshot) as transaction:
            watched = _Watched(transaction, self)
            yield watched
            if watched.copied:
                self.meet("commit")


@dataclass
class _Watched:
    transaction: PostgresTransaction
    broken: Broken
    copied: bool = field(default=False, init=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transaction, name)

    def copy_in(self, relation: str, rows: Iterable[pa.Table]) -> int:
        def until_the_middle() -> Iterator[pa.Table]:
            for table in rows:
                yield table
                self.broken.meet("mid copy")

        taken = self.transaction.copy_in(relation, until_the_middle())
        self.copied = True
        return taken


@dataclass
class Server:
    """A server of one's own, that may be broken, and a database in it."""

    postgres: EmbeddedPostgres
    database: TestDatabase

    def again(self) -> None:
        self.postgres.start()

    def backends(self) -> list[int]:
        """The processes that serve the app, asked of the server itself."""
        with self.database.as_admin() as connection:
            rows = PostgresTransaction(connection).run(
                "SELECT pid FROM pg_stat_activity WHERE usename = :app AND datname = :name",
                app=self.database.app.user,
                name=self.database.app.database,
            )
        return [pid for (pid,) in rows]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, dictionary: Dictionary) -> Iterator[Server]:
    settings = {"fsync": "off", "max_connections": "12", "max_wal_size": "32MB", "min_wal_size": "32MB"}
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("broken") / "data", settings=settings)
    with postgres:
        yield Server(postgres, _made(postgres, dictionary))
    postgres.forget()


def _made(postgres: EmbeddedPostgres, dictionary: Dictionary) -> TestDatabase:
    """A database of the dictionary. Its port stays the same however often the server is started."""
    postgres._wanted_port = postgres.port
    admin, password = superuser(postgres), secrets.token_urlsafe(16)
    make_master(postgres, password)
    master = Account(postgres.host, postgres.port, MASTER, password, "postgres")
    owner, app = (replace(master, user=role, database="broken") for role in (OWNER, APP_LOGIN))
    with _session(master) as session:
        for _ in range(2):  # the database first, then what is in it
            for statement in missing(session, "broken"):
                session.run_script(statement)
        set_password(session, APP_LOGIN, password)
    with _session(admin) as session:
        session.run_script(f"ALTER ROLE {OWNER} LOGIN PASSWORD '{password}'")
    with _session(owner) as session:
        migrate(session, dictionary, own_migrations(), by="tests")
    return TestDatabase(dictionary, admin, owner, app, PostgresDatabase(app.connect))


@contextmanager
def _session(account: Account) -> Iterator[PostgresTransaction]:
    connection = account.connect()
    try:
        yield PostgresTransaction(connection)
    finally:
        close_connection(connection)


@dataclass
class Loading(Intake):
    """An intake that knows how the database was before the first load."""

    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        self.schema = schema_of(self.postgres)


@pytest.fixture
def intake(server: Server, tmp_path: Path) -> Iterator[Loading]:
    with server.database.as_owner() as owner:
        owner.execute_simple("TRUNCATE departments, jobs, hired_employees, decant.runs, decant.rejections")
    yield Loading(server.database, tmp_path)
    server.database.database.close()


def load_while(intake: Loading, moment: str, happens: Callable[[], None]) -> str:
    """Load the file while something happens; return the message that is left of it."""
    broken: Any = Broken(intake.postgres.database, moment, happens)
    event = json.dumps({"Records": [intake.put("departments.csv", FILE)]})
    worker.handle(replace(intake.services, database=broken), event)
    assert broken.happened
    [(message, delay)] = intake.queue.sent
    assert delay > 0
    return json.dumps(message)


def waits(intake: Loading) -> bool:
    """The run tells that it waits, and for what; nothing of the file is there."""
    run = intake.the_run()
    assert (run.state, run.error, run.ended) == (RunState.WAITING, None, None)
    assert "database" in run.phase
    counts = "SELECT (SELECT count(*) FROM departments), (SELECT count(*) FROM decant.runs)"
    assert intake.postgres.query(counts) == [(0, 0)]
    return True


def converges(intake: Loading, message: str) -> bool:
    """The message brings the run to its end, and once more changes nothing."""
    for _ in range(2):
        worker.handle(intake.services, message)
        run = intake.the_run()
        assert (run.state, run.error, run.counts.inserted) == (RunState.SUCCEEDED, None, ROWS)
        assert intake.postgres.query("SELECT count(*), sum(id) FROM departments") == [(ROWS, ROWS * (ROWS + 1) // 2)]
        assert intake.postgres.query("SELECT state, inserted FROM decant.runs") == [("succeeded", ROWS)]
    assert left_behind(intake.postgres, intake.schema) == []
    return True


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_backend_that_is_terminated_costs_a_try(server: Server, intake: Loading, moment: str) -> None:
    def terminate() -> None:
        with server.database.as_admin() as connection:
            for pid in server.backends():
                PostgresTransaction(connection).run("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)

    message = load_while(intake, moment, terminate)
    assert waits(intake)
    assert converges(intake, message)


@pytest.mark.parametrize(("moment", "mode"), [("mid copy", "immediate"), ("mid copy", "fast"), ("commit", "immediate")])
def test_a_server_that_is_stopped_in_mid_load_and_comes_back(
    server: Server, intake: Loading, moment: str, mode: str
) -> None:
    def stop() -> None:
        cluster = str(server.postgres.data.resolve() / "cluster")
        assert server.postgres._run("pg_ctl", "stop", "--pgdata", cluster, "--mode", mode, "--wait") == ""

    message = load_while(intake, moment, stop)
    run = intake.the_run()
    assert (run.state, "can't be reached" in run.phase or "interrupted" in run.phase) == (RunState.WAITING, True)
    worker.handle(intake.services, message)  # while it is away
    again, delay = intake.queue.sent.pop()
    assert (again["tries"], delay > 5) == (2, True)
    server.again()
    assert waits(intake)
    assert converges(intake, json.dumps(again))


def test_a_backend_that_is_killed_takes_the_others_along_and_the_server_recovers(
    server: Server, intake: Loading
) -> None:
    """As by the kernel when memory runs out: Postgres ends every session and recovers from its log."""

    def kill() -> None:
        for pid in server.backends():
            os.kill(pid, signal.SIGKILL)

    message = load_while(intake, "mid copy", kill)
    _until(lambda: _answers(server))
    assert waits(intake)
    assert converges(intake, message)


def test_a_server_without_a_free_connection_is_waited_for(server: Server, intake: Loading) -> None:
    event = json.dumps({"Records": [intake.put("departments.csv", FILE)]})
    intake.postgres.database.close()
    others = []
    with suppress(Exception):  # the one that gets none
        while True:
            others.append(server.database.app.connect())
    try:
        worker.handle(intake.services, event)
        assert (intake.the_run().state, "53300" in intake.the_run().phase) == (RunState.WAITING, True)
    finally:
        for each in others:
            close_connection(each)
    [(message, _)] = intake.queue.sent
    assert _until(lambda: _answers(server))
    assert waits(intake)
    assert converges(intake, json.dumps(message))


def test_a_server_that_is_read_only_since_a_failover_is_left_for_another(server: Server, intake: Loading) -> None:
    """The warm connection leads to a server that takes no writes any more."""

    def read_only(on: str) -> None:
        with server.database.as_admin() as connection:
            connection.execute_simple(f"ALTER SYSTEM SET default_transaction_read_only = {on}")
            connection.execute_simple("SELECT pg_reload_conf()")
        _until(lambda: intake.postgres.query("SHOW transaction_read_only") == [(on,)])

    read_only("on")
    try:
        worker.handle(intake.services, json.dumps({"Records": [intake.put("departments.csv", FILE)]}))
        assert (intake.the_run().state, "25006" in intake.the_run().phase) == (RunState.WAITING, True)
    finally:
        read_only("off")
    [(message, _)] = intake.queue.sent
    assert waits(intake)
    assert converges(intake, json.dumps(message))


def test_a_password_that_is_rotated_in_mid_load_is_fetched_again(server: Server, intake: Loading) -> None:
    """The sessions of the old one are ended, and the app's secret has the new one."""
    known = [server.database.app]
    database = PostgresDatabase(lambda: known[0].connect())

    def rotate() -> None:
        fresh = replace(known[0], password=secrets.token_urlsafe(16))
        with server.database.as_admin() as connection:
            session = PostgresTransaction(connection)
            session.run_script(f"ALTER ROLE {fresh.user} PASSWORD '{fresh.password}'")
            for pid in server.backends():
                session.run("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)
        known[0] = fresh

    intake.postgres = replace(intake.postgres, database=database)
    try:
        message = load_while(intake, "mid copy", rotate)
        assert waits(intake)
        assert converges(intake, message)
    finally:
        database.close()
        with server.database.as_admin() as connection:
            account = server.database.app
            connection.execute_simple(f"ALTER ROLE {account.user} PASSWORD '{account.password}'")


def test_a_full_disk_of_tables_undoes_the_load_until_there_is_room(
    make_database: MakeDatabase, dictionary: Dictionary, tmp_path: Path
) -> None:
    with small_disk(32) as disk, make_database(dictionary) as database:
        name = f"small_{secrets.token_hex(4)}"
        with database.as_admin() as admin:
            place = disk / "tables"
            place.mkdir(mode=0o700)
            SystemAccount.of_server().own(place)
            admin.execute_simple(f"CREATE TABLESPACE {name} LOCATION '{place}'")
            admin.execute_simple(f"ALTER DATABASE {database.app.database} SET TABLESPACE {name}")
        try:
            intake = Loading(database, tmp_path)
            assert database.query("SELECT 1") == [(1,)]  # what a session reads of the catalogue is made before
            fill(disk, leaving=300_000)
            worker.handle(intake.services, json.dumps({"Records": [intake.put("departments.csv", FILE)]}))
            run = intake.the_run()
            assert (run.state, "53100" in run.phase) == (RunState.WAITING, True), run
            free(disk)
            [(message, _)] = intake.queue.sent
            assert waits(intake)
            assert converges(intake, json.dumps(message))
        finally:
            database.database.close()
            with database.as_admin() as admin:
                admin.execute_simple(f"ALTER DATABASE {database.app.database} SET TABLESPACE pg_default")
                admin.execute_simple(f"DROP TABLESPACE {name}")


def test_a_full_disk_of_the_log_stops_the_server_and_loses_nothing(server: Server, intake: Loading) -> None:
    """Postgres panics when it can't write its log, and comes up again once there is room."""
    log = server.postgres.data.resolve() / "cluster" / "pg_wal"
    with small_disk(96) as disk:
        server.postgres.stop()
        moved = disk / "pg_wal"
        shutil.copytree(log, moved)
        for path in (moved, *moved.rglob("*")):
            SystemAccount.of_server().own(path)
        log.rename(log.with_suffix(".before"))
        log.symlink_to(moved)
        try:
            server.again()
            message = load_while(intake, "mid copy", lambda: _use_up(server, disk))
            run = intake.the_run()
            assert run.state is RunState.WAITING
            free(disk)
            with suppress(PostgresError):
                server.postgres.stop()
            server.again()
            with server.database.as_admin() as admin:
                admin.execute_simple("SELECT pg_drop_replication_slot('keeps')")
            assert waits(intake)
            assert converges(intake, message)
        finally:
            server.postgres.stop()
            log.unlink()
            shutil.rmtree(log.with_suffix(".before"))
            shutil.copytree(moved, log)
            for path in (log, *log.rglob("*")):
                SystemAccount.of_server().own(path)
            server.again()


def test_a_full_disk_of_the_worker_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first load fetches the rest of its file ahead; the next worker has a disk of its own."""
    content = b"1,Department\n" * 300_000
    with small_disk(1) as disk, monkeypatch.context() as patch:
        fill(disk)
        patch.setattr(tempfile, "tempdir", str(disk))
        with closing(Content(io.BytesIO(content))) as full:
            fetched = full.fetch()
            with pytest.raises(Unavailable, match="temporary files is full"):
                full.read()
            with pytest.raises(Unavailable, match="temporary files is full"):
                fetched.result()
        free(disk)
    with closing(Content(io.BytesIO(content))) as again:
        assert again.fetch().result() == 300_001
        assert again.read() == content


@pytest.mark.parametrize("looked_for", [False, True], ids=["known folder", "looks for a folder"])
def test_a_load_that_a_full_disk_of_the_worker_keeps_from_its_rows_waits_and_says_so(
    intake: Loading, monkeypatch: pytest.MonkeyPatch, looked_for: bool
) -> None:
    """A process that has made no temporary file yet looks for a folder first, and finds that none takes any."""
    intake.postgres.query("INSERT INTO departments VALUES (1, 'Law')")
    intake.postgres.query("INSERT INTO jobs VALUES (1, 'Clerk')")
    rows = b"".join(b"%d,%s,2021-07-27T16:02:08Z,1,1\n" % (number, b"A" * 3000) for number in range(1, 5001))
    with small_disk(1) as disk, monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", None if looked_for else str(disk))
        patch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(disk)])
        fill(disk)
        intake.deliver(intake.put("hired_employees.csv", rows))
        run = intake.the_run()
        assert (run.state, "disk for temporary files is full" in run.phase) == (RunState.WAITING, True), run
        assert intake.postgres.query("SELECT (SELECT count(*) FROM hired_employees), count(*) FROM decant.runs") == [
            (0, 0)
        ]
    intake.deliver_all()  # a worker with a disk of its own
    run = intake.the_run()
    assert (run.state, run.counts.inserted) == (RunState.SUCCEEDED, 5000)
    assert left_behind(intake.postgres, intake.schema) == []


def _use_up(server: Server, disk: Path) -> None:
    """Fill the log's disk, and have the server want more of it than there is."""
    with server.database.as_admin() as admin, suppress(Exception):  # it goes down in the middle of this
        admin.execute_simple("SELECT pg_create_physical_replication_slot('keeps', true)")
        fill(disk)
        for _ in range(20):
            admin.execute_simple("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 8000000))")


def _answers(server: Server) -> bool:
    try:
        with server.database.as_admin():
            return True
    except Exception:  # noqa: BLE001 - whatever it says, it does not answer
        return False


def _until(met: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return True
