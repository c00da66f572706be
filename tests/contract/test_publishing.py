"""The function that publishes a staged load: what it inserts, what it leaves behind, and what it refuses to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.dictionary import publish_function as module
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.publish_function import publish_function, publish_function_name
from chalicelib.errors import DecantError, IntegrityViolation
from chalicelib.ports import Transaction
from chalicelib.publishing import publish_staged
from tests.conftest import MakeDatabase, TestDatabase

COLUMNS = "id integer, name text, datetime timestamptz, department_id integer, job_id integer"
DEPARTMENTS = "INSERT INTO departments SELECT n, 'd' || n FROM generate_series(0, 9) n"
JOBS = "INSERT INTO jobs SELECT n, 'j' || n FROM generate_series(0, 9) n"
PUBLISH = "SELECT decant.publish_hired_employees('pg_temp.mine')"


@pytest.fixture
def employees(postgres: TestDatabase) -> Table:
    """The table, with rows in its parents."""
    postgres.query(DEPARTMENTS)
    postgres.query(JOBS)
    return postgres.dictionary.table("hired_employees")


def stage(transaction: Transaction, first: int, last: int, department: str = "n % 10") -> str:
    """Stage rows of employees with these ids; give the name of the staging table."""
    transaction.run_script(
        f"""CREATE TEMP TABLE IF NOT EXISTS mine ({COLUMNS}) ON COMMIT DELETE ROWS;
        INSERT INTO mine SELECT n, 'Ann', '2021-01-01Z', {department}, n % 10 FROM generate_series({first}, {last}) n;
        GRANT SELECT ON mine TO decant_owner"""
    )
    return "pg_temp.mine"


def schema(postgres: TestDatabase) -> list[tuple[Any, ...]]:
    """Every constraint, index and trigger of the table, by name."""
    return postgres.query(
        """SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
            WHERE conrelid = 'hired_employees'::regclass OR confrelid = 'hired_employees'::regclass
        UNION ALL SELECT indexname, indexdef, true FROM pg_indexes WHERE tablename = 'hired_employees' ORDER BY 1, 2"""
    )


def publish(postgres: TestDatabase, table: Table, first: int, last: int) -> int:
    with postgres.database.transaction() as transaction:
        return publish_staged(transaction, table, stage(transaction, first, last))


def test_rows_go_in_whatever_is_there_and_the_table_is_afterwards_as_it_was(
    postgres: TestDatabase, employees: Table
) -> None:
    before = schema(postgres)
    assert publish(postgres, employees, 1, 20) == 20  # into an empty table
    assert publish(postgres, employees, 11, 60) == 40  # more rows than are there, some of them there already
    assert publish(postgres, employees, 51, 70) == 10  # fewer rows than are there
    assert publish(postgres, employees, 1, 70) == 0
    assert [row[0] for row in postgres.rows("hired_employees")] == list(range(1, 71))
    assert schema(postgres) == before


def test_a_row_without_its_parent_or_with_a_key_twice_is_refused_and_nothing_changes(
    postgres: TestDatabase, employees: Table
) -> None:
    before = schema(postgres)
    for again, constraint in ((40, "pkey"), (0, "department_id")):
        with pytest.raises(IntegrityViolation) as caught, postgres.database.transaction() as transaction:
            stage(transaction, 1, again)
            publish_staged(transaction, employees, stage(transaction, 40, 50, "n % 10" if again else "n"))
        assert constraint in caught.value.constraint
    assert (postgres.rows("hired_employees"), schema(postgres)) == ([], before)


def test_a_parent_keeps_the_key_that_others_refer_to(postgres: TestDatabase, employees: Table) -> None:
    publish(postgres, employees, 1, 5)
    with postgres.database.transaction() as transaction:
        transaction.run_script(
            """CREATE TEMP TABLE more (id integer, department text);
            INSERT INTO more SELECT n, 'd' FROM generate_series(0, 50) n; GRANT SELECT ON more TO decant_owner"""
        )
        assert publish_staged(transaction, postgres.dictionary.table("departments"), "pg_temp.more") == 41


def test_a_view_that_needs_the_key_stays(postgres: TestDatabase, employees: Table) -> None:
    with postgres.as_owner() as owner:
        owner.execute_simple("CREATE VIEW public.named AS SELECT id, name FROM hired_employees GROUP BY id")
    assert publish(postgres, employees, 1, 20) == 20
    assert postgres.query("SELECT count(*) FROM named") == [(20,)]


def test_a_table_of_the_owner_in_the_own_schema_is_read_as_well(postgres: TestDatabase, employees: Table) -> None:
    with postgres.as_owner() as owner:
        owner.execute_simple(f"CREATE UNLOGGED TABLE decant.staged_rows ({COLUMNS})")
        owner.execute_simple("INSERT INTO decant.staged_rows VALUES (1, 'Ann', now(), 1, 1)")
    with postgres.database.transaction() as transaction:
        assert publish_staged(transaction, employees, "decant.staged_rows") == 1


@pytest.mark.parametrize(("constant", "value"), [("MOST_ROWS", 20), ("_LEAST_PART", 0)])
def test_a_table_in_use_is_not_kept_from_its_readers_for_long_nor_for_little(
    postgres: TestDatabase, employees: Table, monkeypatch: pytest.MonkeyPatch, constant: str, value: int
) -> None:
    monkeypatch.setattr(module, constant, value)
    with postgres.as_owner() as owner:
        owner.execute_simple(publish_function(employees))

    def published(first: int, last: int) -> int | None:
        with postgres.database.transaction() as transaction:
            stage(transaction, first, last)
            [(inserted,)] = transaction.run(PUBLISH)
            return inserted if inserted is None else int(inserted)

    assert published(1, 30) == 30  # nobody waits for the rows of an empty table
    assert published(31, 60) is None
    assert publish(postgres, employees, 31, 60) == 30


def test_no_function_of_others_runs_with_the_owner_s_rights(postgres: TestDatabase, employees: Table) -> None:
    with postgres.as_owner() as owner:
        owner.execute_simple(
            """CREATE FUNCTION public.pg_relation_size(text) RETURNS bigint LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''it ran''; END'"""
        )
    assert publish(postgres, employees, 1, 20) == 20


