"""A process that has the product imported, and forks a child for each attempt: as a Lambda environment, to be killed.

It has no threads and no connections, so what is forked is clean. It takes an attempt a line, and answers with a line:
the child's exit code, and the seconds that it lived. The child calls an entry point of ``app.py`` over the real
adapters; what it passes, answers and raises it writes to a file, where a kill leaves it.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import aws_lambda_powertools.metrics  # noqa: F401 - imported before the fork, as all that children need
import boto3
import botocore.session
import numpy as np  # noqa: F401
import pg8000
import pyarrow.compute  # noqa: F401
from botocore.config import Config

import app
from chalicelib import points
from chalicelib.access.gateway import AuthorizerKind
from chalicelib.backup import pages, sharing, swap
from chalicelib.catalog import DynamoCatalog
from chalicelib.dictionary.package import load_dictionary
from chalicelib.load import choice, digest, turns, writer
from chalicelib.load.csv_source import CsvSource
from chalicelib.postgres import PostgresDatabase, prepare_session
from chalicelib.queue import SqsQueue
from chalicelib.settings import PACKAGED_DICTIONARY, Settings
from chalicelib.storage import S3Storage, s3_streams
from chalicelib.time_left import TimeLeft
from chalicelib.wiring import Services, use
from chalicelib.work import sweeping, tidying
from tests.fakes import FakeAuditLog
from tests.torture.attempts import Attempt, Plan

# No attempt takes so long; one that does hangs, and is reported as such.
LONGEST = 60.0
HANGS = -99
REGION = "us-east-1"


class Hasty(SqsQueue):
    """The queue, whose messages need not wait."""

    def send(self, message: Mapping[str, Any], delay: int = 0) -> None:
        super().send(message, min(delay, 0))


class Observer(logging.Handler):
    """Notes every point that is passed, and kills the process at the one that is planned."""

    def __init__(self, report: int, plan: Plan) -> None:
        super().__init__()
        self._report = report
        self._plan = plan
        self._passed: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        point = vars(record)["point"]
        self._passed[point] += 1
        os.write(self._report, f"{point}\n".encode())
        if point == self._plan.linger_at and self._passed[point] == 1:
            time.sleep(self._plan.linger)
        if point == self._plan.point and self._passed[point] == self._plan.occurrence:
            os.kill(os.getpid(), signal.SIGKILL)


def small() -> None:
    """Have small files take every way that big ones take."""
    sizes: list[tuple[ModuleType, str, float]] = [
        (choice, "FEW", 100),
        (writer, "SET_WISE_FROM", 400),
        (swap, "SET_WISE_FROM", 400),
        (writer, "_LOG_FROM", 5),
        (digest, "LEAF", 4096),
        (s3_streams, "_PART_BYTES", 2048),
        (pages, "_FIRST_PAGE_ROWS", 50),
        (pages, "_PAGE_ROWS", 200),
        (sharing, "_PAUSE", 0.02),
        (turns, "_TURN_SECONDS", 0.3),
        (turns, "_TURN_PAUSE", 0.01),
    ]
    for module, name, value in sizes:
        assert hasattr(module, name)
        setattr(module, name, value)
    CsvSource.__init__.__defaults__ = (4096,)


def wired(told: Mapping[str, Any]) -> Services:
    """The services over the real adapters. Nothing is connected yet."""
    settings = Settings(
        "local", told["intake"], told["backups"], told["queue"], told["catalog"], "audit", "secret", "off",
        PACKAGED_DICTIONARY, 0, AuthorizerKind.NONE, keep_last=2, keep_daily=0, keep_weekly=0, keep_monthly=0,
        backup_part_bytes=64 * 1024, split_above_bytes=28_000, split_part_bytes=12288, parts_at_once=3,
    )  # fmt: skip
    botocore.session.create_loader = _one(botocore.session.create_loader())
    session = boto3.session.Session(region_name=REGION)
    config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
    s3 = session.client("s3", config=config.merge(Config(signature_version="s3v4")))
    account = told["account"]
    catalog: Any = DynamoCatalog(told["catalog"], REGION)
    _ = catalog._item._get_connection().connection.client

    def connect() -> Any:
        connection = prepare_session(pg8000.connect(**account, ssl_context=False))
        connection.execute_simple("SET lock_timeout = '400ms'; SET client_connection_check_interval = '200ms'")
        return connection

    time_left = TimeLeft()
    return Services(
        settings=settings,
        dictionary=load_dictionary(settings.dictionary),
        database=PostgresDatabase(connect, time_left),
        intake=S3Storage(s3, settings.intake_bucket, time_left),
        backups=S3Storage(s3, settings.backup_bucket, time_left),
        catalog=catalog,
        queue=Hasty(session.client("sqs", config=config), settings.queue_url),
        audit=FakeAuditLog(),
        time_left=time_left,
    )


def _one(loader: Any) -> Any:
    return lambda *_args, **_named: loader


def child(services: Services, attempt: Attempt, report: Path) -> None:
    """Make one attempt, in the forked process."""
    file = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    points.logger.addHandler(Observer(file, attempt.plan))
    points.logger.setLevel(logging.DEBUG)
    points.logger.propagate = False
    os.dup2(os.open(report.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(1, 2)
    if attempt.days_ahead:
        for module in (tidying, sweeping):
            vars(module)["now"] = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=attempt.days_ahead)
    with use(services):
        end = time.monotonic() + attempt.seconds
        context = SimpleNamespace(
            aws_request_id="torture",
            get_remaining_time_in_millis=lambda: max(0.0, end - time.monotonic()) * 1000,
        )
        answer = getattr(app, "app" if attempt.entry == "app" else attempt.entry)(attempt.event, context)
    os.write(file, f"{json.dumps({'answer': answer})}\n".encode())


def serve() -> None:
    """Take attempts until there are no more."""
    told = json.loads(sys.stdin.readline())
    small()
    services = wired(told)
    report = Path(told["report"])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        attempt = Attempt.parse(line)
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                child(services, attempt, report)
                code = 0
            except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        limit = LONGEST if attempt.plan.after is None else attempt.plan.after
        late = signal.sigtimedwait({signal.SIGCHLD}, limit) is None
        if late:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if late:
            signal.sigtimedwait({signal.SIGCHLD}, 0)
        code = os.waitstatus_to_exitcode(status)
        if late and limit == LONGEST:
            code = HANGS
        print(json.dumps({"code": code, "seconds": time.monotonic() - begun}), flush=True)


if __name__ == "__main__":
    serve()
