"""The services of a deployment, put together once: the adapters, over clients made from the settings.

The adapters of AWS and their packages are imported when they are put together. The Chalice CLI, the tests and functions
that need none of them import ``app`` without.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.access.tokens import TokenStore
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import load_dictionary
from chalicelib.errors import DecantError
from chalicelib.ports import AuditLog, Catalog, Database
from chalicelib.postgres import PostgresDatabase, connect_with_secret, driver
from chalicelib.settings import Settings, required
from chalicelib.time_left import TimeLeft

if TYPE_CHECKING:
    from chalicelib.queue import SqsQueue
    from chalicelib.storage import S3Storage


@dataclass(frozen=True, slots=True)
class Services:
    """What the API and the worker call the flows with. The adapters look at the same ``time_left``."""

    settings: Settings
    dictionary: Dictionary
    database: Database
    intake: S3Storage
    backups: S3Storage
    catalog: Catalog
    queue: SqsQueue
    audit: AuditLog
    time_left: TimeLeft = field(default_factory=TimeLeft)


class _Local(threading.local):
    services: Services | None = None
    tokens: TokenStore | None = None


# Lambda calls its handler in one thread. `chalice local` does not, and threads can't share a database connection.
_local = _Local()


def services() -> Services:
    """The services of this deployment, made when they are first asked for. Nothing connects before it is needed."""
    if _local.services is None:
        _local.services = _from_settings(Settings.from_environment(os.environ))
    return _local.services


def warm_up() -> None:
    """Import what the first request would, and make its clients, which connect to nothing yet.

    For a function that starts from a snapshot, which then has it all; see decision 0352.
    """
    driver()
    with suppress(DecantError):  # what is not set is for the first request to tell
        services()


def token_store() -> TokenStore:
    """The tokens of this deployment, for its authorizer: no other function may read them, and it reads nothing else."""
    if _local.tokens is None:
        from chalicelib.token_store import DynamoTokens

        _local.tokens = DynamoTokens(required(os.environ, "DECANT_TOKENS_TABLE"))
    return _local.tokens


@contextmanager
def use(other: Services) -> Iterator[Services]:
    """Work with other services, as tests do, until the context ends."""
    before, _local.services = _local.services, other
    try:
        yield other
    finally:
        _local.services = before


def _from_settings(settings: Settings) -> Services:
    import boto3
    from botocore.config import Config

    from chalicelib.audit_log import DynamoAuditLog
    from chalicelib.catalog import DynamoCatalog
    from chalicelib.queue import SqsQueue
    from chalicelib.storage import S3Storage

    session = boto3.session.Session()
    config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
    s3 = session.client("s3", config=config.merge(Config(signature_version="s3v4")))
    # A request waits for the queue, and the gateway for no request longer than 29 s.
    soon = config.merge(Config(read_timeout=8, retries={"mode": "standard", "total_max_attempts": 3}))
    time_left = TimeLeft()
    return Services(
        settings=settings,
        dictionary=load_dictionary(settings.dictionary),
        database=PostgresDatabase(
            lambda: connect_with_secret(settings.database_secret, settings.database_tls), time_left
        ),
        intake=S3Storage(s3, settings.intake_bucket, time_left, owner=settings.bucket_owner),
        backups=S3Storage(s3, settings.backup_bucket, time_left, owner=settings.bucket_owner),
        catalog=DynamoCatalog(settings.catalog_table, session.region_name),
        queue=SqsQueue(session.client("sqs", config=soon), settings.queue_url),
        audit=DynamoAuditLog(settings.audit_table, session.region_name),
        time_left=time_left,
    )
