"""The database of the local stack: its roles, the database itself, and the dictionary's tables."""

import json
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pg8000.dbapi

from chalicelib.dictionary.ddl import create_schema_statements
from chalicelib.dictionary.package import load_dictionary
from infra.local.embedded_postgres import EmbeddedPostgres
from infra.local.record import StackError

DATABASE = "decant"
OWNER = "decant_owner"
APP = "decant_app"


@dataclass(frozen=True)
class Passwords:
    """The passwords of the owner of the tables and of the application's role."""

    owner: str
    app: str

    @classmethod
    def kept_in(cls, file: Path) -> "Passwords":
        """Give the passwords in `file`, making them at first."""
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(json.dumps(asdict(cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24)))))
        return cls(**json.loads(file.read_text()))


def prepare_database(server: EmbeddedPostgres, passwords: Passwords, dictionary: Path) -> None:
    """Make the roles, the database and the dictionary's tables; what is there stays as it is.

    The owner makes the tables. The application's role reads and writes rows and makes temporary tables, nothing else.
    Raises StackError when a table is there that was made from another dictionary.
    """
    with _cursor(server, server.superuser, server.superuser_password, "postgres", autocommit=True) as cursor:
        for role, password in ((OWNER, passwords.owner), (APP, passwords.app)):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
            verb = "ALTER" if cursor.fetchall() else "CREATE"
            cursor.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{password}'")  # made here, of letters, digits, - and _
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
        if not cursor.fetchall():
            cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        cursor.execute(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")
        cursor.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APP}")
    with _cursor(server, OWNER, passwords.owner, DATABASE) as cursor:
        for statement in create_schema_statements(load_dictionary(dictionary), APP):
            try:
                cursor.execute(statement)
            except pg8000.dbapi.DatabaseError as error:
                told = error.args[0]
                hint = f"{told.get('H', '')} `make reset` forgets all data of this stack.".lstrip()
                raise StackError(f"The database does not take the data dictionary: {told['M']}. {hint}") from error


@contextmanager
def _cursor(
    server: EmbeddedPostgres, user: str, password: str, database: str, *, autocommit: bool = False
) -> Iterator[Any]:
    """Give a cursor whose work is committed at the end, and rolled back when the block raises."""
    connection = pg8000.dbapi.connect(
        user=user, password=password, host=server.host, port=server.port, database=database
    )
    connection.autocommit = autocommit
    with closing(connection), closing(connection.cursor()) as cursor:
        yield cursor
        if not autocommit:
            connection.commit()
