"""The counts that metrics are read from: exact and without waiting, made, made anew and dropped, and by whom."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chalicelib.backup.drill import drill
from chalicelib.backup.restore import restore
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.dictionary.rollup import Rollup
from chalicelib.errors import DecantError
from chalicelib.migrations import apply
from chalicelib.migrations.apply import migrate
from chalicelib.migrations.own import own_migrations
from chalicelib.postgres import PostgresTransaction, close_connection
from chalicelib.storage import FolderStorage
from tests.conftest import MakeDatabase, TestDatabase
from tests.contract.backup_support import NOW, fill_company, quiet, take
from tests.fakes import FakeCatalog
from tests.plain_metrics import DIFFERENCES

INSERT = "INSERT INTO hired_employees VALUES (:id, 'Ann', CAST(:moment AS timestamptz), :department, :job)"
PARENTS = (
    "INSERT INTO departments SELECT n, 'D' || n % 3 FROM generate_series(1, 4) n",
    "INSERT INTO jobs SELECT n, 'J' || n % 2 FROM generate_series(1, 3) n",
)


def pair(postgres: TestDatabase) -> None:
    """One department and job to hire into."""
    with postgres.as_owner() as owner:
        for sql in PARENTS:
            PostgresTransaction(owner).run(sql)


def exact(postgres: TestDatabase) -> None:
    """Hold the counts against the rows, in one statement and so in one snapshot."""
    assert postgres.query(DIFFERENCES) == []


def total(postgres: TestDatabase) -> int:
    [(hires,)] = postgres.query("SELECT coalesce(sum(q1 + q2 + q3 + q4), 0) FROM decant.hires")
    return int(hires)


@pytest.fixture
def sessions(postgres: TestDatabase) -> Iterator[Callable[[], PostgresTransaction]]:
    """More sessions of the app, closed at the end."""
    pair(postgres)
    with ExitStack() as stack:

        def another() -> PostgresTransaction:
            connection = postgres.app.connect()
            stack.callback(close_connection, connection)
            session = PostgresTransaction(connection)
            session.run("SET lock_timeout = '1ms'")  # nobody waits here
            return session

        yield another


Sessions = Callable[[], PostgresTransaction]


def hire(session: PostgresTransaction, number: int) -> None:
    session.run(INSERT, id=number, moment="2021-05-05T00:00:00Z", department=1, job=1)


def test_who_writes_the_same_count_as_others_does_not_wait(postgres: TestDatabase, sessions: Sessions) -> None:
    writers = [sessions() for _ in range(5)]
    for number, each in enumerate(writers):
        each.run("BEGIN")
        hire(each, number)
        assert each.run(DIFFERENCES) == []
    for each in writers:
        each.run("COMMIT")
    exact(postgres)
    assert total(postgres) == 5


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_writer_with_an_older_snapshot_writes_too(postgres: TestDatabase, sessions: Sessions, isolation: str) -> None:
    older, other = sessions(), sessions()
    hire(other, 0)
    older.run(f"BEGIN ISOLATION LEVEL {isolation}")
    older.run("SELECT count(*) FROM jobs")
    hire(other, 1)  # the count that the older one sees is another by now
    hire(older, 2)
    assert older.run(DIFFERENCES) == []
    older.run("COMMIT")
    exact(postgres)
    assert total(postgres) == 3


def test_threads_that_write_at_once_never_wait_and_lose_nothing(postgres: TestDatabase) -> None:
    pair(postgres)
    batches, rows = 30, 20
    sql = """INSERT INTO hired_employees SELECT n, 'Ann', timestamptz '2021-01-01Z' + n % 5 * interval '80 days',
        n % 4 + 1, n % 3 + 1 FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n"""
    over = threading.Event()

    def write(writer_: int) -> None:
        connection = postgres.app.connect()
        session = PostgresTransaction(connection)
        session.run("SET lock_timeout = '5s'")
        for batch in range(batches):
            first = (writer_ * batches + batch) * rows
            session.run(sql, first=first, last=first + rows - 1)
            if batch % 3 == 0:
                session.run("UPDATE hired_employees SET job_id = 1 WHERE id = :id", id=first)
                session.run("DELETE FROM hired_employees WHERE id = :id", id=first + 1)
        close_connection(connection)

    def read() -> int:
        connection = postgres.app.connect()
        session, reads = PostgresTransaction(connection), 0
        while not over.is_set():
            assert session.run(DIFFERENCES) == []
            reads += 1
        close_connection(connection)
        return reads

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(read)
        try:
            for each in [pool.submit(write, number) for number in range(4)]:
                each.result(timeout=60)
        finally:
            over.set()
        assert reader.result(timeout=60) > 0
    exact(postgres)
    assert total(postgres) == 4 * (batches * rows - len(range(0, batches, 3)))


def test_what_writers_beside_each_other_left_is_moved_together(postgres: TestDatabase, sessions: Sessions) -> None:
    first, second = sessions(), sessions()
    first.run("BEGIN")
    hire(first, 0)
    hire(second, 1)
    first.run("COMMIT")
    assert postgres.query("SELECT slot FROM decant.hires ORDER BY slot") == [(0,), (1,)]
    first.run("SELECT setseed(0.5)")  # in which of the next statements it happens is chance
    first.run(
        """DO $$ BEGIN FOR n IN 2..2001 LOOP
            INSERT INTO hired_employees VALUES (n, 'Ann', '2021-05-05Z', 1, 1);
        END LOOP; END $$"""
    )
    assert postgres.query("SELECT slot, q2 FROM decant.hires") == [(0, 2002)]


def test_a_table_that_is_published_to_others_can_be_written(postgres: TestDatabase, sessions: Sessions) -> None:
    with postgres.as_owner() as owner:
        owner.execute_simple("CREATE PUBLICATION everything FOR TABLE hired_employees, decant.hires")
    session = sessions()
    hire(session, 1)
    hire(session, 2)
    session.run("UPDATE hired_employees SET datetime = '2021-08-05Z' WHERE id = 1")
    session.run("DELETE FROM hired_employees WHERE id = 2")
    assert postgres.query("SELECT q2, q3 FROM decant.hires") == [(0, 1)]
    with postgres.as_owner() as owner:
        assert PostgresTransaction(owner).run("SELECT decant.rebuild_hires()") == [(0,)]


def test_an_update_that_changes_nothing_that_is_counted_writes_nothing(
    postgres: TestDatabase, sessions: Sessions
) -> None:
    session = sessions()
    hire(session, 1)
    before = postgres.query("SELECT ctid::text, xmin::text FROM decant.hires")
    session.run("UPDATE hired_employees SET name = 'Bo', datetime = datetime + interval '1 day'")
    session.run("UPDATE hired_employees SET id = 7 WHERE false")
    assert postgres.query("SELECT ctid::text, xmin::text FROM decant.hires") == before


def test_moments_that_no_year_has_are_let_in_and_counted_nowhere(postgres: TestDatabase, sessions: Sessions) -> None:
    session = sessions()
    moments = (
        "infinity",
        "-infinity",
        "0044-03-15 00:00:00+00 BC",
        "12021-01-01 00:00:00+00",
        "0001-01-01 00:00:00+00",
    )
    for number, moment in enumerate(moments):
        session.run(INSERT, id=number, moment=moment, department=1, job=1)
    exact(postgres)
    assert postgres.query("SELECT year, q1 FROM decant.hires") == [(1, 1)]
    session.run("DELETE FROM hired_employees")
    assert total(postgres) == 0


def test_a_drill_and_a_dry_run_leave_no_trace(postgres: TestDatabase, tmp_path: Path) -> None:
    fill_company(postgres)
    storage: Any = FolderStorage(tmp_path)
    backups = take(postgres, storage, FakeCatalog())
    postgres.query("DELETE FROM hired_employees WHERE id < 5")
    before = postgres.query("SELECT ctid::text, h.* FROM decant.hires h ORDER BY 1")
    drill(postgres.database, storage, postgres.dictionary, backups, progress=quiet)
    restore(postgres.database, storage, postgres.dictionary, backups,
            run_id="r", started=NOW, dry_run=True, progress=quiet)  # fmt: skip
    assert postgres.query("SELECT ctid::text, h.* FROM decant.hires h ORDER BY 1") == before


# Made, made anew, dropped


def test_a_database_with_rows_gets_its_counts_when_it_is_migrated(
    make_database: MakeDatabase, dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_database(dictionary) as postgres, postgres.as_owner() as connection:
        owner = PostgresTransaction(connection)
        monkeypatch.setattr(apply, "ROLLUPS", [Rollup("hires", "hired_employees", "datetime", ("nosuch",))])
        migrate(owner, dictionary, own_migrations(), by="tests")
        assert owner.run("SELECT to_regclass('decant.hires')") == [(None,)]
        assert owner.run("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE '%hires%'") == [(0,)]
        fill_company(postgres)
        monkeypatch.undo()
        migrate(owner, dictionary, own_migrations(), by="tests")
        exact(postgres)
        assert total(postgres) == 40
        postgres.query("DELETE FROM hired_employees WHERE id < 7")
        exact(postgres)
        made = owner.run("SELECT CAST(to_regclass('decant.hires') AS oid)")
        monkeypatch.setattr(apply, "functions_and_grants", lambda *_: ["SELECT 1"])
        assert migrate(owner, dictionary, own_migrations(), by="tests").migrations
        assert owner.run("SELECT CAST(to_regclass('decant.hires') AS oid)") == made


def test_a_wider_column_is_counted_as_before(make_database: MakeDatabase, dictionary: Dictionary) -> None:
    package = copy.deepcopy(dict(dictionary.package))
    for resource, field in ((0, 0), (2, 3)):
        package["resources"][resource]["schema"]["fields"][field]["constraints"]["maximum"] = 2**40
    with make_database(dictionary) as postgres, postgres.as_owner() as connection:
        fill_company(postgres)
        migrate(PostgresTransaction(connection), parse_dictionary(package), own_migrations(), by="tests")
        postgres.query("INSERT INTO departments VALUES (CAST(2 ^ 40 AS bigint), 'Far')")
        postgres.query(INSERT, id=99, moment="2021-05-05T00:00:00Z", department=2**40, job=7)
        exact(postgres)
        assert total(postgres) == 41


def test_counts_that_were_falsified_by_the_owner_are_found_and_put_right(postgres: TestDatabase) -> None:
    fill_company(postgres)
    with postgres.as_owner() as connection:
        owner = PostgresTransaction(connection)
        owner.run("ALTER TABLE hired_employees DISABLE TRIGGER USER")
        owner.run("DELETE FROM hired_employees WHERE department_id = 1")
        owner.run("UPDATE decant.hires SET q4 = q4 + 1 WHERE department_id = 2")
        assert owner.run("SELECT decant.rebuild_hires() > 1") == [(True,)]
        exact(postgres)
    postgres.query("DELETE FROM hired_employees WHERE department_id = 2")
    exact(postgres)


# Who may


FORBIDDEN = [
    "INSERT INTO decant.hires (year, slot, q1, q2, q3, q4) VALUES (2021, 0, 1, 1, 1, 1)",
    "UPDATE decant.hires SET q1 = 0",
    "DELETE FROM decant.hires",
    "TRUNCATE decant.hires",
    "LOCK TABLE decant.hires IN ACCESS EXCLUSIVE MODE",
    "DROP TABLE decant.hires",
    "SELECT decant.rebuild_hires()",
    "ALTER TABLE hired_employees DISABLE TRIGGER decant_hires_insert",
    "DROP TRIGGER decant_hires_insert ON hired_employees",
    """CREATE TEMP TABLE mine (LIKE hired_employees); CREATE TRIGGER mine AFTER INSERT ON mine
    REFERENCING NEW TABLE AS decant_new EXECUTE FUNCTION decant.count_hires()""",
]


@pytest.mark.parametrize("sql", FORBIDDEN, ids=lambda sql: " ".join(sql.split()[:3]))
def test_the_app_can_not_falsify_them(postgres: TestDatabase, sql: str) -> None:
    with pytest.raises(DecantError, match="42501"), postgres.database.transaction() as transaction:
        transaction.run_script(sql)


def test_no_object_of_the_caller_is_taken_for_one_of_the_system_s(postgres: TestDatabase, sessions: Sessions) -> None:
    session = sessions()
    session.run_script(
        """CREATE TEMP TABLE hires (LIKE decant.hires); CREATE TEMP TABLE decant_new (LIKE hired_employees);
        CREATE FUNCTION pg_temp.date_part(text, timestamptz) RETURNS float LANGUAGE sql AS 'SELECT 1999::float';
        CREATE FUNCTION pg_temp.random() RETURNS float LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$run$$; END';
        SET search_path = pg_temp, public, pg_catalog; SET timezone = 'Pacific/Kiritimati'"""
    )
    hire(session, 1)
    exact(postgres)
    assert postgres.query("SELECT year FROM decant.hires") == [(2021,)]
