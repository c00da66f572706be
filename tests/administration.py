"""A server as its administrator has it, with secrets kept in memory: what migrator and rotator are given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.administration import Administration, AdministrationSettings
from chalicelib.roles import LOGINS
from chalicelib.settings import PACKAGED_DICTIONARY
from infra.local.embedded_postgres import EmbeddedPostgres
from infra.local.schema import MASTER

SECRET = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:app-AbCdEf"
MASTER_SECRET = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:master-AbCdEf"


class MemorySecrets:
    """See ``rotation.SecretStore``. ``begin`` stages a version without content, as Secrets Manager does."""

    def __init__(self, master: Mapping[str, Any], app: Mapping[str, Any]) -> None:
        self.master = master
        self.versions: dict[str, str | None] = {"v0": json.dumps(dict(app))}
        self.labels: dict[str, list[str]] = {"v0": ["AWSCURRENT"]}

    def begin(self, version: str) -> None:
        self.versions[version] = None
        self.labels[version] = ["AWSPENDING"]

    def arn(self, secret: str) -> str:
        return secret

    def stages(self, secret: str) -> Mapping[str, list[str]]:
        assert secret == SECRET
        return self.labels

    def current(self, secret: str) -> Mapping[str, Any]:
        if secret == MASTER_SECRET:
            return self.master
        [version] = [version for version, labels in self.labels.items() if "AWSCURRENT" in labels]
        return self._content(version)

    def pending(self, secret: str, version: str) -> Mapping[str, Any] | None:
        assert secret == SECRET
        assert "AWSPENDING" in self.labels[version]
        return None if self.versions[version] is None else self._content(version)

    def stage(self, secret: str, version: str, content: Mapping[str, Any]) -> None:
        assert secret == SECRET
        self.versions[version] = json.dumps(dict(content))

    def promote(self, secret: str, version: str, before: str) -> None:
        assert secret == SECRET
        assert "AWSCURRENT" in self.labels[before]
        self.labels = {**{each: [] for each in self.labels}, before: ["AWSPREVIOUS"], version: ["AWSCURRENT"]}

    def _content(self, version: str) -> Mapping[str, Any]:
        text = self.versions[version]
        assert text is not None
        content: Mapping[str, Any] = json.loads(text)
        return content


def administer(
    server: EmbeddedPostgres, master: str, database: str, app: Mapping[str, Any] | None = None
) -> tuple[Administration, MemorySecrets]:
    """The administration of a database of a server whose master has this password, and its secrets."""
    place = {"engine": "postgresql", "host": server.host, "port": server.port, "dbname": database}
    kept = MemorySecrets(
        {"username": MASTER, "password": master},
        {**place, "username": LOGINS[0], "password": "first-password", **(app or {})},
    )
    settings = AdministrationSettings(
        server.host, server.port, database, "off", MASTER_SECRET, SECRET, PACKAGED_DICTIONARY
    )  # fmt: skip
    return Administration(settings, kept), kept
