"""Where a load spends its time: `profile BUCKET KEY VERSION SIZE ETAG URL`, in the environment of a function.

The worker's code loads an object in this process while another thread looks every few milliseconds at what each thread
of Python does, and at what the server does for it.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pg8000

from chalicelib import worker
from chalicelib.wiring import services

EVERY_SECONDS = 0.005
SHOWN = 15
ROOT = str(Path(__file__).parents[2])
ACTIVITY = """
SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 70), coalesce(wait_event, 'on the processor')
FROM pg_stat_activity WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()
"""


class Sampler(threading.Thread):
    """Counts what is seen at each look."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.looks = 0
        self.python: Counter[str] = Counter()
        self.server: Counter[str] = Counter()
        self.done = threading.Event()
        parts = urlsplit(url)
        self._connection = pg8000.connect(
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname or "",
            port=parts.port or 5432,
            database=parts.path[1:],
        )

    def run(self) -> None:
        cursor = self._connection.cursor()
        self._connection.autocommit = True
        while not self.done.wait(EVERY_SECONDS):
            self.looks += 1
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for identifier, frame in sys._current_frames().items():
                if identifier != self.ident:
                    self.python[f"{names.get(identifier, '?')}: {where(frame)}"] += 1
            cursor.execute(ACTIVITY)
            self.server.update(f"{wait}: {query}" for query, wait in cursor.fetchall())


def where(frame: FrameType | None) -> str:
    """Name the innermost function of ours, and what it waits for."""
    inner = frame
    while frame is not None and not frame.f_code.co_filename.startswith(f"{ROOT}/chalicelib"):
        frame = frame.f_back
    if frame is None or inner is None:
        return "waits"
    ours = f"{Path(frame.f_code.co_filename).relative_to(ROOT)}:{frame.f_lineno} {frame.f_code.co_name}"
    return ours if inner is frame else f"{ours} > {Path(inner.f_code.co_filename).name} {inner.f_code.co_name}"


def event(bucket: str, key: str, version: str, size: str, etag: str) -> str:
    """Write what S3 tells of an object that is new."""
    stored = {"key": quote(key), "versionId": version, "eTag": etag, "size": int(size)}
    told = {
        "eventName": "ObjectCreated:Put",
        "eventTime": dt.datetime.now(dt.UTC).isoformat(),
        "s3": {"bucket": {"name": bucket}, "object": stored},
    }
    return json.dumps({"Records": [told]})


def show(title: str, counted: Counter[str], looks: int, seconds: float) -> None:
    """Print what was seen most, in seconds."""
    print(f"\n{title}")
    for name, count in counted.most_common(SHOWN):
        print(f"{count / looks * seconds:7.2f} s  {name}")


*thing, url = sys.argv[1:]
wired: Any = services()
with wired.database.transaction() as transaction:
    transaction.run("SELECT 1")
sampler = Sampler(url)
begun, used = time.perf_counter(), time.process_time()
sampler.start()
worker.handle(wired, event(*thing))
sampler.done.set()
sampler.join()
seconds, used = time.perf_counter() - begun, time.process_time() - used
print(f"The load took {seconds:.2f} s, {used:.2f} s of the processor in Python; {sampler.looks} looks.")
show("Python, by thread", sampler.python, sampler.looks, seconds)
show("Postgres", sampler.server, sampler.looks, seconds)
