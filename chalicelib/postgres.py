"""Postgres through awswrangler: connections, transactions, COPY.

``awswrangler.postgresql.connect`` reads the Secrets Manager secret and returns a pg8000 connection. It is kept warm
from one invocation to the next, and replaced when the server has closed it or the secret has been rotated.
"""

from __future__ import annotations

import io
import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.csv as pa_csv
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.dictionary.names import quote_all
from chalicelib.errors import DecantError, IntegrityViolation, Unavailable

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

# https://www.postgresql.org/docs/current/errcodes-appendix.html: states after which the same work may succeed.
_RETRYABLE = re.compile(r"08...|40001|40P01|53...|55P03|57014|57P0.|25006|25P0[34]|58030")
_WRONG_PASSWORD = ("28P01", "28000")
# A column, a table or a function is not there: between the deployment of a dictionary and its migration that is normal.
_NOT_MIGRATED = ("42703", "42P01", "42883")
_ROOTS = Path(__file__).with_name("rds-roots.pem")
# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH.
_CERTIFICATE = {
    9: "it is not valid yet",
    10: "it has expired",
    62: "it is of another name",
    64: "it is of another name",
}
_UNKNOWN_ISSUER = "its issuer is not known"
_COPY_BLOCK_ROWS = 8_192
_CONNECT_SECONDS = 10

