"""What the app's login may do in the database: rows of its tables, and nothing that changes what there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib import migrator, roles
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import DecantError
from chalicelib.postgres import Login, PostgresTransaction, close_connection, session
from infra.local.embedded_postgres import EmbeddedPostgres
from infra.local.schema import MASTER
from tests.administration import administer
from tests.conftest import MakeDatabase, TestDatabase

FORBIDDEN = [
    "CREATE TABLE mine (id int)",
    "CREATE TABLE decant.mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION decant.publish_departments(decant_staged regclass) RETURNS bigint "
    "LANGUAGE sql AS 'SELECT 1::bigint'",
    "CREATE TYPE mine AS (id int)",
    "CREATE SEQUENCE mine",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "CREATE INDEX ON departments (department)",
    "CREATE TRIGGER mine BEFORE INSERT ON departments EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE mine AS ON INSERT TO departments DO INSTEAD NOTHING",
    "CREATE POLICY mine ON departments",
    "ALTER TABLE departments ADD COLUMN mine int",
    "ALTER TABLE departments DISABLE TRIGGER ALL",
    "ALTER TABLE departments OWNER TO decant_app",
    "ALTER TABLE departments RENAME TO mine",
    "ALTER SCHEMA decant RENAME TO mine",
    "ALTER FUNCTION decant.publish_departments(regclass) RESET ALL",
    "ALTER ROLE decant_app_2 PASSWORD 'x'",
    "ALTER ROLE decant_app_1 CREATEROLE",
    "ALTER ROLE decant_owner LOGIN",
    "ALTER ROLE decant_app SET search_path = mine",
    "ALTER SYSTEM SET port = 1",
    "ALTER DEFAULT PRIVILEGES FOR ROLE decant_owner IN SCHEMA public GRANT ALL ON TABLES TO PUBLIC",
    "DROP TABLE departments",
    "DROP SCHEMA decant CASCADE",
    "DROP FUNCTION decant.publish_departments(regclass)",
    "DROP ROLE decant_app",
    "DROP OWNED BY decant_owner",
    "REASSIGN OWNED BY decant_owner TO decant_app",
    "TRUNCATE departments",
    "COMMENT ON TABLE departments IS 'mine'",
    "GRANT decant_owner TO decant_app_1",
    "GRANT decant_app TO decant_owner",
    "SET ROLE decant_owner",
    f"SET ROLE {MASTER}",
    "SET ROLE decant_app_2",
    "SET SESSION AUTHORIZATION decant_owner",
    "SET session_replication_role = replica",
    "SELECT * FROM decant.migrations",
    "DELETE FROM decant.migrations",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "COPY departments TO PROGRAM 'cat'",
    "COPY departments TO '/tmp/mine'",
    "SELECT lo_import('/etc/passwd')",
    "CREATE PUBLICATION mine FOR TABLE departments",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION mine()",
    "VACUUM FULL departments",
]


@pytest.fixture(scope="module")
def refused(make_database: MakeDatabase, dictionary: Dictionary) -> Iterator[TestDatabase]:
    """One database for all attempts, since none changes it."""
    with make_database(dictionary) as database:
        yield database


@pytest.mark.parametrize("sql", FORBIDDEN, ids=lambda sql: " ".join(sql.split()[:3]))
def test_the_app_is_refused(refused: TestDatabase, sql: str) -> None:
    with refused.as_owner() as owner:
        before = PostgresTransaction(owner).run("SELECT count(*), max(oid) FROM pg_class WHERE relpersistence = 'p'")
    told = ""
    connection = refused.app.connect()
    try:
        PostgresTransaction(connection).run_script(sql)
    except DecantError as error:
        told = str(error)
    finally:
        close_connection(connection)
    # VACUUM passes over what is not the caller's with a warning.
    assert "(42501)" in told or sql.startswith("VACUUM"), f"it was allowed, or failed for another reason: {told}"
    with refused.as_owner() as owner:
        after = PostgresTransaction(owner).run("SELECT count(*), max(oid) FROM pg_class WHERE relpersistence = 'p'")
    assert after == before


def test_the_app_does_its_work(postgres: TestDatabase) -> None:
    postgres.query("INSERT INTO departments VALUES (1, 'Sales')")
    postgres.query("UPDATE departments SET department = 'Staff'")
    postgres.query("CREATE TEMP TABLE mine (id int)")
    postgres.query("DELETE FROM departments")
    assert postgres.query("SELECT count(*) FROM decant.runs") == [(0,)]


def test_the_app_may_make_nothing_in_the_database_that_stays(postgres: TestDatabase) -> None:
    told = "has_database_privilege(current_database(), :kind)"
    assert postgres.query(f"SELECT {told}", kind="CREATE") == [(False,)]
    assert postgres.query(f"SELECT {told}", kind="TEMPORARY") == [(True,)]


def test_no_login_is_a_superuser_or_makes_roles_and_the_group_does_not_log_in(postgres: TestDatabase) -> None:
    rows = postgres.query(
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication FROM pg_roles "
        "WHERE rolname LIKE 'decant_app%' ORDER BY rolname"
    )
    assert rows == [(name, False, False, False, False, False) for name in (roles.APP, *roles.LOGINS)]
    assert postgres.query("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'decant_app'") == [(False,)]


@pytest.fixture
def stranger(postgres_server: EmbeddedPostgres, passwords: dict[str, str]) -> Iterator[str]:
    """Another team's database of the same server, made as it wishes."""
    name = "strangers"
    login = Login(postgres_server.host, postgres_server.port, MASTER, passwords[MASTER], "postgres")
    with session(login, "off") as master:
        master.run_script(f"CREATE DATABASE {name}")
        master.run_script(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
        yield name
        master.run_script(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_app_is_not_let_into_another_database_and_nobody_else_into_ours(
    postgres: TestDatabase, stranger: str
) -> None:
    app = postgres.app
    for user, password, database in (
        (app.user, app.password, stranger),
        ("passer_by", "passing", app.database),
    ):
        with postgres.as_admin() as admin:
            if user == "passer_by":
                admin.execute_simple("CREATE ROLE passer_by LOGIN PASSWORD 'passing'")
        with (
            pytest.raises(DecantError, match="permission denied for database"),
            session(Login(app.host, app.port, user, password, database), "off"),
        ):
            pass
    with postgres.as_admin() as admin:
        admin.execute_simple("DROP ROLE passer_by")


def test_a_bare_server_is_brought_up_by_its_master_alone_and_again_changes_nothing(
    postgres_server: EmbeddedPostgres, passwords: dict[str, str]
) -> None:
    administration, _ = administer(
        postgres_server, passwords[MASTER], "brought_up", {"username": roles.LOGINS[1]}
    )  # fmt: skip
    try:
        planned = migrator.handle(administration, {"plan": True})
        assert planned["state"] == "planned"
        assert any("CREATE DATABASE" in statement for statement in planned["preparation"])
        assert [each["name"][:10] for each in planned["migrations"]] == [
            "0001-ledge",
            "0002-parts",
            "dictionary",
            "functions-",
        ]
        assert migrator.handle(administration, {"plan": True}) == planned
        done = migrator.handle(administration, {"by": "tests"})
        assert {**done, "state": "planned"} == planned
        assert administration.accepts(administration.login())
        for event in ({}, {"plan": True}):
            assert migrator.handle(administration, event)["state"] == "unchanged"
    finally:
        with administration.as_master() as master:
            master.run_script("DROP DATABASE IF EXISTS brought_up WITH (FORCE)")


def test_a_dictionary_that_is_yet_to_be_deployed_is_only_planned(
    postgres: TestDatabase, postgres_server: EmbeddedPostgres, passwords: dict[str, str]
) -> None:
    administration, _ = administer(postgres_server, passwords[MASTER], postgres.app.database)
    package = {**postgres.dictionary.package, "resources": list(postgres.dictionary.package["resources"])[:1]}
    refused = migrator.handle(administration, {"plan": True, "dictionary": package})
    assert refused["state"] == "refused"
    assert [each["where"] for each in refused["errors"]] == ["The table jobs", "The table hired_employees"]
    assert migrator.handle(administration, {"dictionary": package})["state"] == "refused"


def test_a_server_that_is_down_is_told(postgres_server: EmbeddedPostgres) -> None:
    administration, _ = administer(postgres_server, "wrong", "decant")
    answer = migrator.handle(administration, {})
    assert (answer["state"], answer["code"]) == ("failed", "unavailable")
