"""The roles of the database, and what each may do.

::

    master          the server's administrator, no superuser (RDS); makes the others and sets passwords
    decant_owner    owns database and tables; nobody logs in as it, a migration takes it on
    decant_app      reads and writes rows, calls the publishing functions, makes temporary tables; no login
    decant_app_1    the app's two logins, members of decant_app. The secret names one, and each rotation gives the other
    decant_app_2    a new password, so that the one in use stays good until everybody has fetched the new one
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from chalicelib.dictionary.names import quote
from chalicelib.ports import Session

OWNER = "decant_owner"
APP = "decant_app"
LOGINS = ("decant_app_1", "decant_app_2")

_ITERATIONS = 4096  # Postgres's own default, scram_iterations


def other_login(user: str) -> str:
    """The login that takes over from ``user`` at the next rotation."""
    return LOGINS[1] if user == LOGINS[0] else LOGINS[0]


def missing(session: Session, database: str) -> list[str]:
    """The statements that the master has to run, each by itself, for roles and database to be there; none when all are.

    ``session`` is the master's, in the maintenance database.
    """
    there = {name for (name,) in session.run("SELECT rolname FROM pg_roles WHERE rolname LIKE 'decant%'")}
    statements = [f"CREATE ROLE {role} NOLOGIN" for role in (OWNER, APP) if role not in there]
    statements += [f"CREATE ROLE {login} LOGIN IN ROLE {APP}" for login in LOGINS if login not in there]
    if OWNER not in there or not session.run("SELECT pg_has_role(current_user, :owner, 'USAGE')", owner=OWNER)[0][0]:
        statements.append(f"GRANT {OWNER} TO CURRENT_USER")
    rows = session.run(
        """SELECT pg_get_userbyid(datdba), EXISTS (
            SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0
        ), EXISTS (
            SELECT FROM aclexplode(datacl) WHERE grantee = to_regrole(:app) AND privilege_type = 'CONNECT'
        ) FROM pg_database WHERE datname = :database""",
        app=APP,
        database=database,
    )
    name = quote(database)
    if not rows:
        statements.append(f"CREATE DATABASE {name} OWNER {OWNER}")
    elif rows[0][0] != OWNER:
        statements.append(f"ALTER DATABASE {name} OWNER TO {OWNER}")
    if not rows or rows[0][1] or not rows[0][2]:
        statements.append(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        statements.append(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {APP}")
    return statements


def usable(session: Session, database: str) -> bool:
    """Whether a database is there, and the session's user may take on the owner's role in it."""
    [(there,)] = session.run(
        """SELECT EXISTS (SELECT FROM pg_database WHERE datname = :database)
        AND EXISTS (SELECT FROM pg_roles WHERE rolname = :owner AND pg_has_role(current_user, oid, 'USAGE'))""",
        database=database,
        owner=OWNER,
    )
    return bool(there)


def set_password(session: Session, login: str, password: str) -> None:
    """Give one of the app's logins a password; the statement, which a server may log, holds its verifier alone."""
    if login not in LOGINS:
        raise ValueError(f"{login} is no login of the application")
    session.run_script(f"ALTER ROLE {login} LOGIN PASSWORD '{scram_verifier(password, secrets.token_bytes(16))}'")


def scram_verifier(password: str, salt: bytes) -> str:
    """What Postgres keeps of a password of ASCII characters.

    See RFC 5803 and https://www.postgresql.org/docs/current/catalog-pg-authid.html.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    client, server = (hmac.digest(salted, key, "sha256") for key in (b"Client Key", b"Server Key"))
    stored = hashlib.sha256(client).digest()
    told = (base64.b64encode(each).decode() for each in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(_ITERATIONS, *told)