# Times are pinned to UTC. The rest keeps a lost peer from holding locks, or from keeping us: whoever meets a lock that
# is kept long gives up and is tried again, and the server ends what a client that died or vanished has left open.
_SESSION = """
SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET search_path = public, pg_temp;
SET lock_timeout = '8s'; SET idle_in_transaction_session_timeout = '5min';
SET tcp_keepalives_idle = 240; SET tcp_keepalives_interval = 15; SET tcp_keepalives_count = 4
"""
# The same from our side. A packet that nobody acknowledges for so long, in milliseconds, means a dead connection: an
# environment that was frozen for a while does not learn otherwise that the network forgot it. Linux has the names.
_SOCKET = {"TCP_NODELAY": 1, "TCP_USER_TIMEOUT": 20_000, "TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class PostgresDatabase:
    """A database reached over one warm connection, opened when it is first needed.

    ``connect`` returns a new pg8000 connection, in which every session setting is already right.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._connection: Any = None
        self._taken = False

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[PostgresTransaction]:
        """See ``ports.Database``. There is one at a time: Postgres would let an inner one commit the outer one."""
        if self._taken:
            raise DecantError("A transaction was begun within another.")
        transaction = PostgresTransaction(self._begin(snapshot))
        self._taken = True
        try:
            yield transaction
            transaction.run("COMMIT")
        except BaseException as error:
            self._roll_back(transaction, error)
            raise
        finally:
            self._taken = False

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            close_connection(connection)

    def _begin(self, snapshot: bool) -> Any:
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ" if snapshot else "BEGIN"
        if self._connection is not None:
            try:
                _execute(self._connection, begin, {})
            except Unavailable:
                logger.info("the warm connection is dead; opening another")
                self.close()
            else:
                return self._connection
        connection = self._open()
        _execute(connection, begin, {})
        self._connection = connection
        return connection

    def _open(self) -> Any:
        try:
            return _translated(self._connect)
        except WrongPassword:
            logger.info("the password is refused; it may have been rotated, so it is fetched once more")
            return _translated(self._connect)

    def _roll_back(self, transaction: PostgresTransaction, error: BaseException) -> None:
        """Roll back, and keep the connection only when the error does not make it doubtful.

        An interruption may lie in the connection (a server that is read-only since a failover), and an exception from
        anywhere may have left an answer in it that would be taken for the next one's. Without it the server rolls back.
        """
        if isinstance(error, DecantError) and not error.retryable:
            with suppress(DecantError):  # the error that led here is the one to tell
                transaction.run("ROLLBACK")
                return
        self.close()


class PostgresTransaction:
    """See ``ports.Transaction``."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """See ``ports.Transaction``."""
        return [tuple(row) for row in _execute(self._connection, sql, parameters)]

    def run_script(self, sql: str) -> None:
        """See ``ports.Transaction``."""
        _translated(lambda: self._connection.execute_simple(sql))

    def copy_in(self, relation: str, rows: Iterable[pa.Table]) -> int:
        """See ``ports.Transaction``. The rows' tables share one schema."""
        iterator = iter(rows)
        first = next(iterator, None)
        if first is None:
            return 0
        sent = 0

        def blocks() -> Iterator[bytes]:
            nonlocal sent
            table: pa.Table | None = first
            while table is not None:
                for batch in table.to_batches(max_chunksize=_COPY_BLOCK_ROWS):
                    sent += batch.num_rows
                    yield _csv(batch)
                table = next(iterator, None)

        statement = f"COPY {relation} ({quote_all(first.column_names)}) FROM STDIN (FORMAT csv)"
        _execute(self._connection, statement, {}, stream=_Guarded(blocks(), self._abandon))
        return sent

    def read(self, query: str, schema: pa.Schema) -> pa.Table:
        """See ``ports.Transaction``."""
        buffer = io.BytesIO()
        _execute(self._connection, f"COPY ({query}) TO STDOUT (FORMAT csv)", {}, stream=buffer)
        if buffer.tell() == 0:
            return schema.empty_table()
        buffer.seek(0)
        return pa_csv.read_csv(
            buffer,
            read_options=pa_csv.ReadOptions(column_names=schema.names, use_threads=False),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types={each.name: each.type for each in schema},
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        ).cast(schema)

    def _abandon(self) -> None:
        # pg8000 can't end a COPY that our side gave up: the server waits for more. Closing the socket rolls it back.
        close_connection(self._connection)


class WrongPassword(Unavailable):
    """The server does not take the password, or does not know the user."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user, and the database it logs in to."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str = ""


class _Guarded:
    """An iterable for pg8000's COPY that tells ``abandon`` when it raises."""

    def __init__(self, blocks: Iterator[bytes], abandon: Callable[[], None]) -> None:
        self._blocks = blocks
        self._abandon = abandon

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._blocks
        except BaseException:
            self._abandon()
            raise


def connect_with_secret(secret: str, tls: str) -> Any:
    """Open a connection with the credentials of a Secrets Manager secret, for sessions pinned to UTC.

    ``tls`` is ``verify-full`` or ``off``.
    """
    import awswrangler  # takes a second to import, which a route without the database should not pay

    try:
        connection = awswrangler.postgresql.connect(
            secret_id=secret, ssl_context=tls_context(tls), timeout=_CONNECT_SECONDS
        )
    except (BotoCoreError, ClientError) as error:
        # AWS's own message would name the role, the secret and the account to whoever asks the API.
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        raise Unavailable(f"The secret of the database can't be read ({code}).") from error
    return prepare_session(connection)


@contextmanager
def session(login: Login, tls: str) -> Iterator[PostgresTransaction]:
    """A session of its own, each of whose statements commits by itself unless one begins a transaction.

    Raises WrongPassword, and Unavailable when the server can't be reached or its certificate is not accepted.
    """
    import pg8000

    def connect() -> Any:
        connection = pg8000.connect(
            host=login.host,
            port=login.port,
            user=login.user,
            password=login.password,
            database=login.database,
            ssl_context=tls_context(tls) or False,
            timeout=_CONNECT_SECONDS,
        )
        return prepare_session(connection)

    connection = _translated(connect)
    try:
        yield PostgresTransaction(connection)
    finally:
        close_connection(connection)


@cache
def tls_context(tls: str) -> ssl.SSLContext | None:
    """What a certificate must be for ``verify-full``: of the server's name, and of a root of RDS or of the system's.

    RDS has roots of its own; RDS Proxy's certificates are of public ones. None for ``off``.
    """
    if tls == "off":
        return None
    context = ssl.create_default_context(cafile=str(_ROOTS))  # checks the name
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def prepare_session(connection: Any) -> Any:
    """Set what every session needs, and return the connection."""
    # Without TCP_NODELAY each statement may wait 40 ms for a delayed acknowledgement; pg8000 has no public way to it.
    plain_socket = connection._usock
    plain_socket.settimeout(None)
    for name, value in _SOCKET.items():
        if hasattr(socket, name):
            plain_socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    connection.autocommit = True
    connection.execute_simple(_SESSION)
    return connection


def _execute(connection: Any, sql: str, parameters: dict[str, Any], stream: Any = None) -> list[Any]:
    def work() -> list[Any]:
        cursor = connection.cursor()
        cursor.paramstyle = "named"
        cursor.execute(sql, parameters, stream=stream)
        return list(cursor.fetchall()) if cursor.description else []

    return _translated(work)


def _translated(work: Callable[[], Result]) -> Result:
    """Call ``work``, turning the driver's errors into ours. SQLSTATE → error stands here alone."""
    import pg8000

    try:
        return work()
    except pg8000.DatabaseError as error:
        fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        state = fields.get("C", "")
        if state.startswith("23"):
            raise IntegrityViolation(
                f"{fields.get('M', 'A constraint was violated')}. {fields.get('D', '')}".strip(),
                constraint=fields.get("n", ""),
                sqlstate=state,
            ) from error
        if state in _WRONG_PASSWORD:
            raise WrongPassword(f"The database refuses the login ({state}).", hint="Try again.") from error
        if _RETRYABLE.fullmatch(state):
            raise Unavailable(f"The database is busy or was interrupted ({state}).", hint="Try again.") from error
        if state in _NOT_MIGRATED:
            logger.warning("the database lacks what a statement names (%s)", state)
            raise Unavailable(
                f"The database is not what this version expects ({state}).",
                hint="Try again when it has been migrated (`make migrate`).",
            ) from error
        raise DecantError(f"The database refused a statement: {fields.get('M', error)} ({state}).") from error
    except ssl.SSLCertVerificationError as error:
        logger.error("the certificate of the database is not accepted: %s", error.verify_message)  # noqa: TRY400 - told here, and once
        raise Unavailable(
            f"The certificate of the database is not accepted: {_CERTIFICATE.get(error.verify_code, _UNKNOWN_ISSUER)}.",
            hint="Connect by the name that the certificate is for, and keep chalicelib/rds-roots.pem up to date.",
        ) from error
    except (pg8000.InterfaceError, OSError) as error:
        if "Server refuses SSL" in str(error):
            raise Unavailable(
                "The database speaks no TLS, and without it nothing is sent.", hint="Turn TLS on in the server."
            ) from error
        raise Unavailable("The database can't be reached.", hint="Try again in a moment.") from error


def _csv(batch: pa.RecordBatch) -> bytes:
    sink = io.BytesIO()
    pa_csv.write_csv(batch, sink, pa_csv.WriteOptions(include_header=False))
    return sink.getvalue()


def close_connection(connection: Any) -> None:
    """Close a connection and its socket, which pg8000 leaves to the garbage collector. It may be broken already."""
    plain_socket = connection._usock
    try:
        connection.close()
    except Exception:
        logger.debug("the connection was broken when it was closed", exc_info=True)
    finally:
        if plain_socket is not None:
            plain_socket.close()
