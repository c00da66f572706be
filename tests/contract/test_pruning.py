"""Deleting old backups: a folder and S3 (moto), whatever goes wrong on the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib.backup.catalogue import rebuild_catalog
from chalicelib.backup.inventory import pin, take_inventory
from chalicelib.backup.manifest import file_key, manifest_key, pin_key
from chalicelib.backup.pruning import Pruning, prune
from chalicelib.backup.retention import Policy
from chalicelib.backup.verification import load_manifest, verify
from chalicelib.errors import NotFound
from chalicelib.ports import Backup, Storage, StoredObject
from chalicelib.storage import FolderStorage, S3Storage
from tests.conftest import TestDatabase
from tests.contract.backup_support import NOW, Meddled, keys, take
from tests.fakes import FakeCatalog

NEWEST = Policy(1)
DAY = dt.timedelta(days=1)


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(request.param)
    return found


def days_of(company: TestDatabase, storage: Storage, catalog: FakeCatalog, count: int, *tables: str) -> list[Backup]:
    """Backups of the first of some tables, on so many days that end yesterday, the oldest first."""
    made = [take(company, storage, catalog, *(tables or ("jobs",)), now=NOW - n * DAY) for n in range(count, 0, -1)]
    return [backups[0] for backups in made]


def pruned(storage: Storage, catalog: FakeCatalog, policy: Policy = NEWEST, **more: Any) -> Pruning:
    return prune(storage, catalog, policy, now=NOW, in_use=lambda: more.get("in_use", {}))


def keys_of(*backups: Backup) -> set[str]:
    return {key(each.table, each.id) for each in backups for key in (file_key, manifest_key)}


def test_what_the_policy_does_not_keep_is_gone_from_storage_and_catalogue(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog
) -> None:
    oldest, older, newest = days_of(company, storage, catalog, 3)
    done = pruned(storage, catalog)
    assert (set(done.deleted), done.kept) == ({oldest.id, older.id}, {newest.id: "last"})
    assert done.newest == {"jobs": newest.created}
    assert keys(storage) == keys_of(newest)
    assert catalog.kept_backups == {newest.id: newest}
    assert verify(storage, company.dictionary, newest).refusal is None
    again = pruned(storage, catalog)
    assert (again.deleted, again.kept) == ((), done.kept)


def test_a_pinned_backup_stays_with_its_snapshot_though_the_catalogue_is_lost(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog
) -> None:
    jobs, departments = take(company, storage, catalog, "jobs", "departments", now=NOW - 9 * DAY)
    pin(storage, jobs, pinned=True, by="ann", now=NOW)
    take(company, storage, catalog, now=NOW - DAY)
    lost = FakeCatalog()
    done = pruned(storage, lost)
    assert done.deleted == ()
    assert (done.kept[jobs.id], done.kept[departments.id]) == ("pinned", "snapshot")
    rebuild_catalog(storage, lost)
    assert lost.kept_backups[jobs.id].pinned
    pin(storage, jobs, pinned=False, by="ann", now=NOW)
    assert set(pruned(storage, lost).deleted) == {jobs.id, departments.id}
    assert pin_key("jobs", jobs.id) not in keys(storage)


def test_a_pin_that_can_not_be_read_is_a_pin(company: TestDatabase, storage: Storage, catalog: FakeCatalog) -> None:
    oldest, _ = days_of(company, storage, catalog, 2)
    for content in (b"", b"[]", b"{}", b"\xff", b'{"pinned": null}'):
        storage.put(pin_key("jobs", oldest.id), content)
        assert pruned(storage, catalog).kept[oldest.id] == "pinned"


@pytest.mark.parametrize("damage", ["flipped", "short", "gone", "manifest"])
def test_a_damaged_newest_backup_does_not_count(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog, damage: str
) -> None:
    """The last good one stays, though the policy would have it deleted; the damaged one is left to be looked at."""
    oldest, good, bad = days_of(company, storage, catalog, 3)
    key = file_key("jobs", bad.id)
    if damage == "flipped":
        storage.put(key, b"x" * bad.bytes)
    elif damage == "short":
        storage.put(key, b"x")
    elif damage == "gone":
        storage.delete(key)
    else:
        storage.put(manifest_key("jobs", bad.id), b"{}")
    done = pruned(storage, catalog)
    assert (done.deleted, done.kept, set(done.damaged)) == ((oldest.id,), {good.id: "last"}, {bad.id})
    assert done.newest == {"jobs": good.created}
    assert verify(storage, company.dictionary, good).refusal is None
    assert bad.id in catalog.kept_backups


def test_the_only_good_backup_is_never_deleted(company: TestDatabase, storage: Storage, catalog: FakeCatalog) -> None:
    good, *bad = days_of(company, storage, catalog, 4)
    for each in bad:
        storage.put(file_key("jobs", each.id), b"x" * each.bytes)
    done = pruned(storage, catalog)
    assert (done.deleted, done.kept, set(done.damaged)) == ((), {good.id: "last"}, {each.id for each in bad})


def test_without_any_good_backup_nothing_is_deleted(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog
) -> None:
    bad = days_of(company, storage, catalog, 3)
    for each in bad:
        storage.put(file_key("jobs", each.id), b"x" * each.bytes)
    before = keys(storage)
    done = pruned(storage, catalog)
    assert done.deleted == ()
    assert keys(storage) == before


def test_what_a_run_needs_stays(company: TestDatabase, storage: Storage, catalog: FakeCatalog) -> None:
    oldest, older, newest = days_of(company, storage, catalog, 3)
    done = pruned(storage, catalog, in_use={older.id: "restore r"})
    assert (done.deleted, done.kept) == ((oldest.id,), {older.id: "restore r", newest.id: "last"})


def test_what_is_pinned_or_ordered_while_a_pass_reads_stays(
    company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    """A pass reads for minutes: it proves the newest that stays of each table."""
    pinned, ordered, gone, newest = days_of(company, folder, catalog, 4)
    used: dict[str, str] = {}

    def meanwhile() -> None:
        pin(folder, pinned, pinned=True, by="ann", now=NOW)
        used[ordered.id] = "restore r"

    storage = Meddled(Path(folder.name), 1, meanwhile)
    done = prune(storage, catalog, NEWEST, now=NOW, in_use=used.copy)
    assert done.deleted == (gone.id,)
    assert done.kept == {pinned.id: "pinned", ordered.id: "restore r", newest.id: "last"}


def test_a_backup_that_is_finished_while_a_pass_looks_stays_listed(
    company: TestDatabase, folder: FolderStorage, catalog: FakeCatalog
) -> None:
    made: list[Backup] = []

    class Late(FolderStorage):
        def list(self, prefix: str) -> Iterator[StoredObject]:
            yield from super().list(prefix)
            made.extend(days_of(company, folder, catalog, 1))

    done = prune(Late(Path(folder.name)), catalog, NEWEST, now=NOW, in_use=dict)
    assert done.unlisted == 0
    assert catalog.kept_backups == {backup.id: backup for backup in made}
    assert len(made) == 1


def test_a_locked_backup_is_left_and_told_until_the_lock_ends(
    company: TestDatabase, s3: S3Storage, catalog: FakeCatalog
) -> None:
    held, locked, expired, newest = days_of(company, s3, catalog, 4)
    client = boto3.client("s3", region_name="us-east-1")
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=3650)
    for backup, end in ((locked, until), (expired, NOW)):
        client.put_object_retention(
            Bucket="backups", Key=file_key("jobs", backup.id),
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": end},
        )  # fmt: skip
    client.put_object_legal_hold(Bucket="backups", Key=file_key("jobs", held.id), LegalHold={"Status": "ON"})
    done = pruned(s3, catalog)
    assert done.deleted == (expired.id,)
    assert done.kept[held.id] == "locked"
    assert done.kept[locked.id].startswith(f"locked until {until.year}-")
    assert set(catalog.kept_backups) == {held.id, locked.id, newest.id}
    client.close()


def test_a_lock_on_one_of_several_files_keeps_the_backup(
    company: TestDatabase, s3: S3Storage, catalog: FakeCatalog
) -> None:
    for days in (3, 2):
        take(company, s3, catalog, "hired_employees", now=NOW - days * DAY, part_bytes=4_096)
    oldest, newest = sorted(catalog.kept_backups.values(), key=lambda backup: backup.created)
    *_, last = load_manifest(s3, oldest).files
    client = boto3.client("s3", region_name="us-east-1")
    for status, deleted in (("ON", ()), ("OFF", (oldest.id,))):
        client.put_object_legal_hold(Bucket="backups", Key=last.file, LegalHold={"Status": status})
        assert pruned(s3, catalog).deleted == deleted
    assert set(catalog.kept_backups) == {newest.id}
    assert keys(s3) == {manifest_key(newest.table, newest.id), *(each.file for each in load_manifest(s3, newest).files)}
    client.close()


class Dying(FolderStorage):
    """A folder whose function is killed after so many deletions."""

    left = 0

    def delete(self, key: str) -> None:
        if self.left == 0:
            raise RuntimeError(f"killed before {key}")
        self.left -= 1
        super().delete(key)


def test_a_pass_that_is_killed_anywhere_is_finished_by_later_ones(company: TestDatabase, tmp_path: Path) -> None:
    for left in range(4):
        storage, catalog = Dying(tmp_path / str(left)), FakeCatalog()
        *_, newest = days_of(company, storage, catalog, 3)
        storage.left = left
        with pytest.raises(RuntimeError, match="killed before"):
            pruned(storage, catalog)
        there = take_inventory(storage)
        assert set(catalog.kept_backups) <= set(there.whole), "what is listed is there"
        storage.left = -1
        pruned(storage, catalog)
        tomorrow = dt.datetime.now(dt.UTC) + 2 * DAY  # of the files' clock
        prune(storage, catalog, NEWEST, now=tomorrow, in_use=dict)
        assert keys(storage) == keys_of(newest)
        assert set(catalog.kept_backups) == {newest.id}


def test_what_never_became_a_backup_is_swept_away_after_a_day(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog
) -> None:
    unfinished, newest = days_of(company, storage, catalog, 2)
    storage.delete(manifest_key("jobs", unfinished.id))
    for key in ("notes.txt", "backups/jobs/notes.txt", "backups/jobs/notes/data.avro", "other/x/data.avro"):
        storage.put(key, b"not ours")
    others = {each for each in keys(storage) if "notes" in each or "other" in each}
    files_clock = dt.datetime.now(dt.UTC)
    for hours, left in ((23, {file_key("jobs", unfinished.id)}), (25, set[str]())):
        now = files_clock + dt.timedelta(hours=hours)
        done = prune(storage, catalog, NEWEST, now=now, in_use=dict)
        assert keys(storage) == others | keys_of(newest) | left
        assert done.unfinished == (0 if left else 1)


def test_the_catalogue_lists_no_longer_what_somebody_else_deleted(
    company: TestDatabase, storage: Storage, catalog: FakeCatalog
) -> None:
    gone, newest = days_of(company, storage, catalog, 2)
    for key in keys_of(gone):
        storage.delete(key)
    assert pruned(storage, catalog).unlisted == 1
    assert set(catalog.kept_backups) == {newest.id}


def test_deleting_in_a_bucket_with_versions_can_be_undone(
    company: TestDatabase, s3: S3Storage, catalog: FakeCatalog
) -> None:
    oldest, _ = days_of(company, s3, catalog, 2)
    key = file_key("jobs", oldest.id)
    version = s3.head(key).version
    assert pruned(s3, catalog).deleted == (oldest.id,)
    with pytest.raises(NotFound):
        s3.head(key)
    assert s3.head(key, version).size == oldest.bytes


class Counting(FolderStorage):
    """A folder that counts what is looked at."""

    heads = 0

    def head(self, key: str, version: str | None = None) -> StoredObject:
        self.heads += 1
        return super().head(key, version)


def test_locks_are_looked_at_once_and_only_of_what_goes(
    company: TestDatabase, tmp_path: Path, catalog: FakeCatalog
) -> None:
    storage = Counting(tmp_path)
    *_, bad = days_of(company, storage, catalog, 4)
    storage.put(file_key("jobs", bad.id), b"x" * bad.bytes)
    assert len(pruned(storage, catalog).deleted) == 2
    assert storage.heads == 3
