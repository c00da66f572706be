"""The sample workbooks: dropped into the intake bucket, and followed until their runs have ended."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.local.api import ENDED, POLL_SECONDS, ApiError, Run, ask
from infra.local.record import Record

# Employees first, on purpose: the order in which files land does not matter.
NAMES = ("hired_employees.xlsx", "departments.xlsx", "jobs.xlsx")
TABLES = {name.partition(".")[0] for name in NAMES}
PATIENCE_SECONDS = 180
PAGES = 50


@dataclass(frozen=True)
class Dropped:
    """A file in the intake bucket, by the version that was written."""

    key: str
    version: str


def drop(record: Record, folder: Path) -> list[Dropped]:
    """Put each workbook of `folder` into the bucket, but for those that are there with the same content and a run.

    A file whose run is unknown (the emulator was killed, and the catalog lost) is put again: the application knows
    its content from the database, and loads nothing twice.
    """
    s3 = record.client("s3")
    contents = {f"incoming/{name}": (folder / name).read_bytes() for name in NAMES}
    there = {key: _find(s3, record.intake_bucket, key, content) for key, content in contents.items()}
    known = _runs_of(record, [file for file in there.values() if file is not None])
    dropped = []
    for key, content in contents.items():
        file = there[key] if key in known else None
        if file is None:
            put = s3.put_object(Bucket=record.intake_bucket, Key=key, Body=content)
            file = Dropped(key, put["VersionId"])
        dropped.append(file)
    return dropped


def follow(record: Record, files: Sequence[Dropped], show: Callable[[dict[str, Run]], None]) -> dict[str, Run]:
    """Wait until the run of each file has ended, showing all of them at each look; give the runs by key.

    Raises ApiError when nothing moves for PATIENCE_SECONDS.
    """
    seen: dict[str, Run] = {}
    moved = time.monotonic()
    while len(seen) < len(files) or any(run["state"] not in ENDED for run in seen.values()):
        found = _runs_of(record, files)
        if found != seen:
            seen, moved = found, time.monotonic()
            show(seen)
        elif time.monotonic() - moved > PATIENCE_SECONDS:
            missing = ", ".join(f.key for f in files if seen.get(f.key, {}).get("state") not in ENDED)
            raise ApiError(f"Nothing has moved for {PATIENCE_SECONDS} s; not loaded: {missing}. See `make logs`.")
        time.sleep(POLL_SECONDS)
    return seen


def _find(s3: Any, bucket: str, key: str, content: bytes) -> Dropped | None:
    """Give the object of this key if it has this content."""
    try:
        there = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None
    # The ETag of an object uploaded in one piece is its MD5.
    same = there["ETag"].strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Dropped(key, there["VersionId"]) if same else None


def _runs_of(record: Record, files: Sequence[Dropped]) -> dict[str, Run]:
    """Give the newest run of each file, in the order of `files`."""
    wanted = {(file.key, file.version): file.key for file in files}
    found: dict[str, Run] = {}
    if not wanted:
        return found
    for run in _runs(record):
        source = run.get("source") or {}
        key = wanted.get((str(source.get("key")), str(source.get("version"))))
        if key is not None and run["kind"] == "load":
            found.setdefault(key, run)
        if len(found) == len(files):
            break
    return {file.key: found[file.key] for file in files if file.key in found}


def _runs(record: Record) -> Iterator[Run]:
    """Yield the runs, newest first."""
    page = ask(record, "/runs")
    for _ in range(PAGES):
        yield from page["runs"]
        if not page.get("next"):
            return
        page = ask(record, f"/runs?after={page['next']}")
