"""What the functions that administer the database need: the server with the master's rights, and the secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import load_dictionary
from chalicelib.errors import DecantError
from chalicelib.ports import Session
from chalicelib.postgres import Login, WrongPassword, session
from chalicelib.roles import OWNER
from chalicelib.rotation import SecretStore
from chalicelib.secret_store import SecretsManager
from chalicelib.settings import PACKAGED_DICTIONARY, database_tls, required

MAINTENANCE = "postgres"


@dataclass(frozen=True, slots=True)
class AdministrationSettings:
    """Where the database's server is, and the secrets of its master and of the app. ``tls``: verify-full or off."""

    host: str
    port: int
    name: str
    tls: str
    master_secret: str
    app_secret: str
    dictionary: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> AdministrationSettings:
        """Read the ``DECANT_*`` variables; a missing or wrong one is an error that names it."""
        port = required(environment, "DECANT_DATABASE_PORT")
        if not port.isdecimal():
            raise DecantError(f"DECANT_DATABASE_PORT is {port!r}; it takes the number of a port.")
        return cls(
            host=required(environment, "DECANT_DATABASE_HOST"),
            port=int(port),
            name=required(environment, "DECANT_DATABASE_NAME"),
            tls=database_tls(environment),
            master_secret=required(environment, "DECANT_MASTER_SECRET"),
            app_secret=required(environment, "DECANT_DATABASE_SECRET"),
            dictionary=Path(environment.get("DECANT_DICTIONARY") or PACKAGED_DICTIONARY),
        )


@dataclass(frozen=True, slots=True)
class Administration:
    """The server and the secrets of one deployment; see ``rotation.Server``."""

    settings: AdministrationSettings
    secrets: SecretStore

    @property
    def dictionary(self) -> Dictionary:
        """The dictionary of the package."""
        return load_dictionary(self.settings.dictionary)

    @contextmanager
    def as_master(self, database: str | None = None) -> Iterator[Session]:
        """A session of the master, whose secret is read each time, for it is rotated too."""
        master = self.secrets.current(self.settings.master_secret)
        with session(self._login(master, database or MAINTENANCE), self.settings.tls) as opened:
            yield opened

    @contextmanager
    def as_owner(self) -> Iterator[Session]:
        """A session in the deployment's database with the rights of the tables' owner."""
        with self.as_master(self.settings.name) as opened:
            opened.run_script(f"SET ROLE {OWNER}")
            yield opened

    def login(self) -> Mapping[str, Any]:
        """The app's present credentials."""
        return self.secrets.current(self.settings.app_secret)

    def accepts(self, credentials: Mapping[str, Any]) -> bool:
        """See ``rotation.Server``."""
        try:
            with session(self._login(credentials, self.settings.name), self.settings.tls) as opened:
                opened.run("SELECT FROM decant.runs LIMIT 1")
        except WrongPassword:
            return False
        return True

    def _login(self, credentials: Mapping[str, Any], database: str) -> Login:
        """Always the server itself: a proxy knows neither the master nor a login that is not current yet."""
        try:
            user, password = credentials["username"], credentials["password"]
        except KeyError as error:
            raise DecantError(f"A secret of the database has no {error}.") from None
        return Login(self.settings.host, self.settings.port, user, password, database)


@cache
def administration() -> Administration:
    """That of this deployment, made when it is first asked for."""
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
    settings = AdministrationSettings.from_environment(os.environ)
    return Administration(settings, SecretsManager(boto3.client("secretsmanager", config=config)))
