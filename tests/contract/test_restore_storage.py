"""A restore while its storage changes, is full of other things, or is damaged: as saved, or the table as it was."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from chalicelib import worker
from chalicelib.backup.catalogue import manifests, rebuild_catalog
from chalicelib.backup.inventory import take_inventory
from chalicelib.backup.manifest import manifest_key, part_manifest_key
from chalicelib.backup.pruning import prune
from chalicelib.backup.retention import Policy
from chalicelib.backup.verification import load_manifest
from chalicelib.errors import BackupDamaged, NotFound
from chalicelib.ports import Backup, Run, RunKind, RunState
from chalicelib.storage import FolderStorage
from chalicelib.work.messages import RestoreTask
from chalicelib.work.tidying import in_use
from decant.copies import newest
from tests.conftest import TestDatabase
from tests.contract.backup_support import NOW, Meddled, put_back, take
from tests.contract.test_loads import Intake
from tests.fakes import FakeCatalog
from tests.flips.damage import DAMAGES

EMPLOYEES = "hired_employees"
RUN = "20261122T022045123456-4f2a9c1b"
DAY = dt.timedelta(days=1)
# Small enough to cut the employees into two files or more.
SMALL = 4_096


@pytest.fixture
def company(company: TestDatabase) -> TestDatabase:
    """With a thousand employees."""
    company.query(
        f"""WITH filled AS (INSERT INTO {EMPLOYEES}
        SELECT n, 'Ann ' || n, '2021-01-01Z', 1, 7 FROM generate_series(40, 999) n) SELECT"""
    )
    return company


def change(postgres: TestDatabase) -> list[Any]:
    """Rows changed since the backup; what the table has now."""
    postgres.query(f"WITH gone AS (DELETE FROM {EMPLOYEES} WHERE id % 3 = 1) SELECT")
    postgres.query(f"WITH new AS (UPDATE {EMPLOYEES} SET name = 'Bob' WHERE id % 7 = 0) SELECT")
    return postgres.rows(EMPLOYEES)


# Damages


def test_a_damaged_backup_leaves_the_table_and_the_ledger_as_they_were(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    """Damages of every kind, of every file, before the bytes are checked and after."""
    [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL)
    files = [each.file for each in load_manifest(storage, backup).files]
    before = change(company)
    dice = random.Random(0)
    for number, damage in enumerate(each for each in DAMAGES if each.__name__ != "swap_blocks"):
        key = files[number % len(files)]
        whole = (Path(storage.name) / key).read_bytes()
        late = Late(Path(storage.name), key, damage(dice, whole))
        with pytest.raises(BackupDamaged, match=key):
            put_back(company, late, backup)
        storage.put(key, damage(dice, whole))
        with pytest.raises(BackupDamaged, match=key):
            put_back(company, storage, backup)
        storage.put(key, whole)
    assert company.rows(EMPLOYEES) == before
    assert company.query("SELECT count(*) FROM decant.runs") == [(0,)]
    put_back(company, storage, backup)
    assert [row[0] for row in company.rows(EMPLOYEES)] == list(range(1000))


class Late(FolderStorage):
    """A folder in which a file becomes another one when it has been read."""

    def __init__(self, path: Path, key: str, content: bytes) -> None:
        super().__init__(path)
        self._key, self._content, self._read = key, content, False

    def open(self, key: str, *rest: Any, **more: Any) -> BinaryIO:
        if key == self._key and self._read:
            self.put(key, self._content)
        self._read |= key == self._key
        return super().open(key, *rest, **more)


# Retention


@pytest.fixture
def intake(company: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(company, tmp_path)


def two_backups(intake: Intake) -> tuple[Backup, Backup]:
    """An old one in several parts, which the policy would delete, and a newer one."""
    storage: Any = intake.services.backups
    made = [
        take(intake.postgres, storage, intake.catalog, EMPLOYEES, part_bytes=SMALL, now=NOW - n * DAY)[0]
        for n in (9, 2)
    ]
    assert len(load_manifest(storage, made[0]).files) > 1
    return made[0], made[1]


def ordered(intake: Intake, backup: Backup) -> str:
    """A restore as the API orders it: the run, and the message."""
    intake.catalog.put_run(
        Run(id=RUN, kind=RunKind.RESTORE, table=EMPLOYEES, state=RunState.QUEUED, dictionary="", created=NOW,
            result={"backups": [backup.id]})
    )  # fmt: skip
    return json.dumps(RestoreTask(RUN, (backup.id,), dry_run=False).message())


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_retention_at_any_moment_of_a_restore_leaves_its_backup(intake: Intake, at: int) -> None:
    old, new = two_backups(intake)
    change(intake.postgres)
    told: list[Any] = []

    def tidy() -> None:
        told.append(
            prune(
                intake.services.backups, intake.catalog, Policy(1), now=NOW, in_use=lambda: in_use(intake.services, NOW)
            )
        )

    task = ordered(intake, old)
    folder: Any = Meddled(intake.folder / "backups", at, tidy)
    worker.handle(replace(intake.services, backups=folder), task)
    assert intake.catalog.kept_runs[RUN].state is RunState.SUCCEEDED
    assert [row[0] for row in intake.postgres.rows(EMPLOYEES)] == list(range(1000))
    assert [(each.deleted, each.kept) for each in told] == [((), {old.id: f"restore {RUN}", new.id: "last"})]
    tidy()
    assert told[1].deleted == (old.id,), "once the restore has ended"


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_backup_that_expires_during_a_restore_fails_it_with_the_table_as_it_was(intake: Intake, at: int) -> None:
    """As by a lifecycle rule of the bucket, or by hand."""
    old, new = two_backups(intake)
    before = change(intake.postgres)
    storage: Any = intake.services.backups
    keys = [each.key for each in storage.list(f"backups/{EMPLOYEES}/{old.id}/")]

    def expire() -> None:
        for key in keys:
            storage.delete(key)

    task = ordered(intake, old)
    folder: Any = Meddled(intake.folder / "backups", at, expire)
    worker.handle(replace(intake.services, backups=folder), task)
    run = intake.catalog.kept_runs[RUN]
    assert (run.state, (run.error or {})["code"]) == (RunState.FAILED, "backup-damaged")
    assert "is not there" in (run.error or {})["detail"]
    assert intake.postgres.rows(EMPLOYEES) == before
    assert intake.postgres.query("SELECT count(*) FROM decant.runs WHERE kind = 'restore' AND state = 'succeeded'") == [
        (0,)
    ]
    done = prune(intake.services.backups, intake.catalog, Policy(1), now=NOW, in_use=dict)
    assert (done.deleted, done.unlisted) == ((), 1)
    assert set(intake.catalog.kept_backups) == {new.id}


# What else is in the storage


@contextmanager
def left_alone(storage: FolderStorage, others: dict[str, bytes]) -> Iterator[None]:
    for key, content in others.items():
        path = Path(storage.name) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    yield
    assert {key: (Path(storage.name) / key).read_bytes() for key in others} == others


def test_a_folder_full_of_other_things_is_restored_from(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    names = [table.name for table in company.dictionary.tables]
    before = [company.rows(name) for name in names]
    backups = take(company, storage, catalog, part_bytes=SMALL)
    [employees] = [each for each in backups if each.table == EMPLOYEES]
    place = f"backups/{EMPLOYEES}/{employees.id}"
    file = load_manifest(storage, employees).files[0].file
    whole = (Path(storage.name) / file).read_bytes()
    newer = employees.id.replace("2026", "2027")
    another = newer[:-1] + ("1" if newer.endswith("0") else "0")
    others = {
        "Thumbs.db": b"", ".DS_Store": b"x", "manifest.json": b"{}", "backups/manifest.json": b"{}",
        f"backups/{EMPLOYEES}/manifest.json": b"{}", f"backups/{EMPLOYEES}/notes/manifest.json": b"{}",
        f"{place}/data.avro": whole, f"{place}/data.avro.tmp": b"half", f"{place}/manifest.json~": b"{}",
        f"{place}/manifest (1).json": (Path(storage.name) / place / "manifest.json").read_bytes(),
        f"{place}/0001/ffffffff/data.avro": whole, f"{place}/0099/ffffffff/data.avro": b"", f"{place}/.part": b"",
        f"{place}/{place}/manifest.json": (Path(storage.name) / place / "manifest.json").read_bytes(),
        f"backups/jobs/{newer}/data.avro": b"without a manifest",
        f"backups/jobs/{another}/manifest.json": (Path(storage.name) / place / "manifest.json").read_bytes(),
        f"backups/ñandú/{newer}/manifest.json": b"\xff\xfe", f"backups/empty/{newer}/manifest.json": b"",
    }  # fmt: skip
    (Path(storage.name) / f"backups/odd/{newer}/manifest.json/data.avro").mkdir(parents=True)
    with left_alone(storage, others):
        found = take_inventory(storage)
        assert set(found.whole) == {each.id for each in backups}
        assert len(found.damaged) == 2, "the manifest of another place, and those that are none"
        assert rebuild_catalog(storage, FakeCatalog()) == len(backups)
        chosen = newest(Path(storage.name), None)
        assert {each.id for each in chosen} == {each.id for each in backups}
        change(company)
        put_back(company, storage, *(each.to_backup() for each in chosen))
    assert [company.rows(name) for name in names] == before


def test_without_its_manifest_it_is_no_backup(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    """Killed before the manifest: the files of all parts, each with its own manifest, are nothing to restore."""
    [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL)
    own = manifest_key(EMPLOYEES, backup.id)
    content = (Path(storage.name) / own).read_bytes()
    storage.delete(own)
    storage.put(part_manifest_key(EMPLOYEES, backup.id, 1), content)
    before = change(company)
    assert list(manifests(storage)) == []
    with pytest.raises(NotFound, match="never finished or has been deleted"):
        put_back(company, storage, backup)
    assert company.rows(EMPLOYEES) == before


def test_a_newer_format_is_refused_with_what_to_do_and_kept(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    [old] = take(company, storage, catalog, EMPLOYEES, now=NOW - 9 * DAY)
    [newer] = take(company, storage, catalog, EMPLOYEES, now=NOW - 2 * DAY)
    key = manifest_key(EMPLOYEES, newer.id)
    content = (Path(storage.name) / key).read_bytes()
    storage.put(key, content.replace(b'"format": 1', b'"format": 3'))
    before = change(company)
    with pytest.raises(BackupDamaged, match=r"has the format 3; .* reads 1 and 2\. Restore it with the version that"):
        put_back(company, storage, newer)
    assert company.rows(EMPLOYEES) == before
    done = prune(storage, catalog, Policy(1), now=NOW, in_use=dict)
    assert (done.deleted, done.kept, set(done.damaged)) == ((), {old.id: "last"}, {newer.id})
