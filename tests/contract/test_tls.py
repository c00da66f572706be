"""TLS ``verify-full``: the right name by a known issuer connects, and nothing else does."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.errors import Unavailable
from chalicelib.postgres import (
    Login,
    PostgresDatabase,
    close_connection,
    connect_with_secret,
    session,
    tls,
    tls_context,
)
from tests.conftest import TestDatabase
from tests.tls_front import Authority, tls_front


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """An authority that is trusted as the roots of RDS are."""
    authority = Authority.made_in(tmp_path, "trusted")
    monkeypatch.setattr(tls, "_ROOTS", authority.file)
    tls_context.cache_clear()
    yield authority
    tls_context.cache_clear()


def login(postgres: TestDatabase, port: int, host: str = "localhost") -> Login:
    app = postgres.app
    return Login(host, port, app.user, app.password, app.database)


def test_the_right_name_by_a_trusted_issuer_connects(
    postgres: TestDatabase, trusted: Authority, tmp_path: Path
) -> None:
    server = trusted.issue(tmp_path, "localhost")
    with tls_front(postgres.app.port, server) as port, session(login(postgres, port), "verify-full") as opened:
        assert opened.run("SELECT session_user") == [(postgres.app.user,)]


def refused(postgres: TestDatabase, server: Path | None, told: str) -> None:
    with (
        tls_front(postgres.app.port, server) as port,
        pytest.raises(Unavailable, match=told) as caught,
        session(login(postgres, port), "verify-full"),
    ):
        pass
    assert postgres.app.password not in str(caught.value)


def test_an_unknown_issuer_is_refused(postgres: TestDatabase, trusted: Authority, tmp_path: Path) -> None:
    other = Authority.made_in(tmp_path, "other")
    assert other.file != trusted.file
    refused(postgres, other.issue(tmp_path, "localhost"), "certificate .* not accepted: its issuer is not known")


def test_another_name_is_refused(postgres: TestDatabase, trusted: Authority, tmp_path: Path) -> None:
    refused(postgres, trusted.issue(tmp_path, "db.example"), "certificate .* not accepted: it is of another name")


def test_an_expired_certificate_is_refused(postgres: TestDatabase, trusted: Authority, tmp_path: Path) -> None:
    server = trusted.issue(tmp_path, "localhost", -dt.timedelta(days=1))
    refused(postgres, server, "certificate .* not accepted: it has expired")


def test_a_server_without_tls_is_refused_before_anything_is_sent(postgres: TestDatabase, trusted: Authority) -> None:
    assert trusted
    refused(postgres, None, "speaks no TLS")


def test_an_old_tls_is_not_offered() -> None:
    context = tls_context("verify-full")
    assert context is not None
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_the_app_connects_by_its_secret_in_the_same_way(
    postgres: TestDatabase, trusted: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import awswrangler

    def secret(port: int) -> dict[str, object]:
        app = replace(postgres.app, host="localhost", port=port)
        return {
            "engine": "postgresql", "host": app.host, "port": app.port, "username": app.user,
            "password": app.password, "dbname": app.database,
        }  # fmt: skip

    with tls_front(postgres.app.port, trusted.issue(tmp_path, "localhost")) as port:
        monkeypatch.setattr(awswrangler.secretsmanager, "get_secret_json", lambda *_, **__: secret(port))
        connection = connect_with_secret("db", "verify-full")
        close_connection(connection)
    with tls_front(postgres.app.port, None) as port:
        monkeypatch.setattr(awswrangler.secretsmanager, "get_secret_json", lambda *_, **__: secret(port))
        with pytest.raises(Unavailable, match="speaks no TLS"):
            PostgresDatabase(lambda: connect_with_secret("db", "verify-full"))._open()
