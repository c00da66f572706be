"""Connections: opened with a secret or a login, prepared as every session needs it, and closed."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Unavailable
from chalicelib.postgres.tls import tls_context

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 10
_CLOSE_SECONDS = 1

# Times are pinned to UTC. The rest keeps a lost peer from holding locks, or from keeping us: whoever meets a lock that
# is kept long gives up and is tried again, and the server ends what a client that died or vanished has left open, even
# in the middle of a statement.
_SESSION = """
SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET search_path = public, pg_temp;
SET lock_timeout = '8s'; SET idle_in_transaction_session_timeout = '5min';
SET tcp_keepalives_idle = 240; SET tcp_keepalives_interval = 15; SET tcp_keepalives_count = 4;
SET client_connection_check_interval = '10s'
"""
# The same from our side. A packet that nobody acknowledges for so long, in milliseconds, means a dead connection: an
# environment that was frozen for a while does not learn otherwise that the network forgot it. Linux has the names.
_SOCKET = {"TCP_NODELAY": 1, "TCP_USER_TIMEOUT": 20_000, "TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


@dataclass(frozen=True, slots=True)
class Login:
    """A user, and the database it logs in to."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str = ""


def connect_with_secret(secret: str, tls: str) -> Any:
    """Open a connection with the credentials of a Secrets Manager secret, for sessions pinned to UTC.

    ``tls`` is ``verify-full`` or ``off``.
    """
    try:
        connection = driver().postgresql.connect(
            secret_id=secret, ssl_context=tls_context(tls), timeout=_CONNECT_SECONDS
        )
    except (BotoCoreError, ClientError) as error:
        # AWS's own message would name the role, the secret and the account to whoever asks the API.
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        raise Unavailable(f"The secret of the database can't be read ({code}).") from error
    return prepare_session(connection)


def driver() -> Any:
    """awswrangler, which takes a second to import: a route without the database should not pay for it."""
    import awswrangler
    from botocore.config import Config

    # For the secret. Its own would wait a minute for each of five answers.
    awswrangler.config.botocore_config = Config(
        connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
    )
    return awswrangler


def connect_with_login(login: Login, tls: str) -> Any:
    """Open a connection with a user's password, for sessions pinned to UTC; ``tls`` as above."""
    import pg8000

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


def prepare_session(connection: Any) -> Any:
    """Set what every session needs, and return the connection; it is closed when that fails."""
    # Without TCP_NODELAY each statement may wait 40 ms for a delayed acknowledgement; pg8000 has no public way to it.
    plain_socket = connection._usock
    try:
        for name, value in _SOCKET.items():
            if hasattr(socket, name):
                plain_socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        connection.autocommit = True
        connection.execute_simple(_SESSION)
        wait_at_most(connection, None)  # until here a server that accepts and then is silent is given up
    except BaseException:
        close_connection(connection)
        raise
    return connection


def close_connection(connection: Any) -> None:
    """Close a connection and its socket, which pg8000 leaves to the garbage collector. It may be broken already."""
    plain_socket = connection._usock
    try:
        wait_at_most(connection, _CLOSE_SECONDS)  # the server is told, and not waited for if it takes nothing
        connection.close()
    except Exception:
        logger.debug("the connection was broken when it was closed", exc_info=True)
    finally:
        if plain_socket is not None:
            # Closing leaves it open while anything refers to what the driver made of it, as a traceback may for long.
            with suppress(OSError):
                plain_socket.shutdown(socket.SHUT_RDWR)
            plain_socket.close()


def wait_at_most(connection: Any, seconds: float | None) -> None:
    """Wait for the server for so many seconds at each turn, or for ever; then what waits raises Unavailable."""
    plain_socket = connection._usock
    if plain_socket is not None:  # else the connection is closed, as whatever uses it is told
        plain_socket.settimeout(seconds)
