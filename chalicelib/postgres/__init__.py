"""Postgres through awswrangler and pg8000: connections, transactions, COPY.

``connecting`` opens a connection and prepares it, ``tls`` says what certificate it accepts, ``transactions`` are what
the flows work with, ``limits`` end them in time, ``statements`` are kept prepared, ``copying`` and ``reading`` move
many rows in and out, ``translation`` turns the driver's errors into ours.
"""

from chalicelib.postgres.connecting import Login, close_connection, connect_with_secret, driver, prepare_session
from chalicelib.postgres.tls import tls_context
from chalicelib.postgres.transactions import PostgresDatabase, PostgresTransaction, session
from chalicelib.postgres.translation import WrongPassword

__all__ = [
    "Login",
    "PostgresDatabase",
    "PostgresTransaction",
    "WrongPassword",
    "close_connection",
    "connect_with_secret",
    "driver",
    "prepare_session",
    "session",
    "tls_context",
]
