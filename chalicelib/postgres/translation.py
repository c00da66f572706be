"""The driver's errors ─▶ ours. SQLSTATE → error stands here alone."""

from __future__ import annotations

import logging
import re
import ssl
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from chalicelib.errors import DecantError, IntegrityViolation, Unavailable

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

# https://www.postgresql.org/docs/current/errcodes-appendix.html: states after which the same work may succeed.
# 26000: something between us and the server has thrown our prepared statements away.
_RETRYABLE = re.compile(r"08...|26000|4000[013]|40P01|53...|55P03|57014|57P0.|25006|25P0[34]|58030")
_WRONG_PASSWORD = ("28P01", "28000")
# A column, a table or a function is not there: between the deployment of a dictionary and its migration that is normal.
_NOT_MIGRATED = ("42703", "42P01", "42883")
# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH.
_CERTIFICATE = {
    9: "it is not valid yet",
    10: "it has expired",
    62: "it is of another name",
    64: "it is of another name",
}
_UNKNOWN_ISSUER = "its issuer is not known"


class WrongPassword(Unavailable):
    """The server does not take the password, or does not know the user."""


def execute(connection: Any, sql: str, parameters: dict[str, Any]) -> list[Any]:
    """Run one statement with named parameters over a pg8000 connection; return its rows."""

    def work() -> list[Any]:
        cursor = connection.cursor()
        cursor.paramstyle = "named"
        cursor.execute(sql, parameters)
        return list(cursor.fetchall()) if cursor.description else []

    return translated(work)


def execute_copy(connection: Any, sql: str, stream: Any) -> int:
    """Run a COPY that reads from or writes to a stream; return how many rows Postgres says it was."""

    def work() -> int:
        cursor = connection.cursor()
        cursor.paramstyle = "named"  # in the others a % would stand for a parameter
        cursor.execute(sql, {}, stream=stream)
        return int(cursor.rowcount)

    return translated(work)


def translated(work: Callable[[], Result]) -> Result:
    """Call ``work``, turning the driver's errors into ours."""
    import pg8000

    handled = sys.exception()
    try:
        return work()
    except pg8000.DatabaseError as error:
        raise _told_by_the_server(error) from error
    except ssl.SSLCertVerificationError as error:
        logger.error("the certificate of the database is not accepted: %s", error.verify_message)  # noqa: TRY400 - told here, and once
        raise Unavailable(
            f"The certificate of the database is not accepted: {_CERTIFICATE.get(error.verify_code, _UNKNOWN_ISSUER)}.",
            hint="Connect by the name that the certificate is for, and keep chalicelib/rds-roots.pem up to date.",
        ) from error
    except (pg8000.InterfaceError, OSError) as error:
        # Closing a login that was refused may fail itself, and must not hide why it was.
        if refusal := _earlier(error, pg8000.DatabaseError, handled):
            raise _told_by_the_server(refusal) from error
        if "Server refuses SSL" in str(error):
            raise Unavailable(
                "The database speaks no TLS, and without it nothing is sent.", hint="Turn TLS on in the server."
            ) from error
        raise Unavailable("The database can't be reached.", hint="Try again in a moment.") from error


def _earlier(error: BaseException, kind: type[Exception], until: BaseException | None) -> Exception | None:
    """The error of this kind that was being handled when this one came, but not before ``until`` was."""
    before = error.__context__
    while before is not None and before is not until:
        if isinstance(before, kind):
            return before
        before = before.__context__
    return None


def _told_by_the_server(error: Exception) -> DecantError:
    fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    state = fields.get("C", "")
    if state.startswith("23"):
        return IntegrityViolation(
            f"{fields.get('M', 'A constraint was violated')}. {fields.get('D', '')}".strip(),
            constraint=fields.get("n", ""),
            sqlstate=state,
        )
    if state in _WRONG_PASSWORD:
        return WrongPassword(f"The database refuses the login ({state}).", hint="Try again.")
    if _RETRYABLE.fullmatch(state):
        return Unavailable(f"The database is busy or was interrupted ({state}).", hint="Try again.")
    if state in _NOT_MIGRATED:
        logger.warning("the database lacks what a statement names (%s)", state)
        return Unavailable(
            f"The database is not what this version expects ({state}).",
            hint="Try again when it has been migrated (`make migrate`).",
        )
    return DecantError(f"The database refused a statement: {fields.get('M', error)} ({state}).")
