"""Backups of big tables in parts: cut anywhere, made by anybody, of one moment, and whole or no backup."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import worker
from chalicelib.backup import pages, sharing
from chalicelib.backup import ranges as ranges_module
from chalicelib.backup.catalogue import copy_backup, manifests, rebuild_catalog
from chalicelib.backup.drill import drill
from chalicelib.backup.inventory import take_inventory
from chalicelib.backup.manifest import PART, file_key, manifest_key, parse_manifest, render_manifest
from chalicelib.backup.pruning import prune
from chalicelib.backup.ranges import EVERYTHING, cut
from chalicelib.backup.retention import Policy
from chalicelib.backup.sharing import Part, SnapshotGone, make_part
from chalicelib.backup.verification import load_manifest, verify
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import BackupDamaged, DecantError, DrillFailed, Unavailable
from chalicelib.ports import Backup, RunState, Storage
from chalicelib.postgres import PostgresDatabase
from chalicelib.storage import FolderStorage
from chalicelib.work.messages import BackupTask
from tests.conftest import TestDatabase
from tests.contract.backup_support import NOW, fill, keys, put_back, quiet, stock, tables, take
from tests.contract.test_loads import Intake
from tests.fakes import FakeCatalog

MakeDatabase = Callable[[Dictionary], Any]
EMPLOYEES = "hired_employees"
ROWS = 2_000
# As small as it takes to cut that table into seven parts or so.
SMALL = 32 * 1024
DAY = dt.timedelta(days=1)


@pytest.fixture
def company(company: TestDatabase) -> TestDatabase:
    """With two thousand employees."""
    company.query(
        f"""WITH filled AS (INSERT INTO {EMPLOYEES}
        SELECT n, 'Ann ' || n, '2021-01-01Z', 1, 7 FROM generate_series(40, {ROWS - 1}) n) SELECT"""
    )
    return company


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses and pages that suit small tables."""
    monkeypatch.setattr(sharing, "_PAUSE", 0.01)
    monkeypatch.setattr(pages, "_FIRST_PAGE_ROWS", 7)
    monkeypatch.setattr(pages, "_PAGE_ROWS", 100)


@contextmanager
def another(postgres: TestDatabase) -> Iterator[PostgresDatabase]:
    """The database as another worker reaches it."""
    database = PostgresDatabase(postgres.app.connect)
    try:
        yield database
    finally:
        database.close()


def saved_rows(storage: Storage, backup: Backup) -> list[Any]:
    """The rows of all files, in their order."""
    rows: list[Any] = []
    for each in load_manifest(storage, backup).files:
        with storage.open(each.file) as stream:
            records: Any = fastavro.reader(stream)
            rows += [tuple(record.values()) for record in records]
    return rows


# Where a table is cut

STOCK = stock()


@pytest.fixture(scope="module")
def warehouse(make_database: MakeDatabase) -> Iterator[TestDatabase]:
    with make_database(STOCK) as database:
        yield database


@given(
    sites=tables(STOCK.table("sites"), max_size=8),
    numbers=st.lists(st.integers(-9, 9), unique=True, max_size=3),
    part_bytes=st.sampled_from([1, 700, 3_000, 9_000, 10**9]),
)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_a_table_is_cut_what_comes_back_equals_it(
    warehouse: TestDatabase, tmp_path_factory: pytest.TempPathFactory, sites: Any, numbers: Any, part_bytes: int
) -> None:
    """Keys of text and of several columns; every row is in one file, in the order of the key."""
    storage, catalog = FolderStorage(tmp_path_factory.mktemp("stock")), FakeCatalog()
    for table in ("shelves", "sites"):
        warehouse.query(f"WITH gone AS (DELETE FROM {table}) SELECT")
    warehouse.query("WITH gone AS (DELETE FROM decant.runs) SELECT")
    fill(warehouse, "sites", sites)
    fill(warehouse, "shelves", [{"site": each["code"], "number": n} for each in sites for n in numbers])
    before = {table: warehouse.rows(table) for table in ("sites", "shelves")}
    backups = take(warehouse, storage, catalog, part_bytes=part_bytes)
    for backup in backups:
        files = load_manifest(storage, backup).files
        assert (len(files) == 1) == (part_bytes == 10**9 or backup.rows < 2)
        saved = saved_rows(storage, backup)
        key = [STOCK.table(backup.table).column_names.index(name) for name in STOCK.table(backup.table).primary_key]
        order = [[v.encode() if isinstance(v := row[at], str) else v for at in key] for row in saved]
        assert order == sorted(order)
        assert len(saved) == backup.rows == len(before[backup.table])
        assert verify(storage, STOCK, backup).refusal is None
    drill(warehouse.database, storage, STOCK, backups, progress=quiet)
    warehouse.query("WITH gone AS (DELETE FROM shelves WHERE number > 0) SELECT")
    warehouse.query("WITH new AS (UPDATE sites SET open = NOT coalesce(open, false)) SELECT")
    put_back(warehouse, storage, *backups)
    assert {table: warehouse.rows(table) for table in ("sites", "shelves")} == before


