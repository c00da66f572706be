"""What every kind of test may ask for: a real Postgres of its own, and databases in it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.session
import hypothesis
import pg8000
import pytest
from xdist.scheduler import LoadScopeScheduling

from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import load_dictionary
from chalicelib.migrations.apply import migrate
from chalicelib.migrations.own import own_migrations
from chalicelib.postgres import PostgresDatabase, PostgresTransaction, close_connection, prepare_session
from chalicelib.roles import LOGINS, OWNER, missing, set_password
from chalicelib.settings import PACKAGED_DICTIONARY
from infra.local.embedded_postgres import EmbeddedPostgres
from infra.local.schema import MASTER, make_master

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("decant", deadline=None)
hypothesis.settings.load_profile("decant")
# Every session reads megabytes of JSON for its first client. There are hundreds in a test run, so they share it.
botocore.session.create_loader = cache(botocore.session.create_loader)


# Folders whose files share what takes long to start: a browser, an emulator, a whole stack; and the files of them that
# don't: what they need is their own, but for test_package, which makes a package as well and has a second stack for it.
# LocalStack is slow enough that two stacks are done sooner than one.
_WITH_ONE_SETTING = {"browser", "e2e", "torture"}
_BY_THEMSELVES = {
    "test_deploy.py", "test_emulator.py", "test_lint_templates.py", "test_localstack.py", "test_make_up.py",
    "test_package.py", "test_readme.py", "test_runbook.py",
}  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the emulator for the end-to-end tests."""
    usual = os.environ.get("DECANT_EMULATOR") or "ministack"
    parser.addoption("--emulator", choices=["ministack", "localstack"], default=usual, help="for the end-to-end tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is alone with it in the end."""
    items.sort(key=lambda item: {"e2e", "browser", "torture"}.isdisjoint(item.path.parts))


class _Together(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each worker whole files, for what a file sets up; and whole folders, where all files need the same."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder, _, name = file.rpartition("/")
        apart = name in _BY_THEMSELVES or self.config.getoption("emulator") == "localstack"
        return folder if folder.rpartition("/")[2] in _WITH_ONE_SETTING and not apart else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How tests are spread over workers. (``--dist loadgroup`` groups nothing with pytest 9.2: pytest-xdist 1386.)"""
    assert {file.name for file in Path(__file__).parent.glob("e2e/test_*.py")} >= _BY_THEMSELVES
    return _Together(config, log)


APP_LOGIN = LOGINS[0]


@dataclass(frozen=True)
class Account:
    """Where a role finds a database."""

    host: str
    port: int
    user: str
    password: str
    database: str

    def connect(self) -> Any:
        """A new driver connection, its session prepared as the app's is."""
        return prepare_session(
            pg8000.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                database=self.database,
                ssl_context=False,  # or the driver reads all certificates of the system before it asks for none
            )
        )


def connect_url(url: str) -> Any:
    """A new driver connection to where a ``postgresql://`` URL leads."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Account(parts.hostname or "", parts.port or 5432, user, password, parts.path[1:]).connect()


@dataclass(frozen=True, repr=False)
class TestDatabase:
    """A fresh database with the schema of a dictionary. ``database`` works as the app's role does."""

    __test__ = False

    dictionary: Dictionary
    admin: Account
    owner: Account
    app: Account
    database: PostgresDatabase

    def query(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Rows as the app sees them, in a transaction of their own."""
        with self.database.transaction() as transaction:
            return transaction.run(sql, **parameters)

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """All rows of a table, by primary key."""
        key = ", ".join(f'"{name}"' for name in self.dictionary.table(table).primary_key)
        return self.query(f'SELECT * FROM "{table}" ORDER BY {key}')

    def as_owner(self) -> AbstractContextManager[Any]:
        """A driver connection of the owner."""
        return _connected(self.owner)

    def as_admin(self) -> AbstractContextManager[Any]:
        """A driver connection of the server's administrator."""
        return _connected(self.admin)


@contextmanager
def _connected(account: Account) -> Iterator[Any]:
    connection = account.connect()
    try:
        yield connection
    finally:
        close_connection(connection)


MakeDatabase = Callable[[Dictionary], AbstractContextManager[TestDatabase]]


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One Postgres for the whole test run; durability is off, for its data is thrown away."""
    folder = tmp_path_factory.mktemp("postgres")
    settings = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    server = EmbeddedPostgres(folder, settings=settings)
    with server:
        yield server
    server.forget()


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    """The data dictionary that Decant ships with."""
    return load_dictionary(PACKAGED_DICTIONARY)


@pytest.fixture(scope="session")
def passwords(postgres_server: EmbeddedPostgres) -> dict[str, str]:
    """The passwords of the master, the app's login and the owner, as whom only tests log in. None is a superuser."""
    made = {role: secrets.token_urlsafe(16) for role in (MASTER, APP_LOGIN, OWNER)}
    make_master(postgres_server, made[MASTER])
    return made


@pytest.fixture(scope="session")
def make_database(postgres_server: EmbeddedPostgres, passwords: dict[str, str]) -> Iterator[MakeDatabase]:
    """A context manager that makes a database for a dictionary, as a copy of one made before, and drops it."""
    templates: dict[str, str] = {}
    admin = superuser(postgres_server).connect()
    master_connection = Account(
        postgres_server.host, postgres_server.port, MASTER, passwords[MASTER], "postgres"
    ).connect()
    master = PostgresTransaction(master_connection)

    def account(role: str, database: str) -> Account:
        return Account(postgres_server.host, postgres_server.port, role, passwords[role], database)

    def prepare(database: str) -> None:
        for statement in missing(master, database):
            master.run_script(statement)

    def template(dictionary: Dictionary) -> str:
        if dictionary.digest not in templates:
            name = f"template_{secrets.token_hex(6)}"
            prepare(name)
            if not templates:
                set_password(master, APP_LOGIN, passwords[APP_LOGIN])
                admin.execute_simple(f"ALTER ROLE {OWNER} LOGIN PASSWORD '{passwords[OWNER]}'")
            with _connected(account(OWNER, name)) as owner:
                migrate(PostgresTransaction(owner), dictionary, own_migrations(), by="tests")
            templates[dictionary.digest] = name
        return templates[dictionary.digest]

    @contextmanager
    def make(dictionary: Dictionary) -> Iterator[TestDatabase]:
        name = f"test_{secrets.token_hex(6)}"
        admin.execute_simple(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template(dictionary)}")
        prepare(name)
        owner, app = account(OWNER, name), account(APP_LOGIN, name)
        database = PostgresDatabase(app.connect)
        try:
            yield TestDatabase(dictionary, superuser(postgres_server), owner, app, database)
        finally:
            database.close()
            admin.execute_simple(f"DROP DATABASE {name} WITH (FORCE)")

    yield make
    close_connection(master_connection)
    close_connection(admin)


@pytest.fixture
def postgres(make_database: MakeDatabase, dictionary: Dictionary) -> Iterator[TestDatabase]:
    """A fresh database with the tables of the shipped dictionary."""
    with make_database(dictionary) as database:
        yield database


def superuser(server: EmbeddedPostgres) -> Account:
    """The server's administrator."""
    return Account(server.host, server.port, server.superuser, server.superuser_password, "postgres")


def sample_data() -> Path:
    """The folder of the sample files."""
    return Path(__file__).parents[1] / "sample_data"
