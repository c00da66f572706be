"""Rotation of the app's password on a real Postgres: four steps, each as often as it comes, and no request fails."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from typing import Any

import pg8000
import pytest

from chalicelib import migrator, roles
from chalicelib.administration import Administration
from chalicelib.errors import BadRequest, Conflict, DecantError
from chalicelib.postgres import Login, PostgresDatabase, WrongPassword, prepare_session, session
from chalicelib.roles import LOGINS, scram_verifier
from chalicelib.rotation import rotate
from infra.local.embedded_postgres import EmbeddedPostgres
from infra.local.schema import MASTER, make_master
from tests.administration import SECRET, MemorySecrets, administer

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
PASSWORD = "master-password"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of its own: logins belong to the whole server, and these tests change their passwords."""
    made = EmbeddedPostgres(tmp_path_factory.mktemp("rotation") / "data", settings={"fsync": "off"})
    with made:
        make_master(made, PASSWORD)
        yield made
    made.forget()


@pytest.fixture
def deployed(server: EmbeddedPostgres) -> tuple[Administration, MemorySecrets]:
    administration, secrets = administer(server, PASSWORD, "decant")
    assert migrator.handle(administration, {})["state"] in ("applied", "unchanged")
    return administration, secrets


def event(step: str, token: str, secret: str = SECRET) -> dict[str, str]:
    return {"Step": step, "SecretId": secret, "ClientRequestToken": token}


def turn(administration: Administration, secrets: MemorySecrets, token: str, times: int = 1) -> None:
    """A whole rotation, each step so many times."""
    secrets.begin(token)
    for step in STEPS:
        for _ in range(times):
            rotate(event(step, token), SECRET, secrets, administration)


def lets_in(administration: Administration, credentials: Any) -> bool:
    return administration.accepts(credentials)


@pytest.mark.parametrize("times", [1, 2])
def test_the_other_login_gets_a_new_password_and_the_first_stays_good_until_its_turn(
    deployed: tuple[Administration, MemorySecrets], times: int
) -> None:
    administration, secrets = deployed
    first = dict(secrets.current(SECRET))
    turn(administration, secrets, "v1", times)
    second = dict(secrets.current(SECRET))
    assert (first["username"], second["username"]) == LOGINS
    assert {**second, "username": "", "password": ""} == {**first, "username": "", "password": ""}
    assert (lets_in(administration, first), lets_in(administration, second)) == (True, True)
    turn(administration, secrets, "v2", times)
    third = dict(secrets.current(SECRET))
    assert third["username"] == first["username"]
    assert [lets_in(administration, each) for each in (first, second, third)] == [False, True, True]


def test_no_request_fails_while_the_password_is_rotated(deployed: tuple[Administration, MemorySecrets]) -> None:
    administration, secrets = deployed

    def connect() -> Any:
        credentials = secrets.current(SECRET)
        time.sleep(0.01)  # so that a rotation comes between fetching and connecting
        return prepare_session(
            pg8000.connect(
                host=credentials["host"], port=credentials["port"], database=credentials["dbname"],
                user=credentials["username"], password=credentials["password"],
            )
        )  # fmt: skip

    failed: list[DecantError] = []
    users: set[str] = set()
    stop = threading.Event()

    def requests(cold: bool) -> None:
        database = PostgresDatabase(connect)
        while not stop.is_set():
            try:
                with database.transaction() as transaction:
                    [(user,)] = transaction.run("SELECT session_user")
                    transaction.run("SELECT count(*) FROM departments")
                users.add(user)
            except DecantError as error:
                failed.append(error)
            if cold:
                database.close()
        database.close()

    threads = [threading.Thread(target=requests, args=(cold,)) for cold in (True, True, False)]
    for thread in threads:
        thread.start()
    try:
        for number in range(6):
            turn(administration, secrets, f"r{number}")
            time.sleep(0.4)  # on AWS at least four hours
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert failed == []
    assert users == set(LOGINS)