def test_the_parts_are_of_about_the_same_size(company: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the cuts come from a sample of some of the table's blocks."""
    monkeypatch.setattr(ranges_module, "_SAMPLED_BLOCKS", 15)
    table = company.dictionary.table(EMPLOYEES)
    with company.database.transaction() as transaction:
        transaction.run(
            f"INSERT INTO {EMPLOYEES} SELECT n, 'Bob', '2021-01-01Z', 1, 7 FROM generate_series({ROWS}, 19999) n"
        )
        [(size,)] = transaction.run(f"SELECT pg_table_size('{EMPLOYEES}')")
        found = cut(transaction, table, size // 4 + 1)
        counts = [
            transaction.run(f"SELECT count(*) FROM {EMPLOYEES} WHERE {' AND '.join(each.conditions('id')) or 'true'}")
            for each in found
        ]
    assert (len(found), sum(count for [(count,)] in counts)) == (4, 20_000)
    assert all(2_000 < count < 9_000 for [(count,)] in counts)


def test_a_small_table_stays_whole_and_a_huge_one_has_a_bounded_number_of_parts(
    company: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges_module, "MOST_PARTS", 3)
    table = company.dictionary.table(EMPLOYEES)
    with company.database.transaction() as transaction:
        assert cut(transaction, table, 10**9) == [EVERYTHING]
        assert len(cut(transaction, table, 1)) == 3


def test_a_table_without_statistics_that_grew_since_it_was_cut_loses_nothing(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    """The snapshot holds for the cuts as for the rows, so what comes later is in no part."""

    def grow(part: Part) -> None:
        with company.as_owner() as owner:
            owner.execute_simple(f"INSERT INTO {EMPLOYEES} VALUES ({-part.number}, 'New', '2021-01-01Z', 1, 7)")

    [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=grow)
    assert [row[0] for row in saved_rows(storage, backup)] == list(range(ROWS))


# Who makes the parts


def test_parts_that_others_make_are_of_the_same_moment(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    """Before each part is read, rows move from the end of the table to its beginning, and back."""
    made: list[bool] = []
    with another(company) as database, company.as_owner() as owner:

        def lend(part: Part) -> None:
            shift = 5 * ROWS if part.number % 2 else -5 * ROWS
            owner.execute_simple(f"UPDATE {EMPLOYEES} SET id = id + {shift} WHERE id % 2 = 0")
            owner.execute_simple(f"UPDATE {EMPLOYEES} SET name = 'changed' WHERE id % 3 = 0")
            made.append(make_part(database, storage, company.dictionary, part))

        [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=lend)
    assert len(made) > 4
    assert all(made)
    saved = saved_rows(storage, backup)
    assert [row[0] for row in saved] == list(range(ROWS))
    assert {row[1] for row in saved} == {f"Ann {n}" for n in range(ROWS)}
    assert verify(storage, company.dictionary, backup).refusal is None


def test_workers_share_the_parts_while_others_write(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    """Each transaction moves a row and keeps the number and the names of all; so does every moment, and the backup."""
    done = threading.Event()
    threads: list[threading.Thread] = []

    def write() -> None:
        with another(company) as database:
            n = 0
            while not done.is_set():
                with database.transaction() as transaction:
                    transaction.run(
                        f"""UPDATE {EMPLOYEES} SET id = {3 * ROWS} - id
                        WHERE id IN ({n % ROWS}, {3 * ROWS - n % ROWS})"""
                    )
                n += 7

    def work(part: Part) -> None:
        with another(company) as database, suppress(SnapshotGone):
            make_part(database, storage, company.dictionary, part)

    def lend(part: Part) -> None:
        threads.append(threading.Thread(target=work, args=[part]))
        threads[-1].start()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=lend)
    finally:
        done.set()
        for thread in (writer, *threads):
            thread.join()
    saved = saved_rows(storage, backup)
    assert len(saved) == backup.rows == ROWS
    assert {row[1] for row in saved} == {f"Ann {n}" for n in range(ROWS)}
    assert verify(storage, company.dictionary, backup).refusal is None


def test_a_part_is_made_once(company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog) -> None:
    """One that is in hand, or made, is left alone."""
    answers: list[bool] = []

    class Nosy(FolderStorage):
        """While a part is written, another worker tries the same."""

        @contextmanager
        def write(self, key: str) -> Iterator[BinaryIO]:
            with super().write(key) as stream:
                answers.append(make_part(third, storage, company.dictionary, offered[0]))
                yield stream

    offered: list[Part] = []
    with another(company) as second, another(company) as third:

        def lend(part: Part) -> None:
            if not offered:
                offered.append(part)
                nosy = Nosy(Path(storage.name))
                answers.extend(make_part(second, nosy, company.dictionary, part) for _ in range(2))

        [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=lend)
    assert answers == [False, True, False]
    first = load_manifest(storage, backup).files[0].file.rpartition("/")[0].rpartition("/")[0]
    assert len([key for key in keys(storage) if key.startswith(first)]) == 2


def test_without_others_the_worker_makes_all_parts_and_what_comes_late_does_nothing(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    offered: list[Part] = []
    [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=offered.append)
    assert len(offered) == len(load_manifest(storage, backup).files) > 4
    assert verify(storage, company.dictionary, backup).refusal is None
    before = keys(storage)
    with another(company) as database:
        for part in offered:
            with pytest.raises(SnapshotGone, match="has ended"):
                make_part(database, storage, company.dictionary, part)
    assert keys(storage) == before


def test_other_work_waits_behind_few_parts(company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog) -> None:
    """Others are offered the next parts as soon as they have made some, and none that is made already."""
    offered: list[Part] = []
    waiting: list[Part] = []
    made: list[bool] = []

    def lend(part: Part) -> None:
        offered.append(part)
        waiting.append(part)
        assert len(waiting) <= 2

    with another(company) as database:

        def work(_phase: str, _rows: int) -> None:
            while waiting:
                made.append(make_part(database, storage, company.dictionary, waiting.pop(0)))

        [backup] = take(
            company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=lend, at_once=2, progress=work
        )  # fmt: skip
    files = load_manifest(storage, backup).files
    assert [part.number for part in offered] == list(range(1, len(offered) + 1))
    assert 2 < sum(made) <= len(offered) < len(files)
    assert backup.rows == ROWS


def test_parts_that_nobody_takes_stay_few(company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog) -> None:
    offered: list[Part] = []
    take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=offered.append, at_once=2)
    assert [part.number for part in offered] == [1, 2]


def test_a_queue_that_is_down_is_no_reason_to_stop(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    def down(_part: Part) -> None:
        raise Unavailable("The work queue can't be reached.")

    [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=down)
    assert backup.rows == ROWS


def test_a_worker_of_another_dictionary_leaves_the_part_alone(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    made: list[bool] = []
    with another(company) as database:
        take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL,
             offer=lambda part: made.append(make_part(database, storage, stock(), part)))  # fmt: skip
    assert set(made) == {False}


class Stuck(FolderStorage):
    """A storage that ends a write only after a while."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.at_it, self.go_on = threading.Event(), threading.Event()

    @contextmanager
    def write(self, key: str) -> Iterator[BinaryIO]:
        with super().write(key) as stream:
            yield stream
            self.at_it.set()
            assert self.go_on.wait(30)


@pytest.mark.parametrize("number", [1, -1])
def test_a_part_whose_worker_dies_is_made_by_the_backup_s_own(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, number: int
) -> None:
    """And when that worker was not dead but cut off, and goes on later, it changes nothing of the backup."""
    stuck = Stuck(Path(storage.name))
    offered: list[Part] = []
    failed: list[BaseException] = []

    def work() -> None:
        with another(company) as database:
            try:
                make_part(database, stuck, company.dictionary, offered[number])
            except DecantError as error:
                failed.append(error)

    helper = threading.Thread(target=work)

    def lend(part: Part) -> None:
        offered.append(part)
        if len(offered) > 4 and not stuck.at_it.is_set():
            helper.start()
            assert stuck.at_it.wait(30)

    def watch(_phase: str, rows: int) -> None:
        if rows > ROWS / 2 and not failed:
            with company.as_admin() as admin, suppress(StopIteration):
                admin.execute_simple(
                    """SELECT pg_terminate_backend(pid) FROM pg_locks
                    WHERE locktype = 'advisory' AND pid <> pg_backend_pid() AND pid <> (
                        SELECT pid FROM pg_locks WHERE locktype = 'advisory' GROUP BY pid ORDER BY count(*) DESC LIMIT 1
                    )"""
                )

    [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=lend, progress=watch)
    whole = verify(storage, company.dictionary, backup).manifest
    assert whole.rows == ROWS
    stuck.go_on.set()
    helper.join()
    assert isinstance(failed[0], Unavailable)
    assert verify(storage, company.dictionary, backup).manifest == whole


def test_a_worker_that_holds_on_to_a_part_for_too_long_is_not_waited_for(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_PATIENCE", 0.1)
    with another(company) as database, database.transaction() as other:

        def hold(part: Part) -> None:
            if part.number == 2:
                other.run("SELECT pg_advisory_xact_lock(:lock)", lock=part.lock)

        with pytest.raises(Unavailable, match="holds on to a part"):
            take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, offer=hold)
    assert list(manifests(storage)) == []


# The worker


@pytest.fixture
def intake(company: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(company, tmp_path, backup_part_bytes=SMALL)


def test_a_backup_whose_worker_is_killed_begins_anew_and_the_old_parts_do_nothing(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = json.dumps(BackupTask("20261122T022045123456-4f2a9c1b", (EMPLOYEES,)).message())

    def killed(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(sharing, "_claim", killed)
        worker.handle(intake.services, task)
    intake.postgres.database.close()  # as the death of its process does
    old, intake.queue.sent[:] = list(intake.queue.sent), []
    assert len(old) > 4
    assert intake.catalog.kept_backups == {}
    worker.handle(intake.services, task, 2)
    [backup] = intake.catalog.kept_backups.values()
    storage = intake.services.backups
    before = keys(storage)
    for message, _ in (*old, *intake.queue.sent):
        worker.handle(intake.services, json.dumps(message))
    assert keys(storage) == before
    assert verify(storage, intake.postgres.dictionary, backup).manifest.rows == ROWS
    run = intake.the_run()
    assert (run.state, run.progress) == (RunState.SUCCEEDED, ROWS)


def test_workers_take_the_parts_from_the_queue(intake: Intake) -> None:
    """The next worker gets a message as soon as it is sent."""
    with intake.another() as other:

        class Prompt:
            def send(self, message: dict[str, Any], delay: int = 0) -> None:
                assert (message["work"], delay) == ("backup-part", 0)
                worker.handle(other.services, json.dumps(message))

        queue: Any = Prompt()
        task = json.dumps(BackupTask("20261122T022045123456-4f2a9c1b", ()).message())
        worker.handle(replace(intake.services, queue=queue), task)
    backup = next(each for each in intake.catalog.kept_backups.values() if each.table == EMPLOYEES)
    storage = intake.services.backups
    place = f"backups/{EMPLOYEES}/{backup.id}/"
    made = {key for key in keys(storage) if key.startswith(place) and PART.fullmatch(key.removeprefix(place))}
    assert len(made) == 2 * len(load_manifest(storage, backup).files)  # each with the manifest of another's part


def test_the_settings_tell_how_many_parts_are_in_the_queue(intake: Intake) -> None:
    services = intake.services
    task = json.dumps(BackupTask("20261122T022045123456-4f2a9c1b", (EMPLOYEES,)).message())
    worker.handle(replace(services, settings=replace(services.settings, parts_at_once=3)), task)
    assert [message["work"] for message, _ in intake.queue.sent] == ["backup-part"] * 3


def test_what_goes_wrong_with_a_part_is_left_to_the_backup_s_worker(intake: Intake) -> None:
    with intake.another() as other:

        class Refusing(FolderStorage):
            @contextmanager
            def write(self, key: str) -> Iterator[BinaryIO]:
                raise Unavailable(f"{key} can't be written.")
                yield

        class Prompt:
            def send(self, message: dict[str, Any], delay: int = 0) -> None:  # noqa: ARG002
                refusing: Any = Refusing(intake.folder / "backups")
                worker.handle(replace(other.services, backups=refusing), json.dumps(message))

        queue: Any = Prompt()
        task = json.dumps(BackupTask("20261122T022045123456-4f2a9c1b", (EMPLOYEES,)).message())
        worker.handle(replace(intake.services, queue=queue), task)
    run = intake.the_run()
    assert (run.state, run.progress) == (RunState.SUCCEEDED, ROWS)


# Whole or no backup


@pytest.fixture
def parted(company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog) -> Backup:
    [backup] = take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL)
    return backup


def damaged(storage: FolderStorage, backup: Backup, damage: str) -> str:
    """Damage a backup; the key of the file that is wrong."""
    _, second, third, *_ = (each.file for each in load_manifest(storage, backup).files)
    path = Path(storage.name)
    if damage == "gone":
        storage.delete(second)
    elif damage == "short":
        storage.put(second, (path / second).read_bytes()[:-1])
    elif damage == "flipped":
        content = bytearray((path / second).read_bytes())
        content[len(content) // 2] ^= 1
        storage.put(second, bytes(content))
    else:
        before = (path / second).read_bytes()
        storage.put(second, (path / third).read_bytes())
        storage.put(third, before)
    return second


@pytest.mark.parametrize("damage", ["gone", "short", "flipped", "swapped"])
def test_a_damaged_part_is_refused_by_its_name(
    company: TestDatabase, storage: FolderStorage, parted: Backup, tmp_path: Path, damage: str
) -> None:
    key = damaged(storage, parted, damage)
    with pytest.raises(BackupDamaged, match=key):
        verify(storage, company.dictionary, parted)
    with pytest.raises(BackupDamaged, match=key):
        put_back(company, storage, parted)
    with pytest.raises(DrillFailed, match=key):
        drill(company.database, storage, company.dictionary, [parted], progress=quiet)
    folder = FolderStorage(tmp_path / "copy")
    with pytest.raises(BackupDamaged, match=key):
        copy_backup(storage, folder, load_manifest(storage, parted))
    assert not any(key.endswith(f"{parted.id}/manifest.json") for key in keys(folder))
    found = take_inventory(storage)
    if damage in ("gone", "short"):
        assert key in found.damaged[parted.id]


def test_parts_put_in_another_order_are_refused(storage: FolderStorage, parted: Backup) -> None:
    """Though all of them are whole, and the manifest is sealed anew."""
    manifest = load_manifest(storage, parted)
    first, second, *others = manifest.files
    with pytest.raises(BackupDamaged, match="whose files are"):
        parse_manifest(
            render_manifest(replace(manifest, files=(second, first, *others))), manifest_key(EMPLOYEES, parted.id)
        )


def test_parts_are_copied_and_listed_like_any_backup(
    company: TestDatabase, storage: FolderStorage, parted: Backup, tmp_path: Path
) -> None:
    folder = FolderStorage(tmp_path / "copy")
    for _ in range(2):
        copy_backup(storage, folder, load_manifest(storage, parted))
    rebuilt = FakeCatalog()
    assert rebuild_catalog(folder, rebuilt) == 1
    assert rebuilt.kept_backups == {parted.id: parted}
    before = company.rows(EMPLOYEES)
    company.query(f"WITH gone AS (DELETE FROM {EMPLOYEES} WHERE id % 3 = 1) SELECT")
    put_back(company, folder, parted)
    assert company.rows(EMPLOYEES) == before


def test_a_deleted_backup_leaves_nothing_of_its_parts(
    company: TestDatabase, storage: FolderStorage, catalog: FakeCatalog
) -> None:
    """Nor do tries at parts, nor attempts that were cut off."""
    with another(company) as database:
        for days in (9, 8):
            take(company, storage, catalog, EMPLOYEES, part_bytes=SMALL, now=NOW - days * DAY,
                 offer=lambda part: make_part(database, storage, company.dictionary, part))  # fmt: skip
    oldest, newest = sorted(catalog.kept_backups)
    storage.put(f"backups/{EMPLOYEES}/{oldest}/0001/01234567/data.avro", b"of a worker that came late")
    done = prune(storage, catalog, Policy(1), now=NOW, in_use=dict)
    assert done.deleted == (oldest,)
    assert all(key.startswith(f"backups/{EMPLOYEES}/{newest}/") for key in keys(storage))
    storage.delete(manifest_key(EMPLOYEES, newest))
    done = prune(storage, catalog, Policy(1), now=NOW + 400 * DAY, in_use=dict)
    assert (done.unfinished, keys(storage)) == (1, set())


# Backups of older versions


def test_a_backup_of_format_1_is_verified_restored_and_rehearsed(
    make_database: MakeDatabase, catalog: FakeCatalog
) -> None:
    """As it was written before there were parts."""
    storage = FolderStorage(Path(__file__).with_name("format-1"))
    assert rebuild_catalog(storage, catalog) == 2
    backups = list(catalog.kept_backups.values())
    with make_database(STOCK) as database:
        for backup in backups:
            manifest = verify(storage, STOCK, backup).manifest
            key = manifest_key(backup.table, backup.id)
            assert render_manifest(manifest) == (Path(storage.name) / key).read_bytes()
            assert [each.file for each in manifest.files] == [file_key(backup.table, backup.id)]
        drill(database.database, storage, STOCK, backups, progress=quiet)
        put_back(database, storage, *backups)
        assert [row[:4] for row in database.rows("shelves")] == [
            ("B", 7, None, None), ("ä", 1, None, None), ("ä", 2, "ä", 1),
        ]  # fmt: skip
