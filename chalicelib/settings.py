"""The settings of a deployment, read from the environment once, when the services are wired."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.access.gateway import AuthorizerKind, authorizer_kind
from chalicelib.errors import DecantError

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?")

PACKAGED_DICTIONARY = Path(__file__).parent / "dictionary" / "datapackage.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of the AWS parts of one deployment, and its limits. Times are in seconds, sizes in bytes."""

    stage: str
    intake_bucket: str
    backup_bucket: str
    queue_url: str
    catalog_table: str
    audit_table: str
    database_secret: str
    database_tls: str
    dictionary: Path
    parent_wait: int
    authorizer: AuthorizerKind = AuthorizerKind.TOKEN
    cors_origins: frozenset[str] = frozenset()
    keep_last: int = 7
    keep_daily: int = 7
    keep_weekly: int = 5
    keep_monthly: int = 12
    backup_part_bytes: int = 128 * 1024 * 1024
    split_above_bytes: int = 0
    split_part_bytes: int = 64 * 1024 * 1024
    parts_at_once: int = 10
    docs_open: bool = True
    bucket_owner: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the ``DECANT_*`` variables; a missing or wrong one is an error that names it."""
        wait = environment.get("DECANT_PARENT_WAIT_SECONDS", "300")
        if not wait.isdecimal():
            raise DecantError(f"DECANT_PARENT_WAIT_SECONDS is {wait!r}; it takes a whole number of seconds.")
        return cls(
            stage=environment.get("DECANT_STAGE", "local"),
            intake_bucket=required(environment, "DECANT_INTAKE_BUCKET"),
            backup_bucket=required(environment, "DECANT_BACKUP_BUCKET"),
            queue_url=required(environment, "DECANT_QUEUE_URL"),
            catalog_table=required(environment, "DECANT_CATALOG_TABLE"),
            audit_table=required(environment, "DECANT_AUDIT_TABLE"),
            database_secret=required(environment, "DECANT_DATABASE_SECRET"),
            database_tls=database_tls(environment),
            dictionary=Path(environment.get("DECANT_DICTIONARY") or PACKAGED_DICTIONARY),
            parent_wait=int(wait),
            authorizer=_authorizer(environment),
            cors_origins=_origins(environment.get("DECANT_CORS_ORIGINS", "")),
            keep_last=_number(environment, "DECANT_KEEP_LAST", "7"),
            keep_daily=_number(environment, "DECANT_KEEP_DAILY", "7"),
            keep_weekly=_number(environment, "DECANT_KEEP_WEEKLY", "5"),
            keep_monthly=_number(environment, "DECANT_KEEP_MONTHLY", "12"),
            backup_part_bytes=_number(environment, "DECANT_BACKUP_PART_MEGABYTES", "128", least=1) * 1024 * 1024,
            split_above_bytes=_number(environment, "DECANT_SPLIT_ABOVE_MEGABYTES", "256") * 1024 * 1024,
            split_part_bytes=_number(environment, "DECANT_SPLIT_PART_MEGABYTES", "64", least=1) * 1024 * 1024,
            parts_at_once=_number(environment, "DECANT_PARTS_AT_ONCE", "10", least=1),
            docs_open=_docs_open(environment.get("DECANT_DOCS", "open")),
            bucket_owner=environment.get("DECANT_BUCKET_OWNER") or None,
        )


def _number(environment: Mapping[str, str], name: str, usual: str, least: int = 0) -> int:
    value = environment.get(name) or usual
    if not (value.isascii() and value.isdecimal() and int(value) >= least):
        raise DecantError(f"{name} is {value!r}; it takes a whole number{f' from {least}' if least else ''}.")
    return int(value)


def _authorizer(environment: Mapping[str, str]) -> AuthorizerKind:
    kind = authorizer_kind(environment)
    if kind is AuthorizerKind.NONE and environment.get("DECANT_STAGE") != "local":
        raise DecantError("DECANT_AUTHORIZER is none, which only the stage local may have: it lets everybody in.")
    return kind


def _docs_open(text: str) -> bool:
    if text not in ("open", "closed"):
        raise DecantError(f"DECANT_DOCS is {text!r}; it takes open or closed.")
    return text == "open"


def _origins(text: str) -> frozenset[str]:
    origins = frozenset(text.replace(",", " ").split())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise DecantError(f"DECANT_CORS_ORIGINS has {origin!r}; it takes origins such as https://example.org.")
    return origins


def database_tls(environment: Mapping[str, str]) -> str:
    """Whether TLS is ``verify-full`` or ``off``, which only the stage ``local`` may have: there all is one machine."""
    tls = environment.get("DECANT_DATABASE_TLS", "verify-full")
    if tls not in ("verify-full", "off"):
        raise DecantError(f"DECANT_DATABASE_TLS is {tls!r}; it takes verify-full or off.")
    stage = environment.get("DECANT_STAGE", "local")
    if tls == "off" and stage != "local":
        raise DecantError(
            f"DECANT_DATABASE_TLS is off in the stage {stage!r}.",
            hint="Only the stage local goes without TLS; deploy with DatabaseTls=verify-full.",
        )
    return tls


def required(environment: Mapping[str, str], name: str) -> str:
    """A variable that the deployment's template sets. Raises DecantError without it."""
    value = environment.get(name)
    if not value:
        raise DecantError(f"The environment variable {name} is not set; the deployment's template sets it.")
    return value