@pytest.mark.parametrize("done", range(4))
def test_a_rotation_that_broke_off_is_taken_up_again(
    deployed: tuple[Administration, MemorySecrets], done: int
) -> None:  # fmt: skip
    administration, secrets = deployed
    secrets.begin("v1")
    for step in STEPS[:done]:
        rotate(event(step, "v1"), SECRET, secrets, administration)
    assert lets_in(administration, secrets.current(SECRET))
    for step in STEPS:
        rotate(event(step, "v1"), SECRET, secrets, administration)
    assert secrets.labels["v1"] == ["AWSCURRENT"]
    assert lets_in(administration, secrets.current(SECRET))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (event("createSecret", "v1", SECRET + "x"), "another secret"),
        (event("createSecret", "unknown"), "no version for this rotation"),
        (event("createSecret", "old"), "not the pending one"),
        (event("dropSecret", "v1"), "no step of a rotation"),
        ({}, "no step of a rotation"),
    ],
)
def test_what_is_not_its_own_is_refused(
    deployed: tuple[Administration, MemorySecrets], given: dict[str, str], told: str
) -> None:
    administration, secrets = deployed
    secrets.begin("v1")
    secrets.labels["old"] = ["AWSPREVIOUS"]
    with pytest.raises(BadRequest, match=told):
        rotate(given, SECRET, secrets, administration)
    assert secrets.versions["v1"] is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"username": LOGINS[0]}, "whose turn it is"),
        ({"username": MASTER}, "whose turn it is"),
        ({"host": "elsewhere.example"}, "another database"),
        ({"port": 1}, "another database"),
    ],
)
def test_a_pending_version_may_change_login_and_password_alone(
    deployed: tuple[Administration, MemorySecrets], change: dict[str, Any], told: str
) -> None:
    administration, secrets = deployed
    secrets.begin("v1")
    rotate(event("createSecret", "v1"), SECRET, secrets, administration)
    secrets.stage(SECRET, "v1", {**(secrets.pending(SECRET, "v1") or {}), **change})
    for step in STEPS[1:]:
        with pytest.raises(Conflict, match=told):
            rotate(event(step, "v1"), SECRET, secrets, administration)
    assert secrets.labels["v0"] == ["AWSCURRENT"]


def test_a_step_before_its_turn_is_refused(deployed: tuple[Administration, MemorySecrets]) -> None:
    administration, secrets = deployed
    secrets.begin("v1")
    for step in STEPS[1:]:
        with pytest.raises(Conflict, match="no content yet"):
            rotate(event(step, "v1"), SECRET, secrets, administration)
    rotate(event("createSecret", "v1"), SECRET, secrets, administration)
    with pytest.raises(DecantError, match="refuses the new password"):
        rotate(event("testSecret", "v1"), SECRET, secrets, administration)


def test_the_trial_of_a_new_schedule_passes_before_there_is_a_login(server: EmbeddedPostgres) -> None:
    """Secrets Manager does the step testSecret alone, on a copy of the current version, and drops the copy."""
    administration, secrets = administer(server, PASSWORD, "decant", {"password": "of-no-login-yet"})
    secrets.begin("trial")
    secrets.stage(SECRET, "trial", secrets.current(SECRET))
    rotate(event("testSecret", "trial"), SECRET, secrets, administration)
    assert secrets.labels["v0"] == ["AWSCURRENT"]


def test_a_secret_that_was_made_anew_is_taken_by_the_next_migration(server: EmbeddedPostgres) -> None:
    administration, secrets = administer(server, PASSWORD, "decant", {"password": "made-anew"})
    migrator.handle(administration, {})
    assert lets_in(administration, secrets.current(SECRET))
    again, _ = administer(server, PASSWORD, "decant", {"password": "made-anew-again"})
    assert migrator.handle(again, {"plan": True})["state"] == "unchanged"
    assert migrator.handle(again, {})["state"] == "applied"
    assert again.accepts(again.login())


def test_a_password_never_stands_in_a_statement() -> None:
    class Seen:
        said = ""

        def run_script(self, sql: str) -> None:
            self.said += sql

        def run(self, sql: str, **_: Any) -> list[tuple[Any, ...]]:
            raise AssertionError(sql)

    seen = Seen()
    roles.set_password(seen, LOGINS[0], "to-be-kept")
    assert "SCRAM-SHA-256$" in seen.said
    assert "to-be-kept" not in seen.said
    with pytest.raises(ValueError, match="no login"):
        roles.set_password(seen, MASTER, "x")


def test_the_verifier_is_the_one_that_postgres_makes(server: EmbeddedPostgres) -> None:
    login = Login(server.host, server.port, server.superuser, server.superuser_password, "postgres")
    with session(login, "off") as admin:
        admin.run_script("CREATE ROLE probe LOGIN PASSWORD 'p w''$:a'")
        [(verifier,)] = admin.run("SELECT rolpassword FROM pg_authid WHERE rolname = 'probe'")
        admin.run_script("DROP ROLE probe")
    salt = base64.b64decode(verifier.split("$")[1].split(":")[1])
    assert scram_verifier("p w'$:a", salt) == verifier


def test_a_wrong_password_is_told_from_a_server_that_is_down(server: EmbeddedPostgres) -> None:
    with pytest.raises(WrongPassword), session(Login(server.host, server.port, LOGINS[0], "x", "decant"), "off"):
        pass