@pytest.mark.parametrize("schema", ["public", "decant"])
def test_nobody_else_may_create_where_the_tables_are(postgres: TestDatabase, schema: str) -> None:
    assert postgres.query(f"SELECT has_schema_privilege('public', '{schema}', 'CREATE')") == [(False,)]
    assert postgres.query(f"SELECT has_schema_privilege('{schema}', 'CREATE')") == [(False,)]


EVIL = """CREATE FUNCTION pg_temp.evil() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN IF current_user = ''decant_owner'' THEN RAISE EXCEPTION ''it ran''; END IF; RETURN true; END';"""
ATTACKS = {
    "a view": "CREATE TEMP VIEW mine AS SELECT * FROM real WHERE pg_temp.evil()",
    "a row's policy": """CREATE TEMP TABLE mine (LIKE real); ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON mine USING (pg_temp.evil())""",
    "a partial index": "CREATE TEMP TABLE mine (LIKE real); CREATE INDEX ON mine (id) WHERE pg_temp.evil()",
    "an index of an expression": "CREATE TEMP TABLE mine (LIKE real); CREATE INDEX ON mine ((id + 1))",
    "statistics of an expression": "CREATE TEMP TABLE mine (LIKE real);"
    "CREATE STATISTICS pg_temp.s ON (id + 1), (job_id + 1) FROM mine",
    "partitions": f"CREATE TEMP TABLE mine ({COLUMNS}) PARTITION BY RANGE (id)",
}  # fmt: skip
OTHER_COLUMNS = {
    "a type with a cast": """CREATE TYPE pg_temp.odd AS (i integer);
        CREATE FUNCTION pg_temp.as_integer(pg_temp.odd) RETURNS integer LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_temp.evil(); RETURN 1; END';
        CREATE CAST (pg_temp.odd AS integer) WITH FUNCTION pg_temp.as_integer AS ASSIGNMENT;
        CREATE TEMP TABLE mine (LIKE real); ALTER TABLE mine DROP id, ADD id pg_temp.odd;
        INSERT INTO mine (id, name, datetime, department_id, job_id) VALUES (ROW(1), 'Ann', now(), 1, 1)""",
    "a domain": "CREATE DOMAIN pg_temp.odd AS integer; CREATE TEMP TABLE mine (LIKE real);"
    "ALTER TABLE mine ALTER id TYPE pg_temp.odd",
    "a generated column": "CREATE TEMP TABLE mine (LIKE real); ALTER TABLE mine DROP id,"
    " ADD id integer GENERATED ALWAYS AS (job_id + 1) STORED",
    "a column less": "CREATE TEMP TABLE mine (LIKE real); ALTER TABLE mine DROP job_id",
}  # fmt: skip


@pytest.fixture(scope="module")
def attacked(make_database: MakeDatabase, dictionary: Dictionary) -> Iterator[TestDatabase]:
    """One database for all attempts, since none changes it."""
    with make_database(dictionary) as database:
        database.query(DEPARTMENTS)
        database.query(JOBS)
        yield database


@pytest.fixture
def attack(attacked: TestDatabase) -> Iterator[Transaction]:
    """A transaction in a session of its own."""
    with attacked.database.transaction() as transaction:
        yield transaction
        transaction.run("ROLLBACK")
    attacked.database.close()


@pytest.mark.parametrize("sql", ATTACKS.values(), ids=ATTACKS)
def test_nothing_of_the_caller_runs_with_the_owners_rights(attack: Transaction, sql: str) -> None:
    attack.run_script(f"CREATE TEMP TABLE real ({COLUMNS}); {EVIL} {sql}; GRANT SELECT ON mine TO decant_owner")
    with pytest.raises(DecantError, match="mine is no plain staging table"):
        attack.run(PUBLISH)


@pytest.mark.parametrize("sql", OTHER_COLUMNS.values(), ids=OTHER_COLUMNS)
def test_rows_of_other_types_go_in_with_the_callers_own_rights_if_at_all(attack: Transaction, sql: str) -> None:
    attack.run_script(f"CREATE TEMP TABLE real ({COLUMNS}); {EVIL} {sql}; GRANT SELECT ON mine TO decant_owner")
    assert attack.run(PUBLISH) == [(None,)]


def test_a_table_of_another_place_is_refused(attack: Transaction) -> None:
    with pytest.raises(DecantError, match="jobs is no plain"):
        attack.run("SELECT decant.publish_jobs('public.jobs')")


def test_the_function_of_before_is_gone_after_a_migration(attacked: TestDatabase) -> None:
    name = publish_function_name(attacked.dictionary.table("jobs")).replace('"', "")
    assert attacked.query("SELECT CAST(to_regprocedure(:name) AS text)", name=f"{name}()") == [(None,)]
