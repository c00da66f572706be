"""The sample workbooks: dropped into the intake bucket, and followed until their runs have ended."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decant.client import Client
from decant.following import Runs, Watch, wait
from decant.session import Session
from infra.local.folder import ROOT

if TYPE_CHECKING:
    from infra.local.record import Record

# Employees first, on purpose: the order in which files land does not matter.
NAMES = ("hired_employees.xlsx", "departments.xlsx", "jobs.xlsx")
TABLES = {name.partition(".")[0] for name in NAMES}
_RUNS_LOOKED_AT = 5_000


@dataclass(frozen=True)
class Dropped:
    """A file in the intake bucket, by the version that was written."""

    key: str
    version: str


def load(session: Session, record: "Record") -> Runs | None:
    """Load the samples into the local stack, unless they are; give the runs by file, None where other tables are."""
    tables = client_of(record).ask("/tables")["tables"]
    if not {table["name"] for table in tables}.issuperset(TABLES):
        return None
    session.step("Sample files into the intake bucket")
    dropped = drop(record, ROOT / "sample_data")
    with Watch(session.err) as watch:
        return follow(record, dropped, watch.show)


def client_of(record: "Record") -> Client:
    """The API of a local stack."""
    return Client(record.api_url, record.token)


def drop(record: "Record", folder: Path) -> list[Dropped]:
    """Put each workbook of `folder` into the bucket, but for those that are there with the same content and a run.

    A file whose run is unknown (the emulator was killed, and the catalog lost) is put again: the application knows
    its content from the database, and loads nothing twice.
    """
    s3 = record.client("s3")
    contents = {f"incoming/{name}": (folder / name).read_bytes() for name in NAMES}
    there = {key: _find(s3, record.intake_bucket, key, content) for key, content in contents.items()}
    known = _runs_of(client_of(record), [file for file in there.values() if file is not None])
    dropped = []
    for key, content in contents.items():
        file = there[key] if key.rpartition("/")[2] in known else None
        if file is None:
            put = s3.put_object(Bucket=record.intake_bucket, Key=key, Body=content)
            file = Dropped(key, put["VersionId"])
        dropped.append(file)
    return dropped


def follow(record: "Record", files: Sequence[Dropped], show: Callable[[Runs], object]) -> Runs:
    """Wait until the run of each file has ended, showing all of them at each look; give the runs by file name.

    Raises CommandError when nothing moves for long.
    """
    client = client_of(record)
    return wait(lambda: _runs_of(client, files), len(files), show)


def _find(s3: Any, bucket: str, key: str, content: bytes) -> Dropped | None:
    """Give the object of this key if it has this content."""
    from botocore.exceptions import ClientError

    try:
        there = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None
    # The ETag of an object uploaded in one piece is its MD5.
    same = there["ETag"].strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Dropped(key, there["VersionId"]) if same else None


def _runs_of(client: Client, files: Sequence[Dropped]) -> Runs:
    """Give the newest run of each file, by its name, in the order of `files`."""
    wanted = {(file.key, file.version): file.key for file in files}
    found: Runs = {}
    if not wanted:
        return found
    for run in client.pages("/runs", "runs", _RUNS_LOOKED_AT):
        source = run.get("source") or {}
        key = wanted.get((str(source.get("key")), str(source.get("version"))))
        if key is not None and run["kind"] == "load":
            found.setdefault(key, run)
        if len(found) == len(files):
            break
    return {file.key.rpartition("/")[2]: found[file.key] for file in files if file.key in found}
