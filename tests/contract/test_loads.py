"""Files ─▶ tables, on a real Postgres: the worker as the queue calls it, with a folder for a bucket."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from chalicelib import worker
from chalicelib.errors import NotFound, Unavailable
from chalicelib.load import loader, workbook_pieces
from chalicelib.load.turns import take_turn
from chalicelib.ports import Run, RunState, Source, StoredObject
from chalicelib.postgres import PostgresDatabase
from chalicelib.publishing import SET_WISE_FROM
from chalicelib.settings import PACKAGED_DICTIONARY, Settings
from chalicelib.storage import FolderStorage
from chalicelib.wiring import Services
from chalicelib.work import reporting
from sample_data.workbook import workbook_bytes
from tests.conftest import TestDatabase
from tests.fakes import FakeAuditLog, FakeCatalog, FakeQueue

DEPARTMENTS = b"1,Sales\n2,Legal\n3,Support\n"
JOBS = b"1,Clerk\n2,Chief\n"


@dataclass
class Intake:
    """A bucket to drop files into, and the worker that its events reach."""

    postgres: TestDatabase
    folder: Path
    parent_wait: int = 60
    backup_part_bytes: int = 10**9
    catalog: FakeCatalog = field(default_factory=FakeCatalog)
    queue: FakeQueue = field(default_factory=FakeQueue)
    dropped: int = 0

    @property
    def services(self) -> Services:
        settings = Settings(
            "test", "intake", "backups", "queue", "catalog", "audit", "secret", "off", PACKAGED_DICTIONARY,
            self.parent_wait, backup_part_bytes=self.backup_part_bytes,
        )  # fmt: skip
        storage: Any = FolderStorage(self.folder)
        backups: Any = FolderStorage(self.folder / "backups")
        queue: Any = self.queue
        return Services(
            settings, self.postgres.dictionary, self.postgres.database, storage, backups, self.catalog, queue,
            FakeAuditLog(),
        )  # fmt: skip

    def the_run(self) -> Run:
        """The one run that there is."""
        [run] = self.catalog.kept_runs.values()
        return run

    def put(self, key: str, content: bytes, **metadata: str) -> dict[str, Any]:
        """Put an object, and return the event that tells of it."""
        storage = FolderStorage(self.folder)
        storage.put(f"incoming/{key}", content, metadata)
        self.dropped += 1
        return {
            "eventName": "ObjectCreated:Put",
            "eventTime": (dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=self.dropped)).isoformat(),
            "s3": {
                "bucket": {"name": storage.name},
                "object": {
                    "key": f"incoming/{key}".replace(" ", "+"),
                    "eTag": storage.head(f"incoming/{key}").etag,
                    "sequencer": f"{self.dropped:016X}",
                },
            },
        }

    def replay(self, source: Source, run: str) -> None:
        """Let the worker load an object again, whatever was loaded before."""
        named = {"bucket": source.bucket, "key": source.key, "version": None}
        worker.handle(self.services, json.dumps({"work": "load", "run": run, "source": named, "force": True}))

    def deliver(self, *events: dict[str, Any]) -> None:
        """Let the worker take one message with these events."""
        worker.handle(self.services, json.dumps({"Records": list(events)}))

    def deliver_again(self) -> None:
        """Let the worker take the oldest message that was put back into the queue."""
        message, _ = self.queue.sent.pop(0)
        worker.handle(self.services, json.dumps(message))

    def deliver_all(self) -> None:
        """Let the worker take what is put back into the queue until nothing is."""
        for _ in range(100):
            if not self.queue.sent:
                return
            self.deliver_again()
        raise AssertionError(f"the queue does not run dry: {self.queue.sent}")

    @contextmanager
    def another(self) -> Iterator[Intake]:
        """Another worker behind the same bucket, queue and catalogue, with a database connection of its own."""
        database = PostgresDatabase(self.postgres.app.connect)
        try:
            yield replace(self, postgres=replace(self.postgres, database=database))
        finally:
            database.close()

    def drop(self, key: str, content: bytes, **metadata: str) -> Run:
        """Put an object, deliver its event, and return its run."""
        before = set(self.catalog.kept_runs)
        self.deliver(self.put(key, content, **metadata))
        [new] = set(self.catalog.kept_runs) - before
        return self.catalog.kept_runs[new]

    def rejections(self, run: Run) -> list[tuple[int, str, str]]:
        """Row number, column and code of every reason, in order."""
        rows = self.postgres.query(
            "SELECT row, reasons FROM decant.rejections WHERE run = :run ORDER BY table_name, row", run=run.id
        )
        return [(row, reason["column"], reason["code"]) for row, reasons in rows for reason in reasons]


@pytest.fixture
def intake(postgres: TestDatabase, tmp_path: Path) -> Intake:
    return Intake(postgres, tmp_path)


def test_a_file_goes_into_its_table(intake: Intake) -> None:
    run = intake.drop("departments.csv", DEPARTMENTS)
    assert run.state is RunState.SUCCEEDED
    assert (run.counts.read, run.counts.inserted, run.counts.rejected) == (3, 3, 0)
    assert intake.postgres.rows("departments") == [(1, "Sales"), (2, "Legal"), (3, "Support")]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_while_a_file_is_read_its_rows_tell_how_many_to_expect(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    told: list[Run] = []
    put_run = intake.catalog.put_run

    def put(run: Run) -> None:
        told.append(run)
        put_run(run)

    monkeypatch.setattr(reporting, "_TELL_EVERY", 0)
    monkeypatch.setattr(intake.catalog, "put_run", put)
    monkeypatch.setattr(workbook_pieces, "_HEAD_SIZE", 4096)
    monkeypatch.setattr(workbook_pieces, "_READ", 2**17)
    monkeypatch.setattr(workbook_pieces, "_PIECE", 2**17)
    name, rows = "x" * 90, 40_000
    if suffix == "csv":
        content = "".join(f"{number},{name}\n" for number in range(rows)).encode()
    else:
        content = workbook_bytes({"departments": [[number, name] for number in range(rows)]})
    run = intake.drop(f"departments.{suffix}", content)
    expected = [each.expected for each in told if 0 < each.progress < rows]
    assert expected
    assert all(each is not None and 0.9 * rows < each < 1.1 * rows for each in expected)
    assert (run.counts.inserted, run.expected) == (rows, None)


def test_bad_rows_are_logged_and_the_good_ones_go_in(intake: Intake) -> None:
    run = intake.drop("departments/june.csv", b"1,Sales\n,Legal\nx,\n1,Again\n2,Support\n")
    assert (run.counts.read, run.counts.inserted, run.counts.rejected) == (5, 2, 3)
    assert intake.rejections(run) == [
        (2, "id", "constraint-error"),
        (3, "id", "type-error"),
        (3, "department", "constraint-error"),
        (4, "id", "primary-key"),
    ]


def test_the_same_event_twice_loads_once(intake: Intake) -> None:
    event = intake.put("departments.csv", DEPARTMENTS)
    intake.deliver(event)
    intake.deliver(event)
    assert intake.postgres.query("SELECT count(*), sum(inserted) FROM decant.runs") == [(1, 3)]


def test_the_same_content_under_another_name_is_a_duplicate(intake: Intake) -> None:
    first = intake.drop("departments.csv", DEPARTMENTS)
    second = intake.drop("departments copy.csv", DEPARTMENTS)
    assert second.state is RunState.DUPLICATE
    assert second.error is not None
    assert first.id in second.error["detail"]


def test_an_older_version_that_comes_late_does_not_undo_the_newer(intake: Intake) -> None:
    old = intake.put("departments/all.csv", b"1,Old\n", **{"on-conflict": "update"})
    new = intake.put("departments/all.csv", b"1,New\n", **{"on-conflict": "update"})
    intake.deliver(new)
    intake.deliver(old)
    assert intake.postgres.rows("departments") == [(1, "New")]
    states = sorted(run.state for run in intake.catalog.kept_runs.values())
    assert states == [RunState.REFUSED, RunState.SUCCEEDED]


def test_an_older_version_that_was_opened_first_does_not_undo_the_newer(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was the newest when it was looked at; the newer goes in while it waits for its turn."""
    old = intake.put("departments/all.csv", b"1,Old\n", **{"on-conflict": "update"})

    def the_newer_is_first(*turn: Any) -> None:
        monkeypatch.setattr(loader, "take_turn", take_turn)
        with intake.another() as other:
            new = other.drop("departments/all.csv", b"1,New\n", **{"on-conflict": "update"})
        assert new.state is RunState.SUCCEEDED
        take_turn(*turn)

    monkeypatch.setattr(loader, "take_turn", the_newer_is_first)
    intake.deliver(old)
    assert intake.postgres.rows("departments") == [(1, "New")]
    states = sorted(run.state for run in intake.catalog.kept_runs.values())
    assert states == [RunState.REFUSED, RunState.SUCCEEDED]


def test_a_file_of_children_waits_for_its_parents(intake: Intake) -> None:
    child = intake.put("hired_employees.csv", b"1,Ann Lee,2021-01-01T00:00:00Z,1,2\n")
    intake.deliver(child)
    run = intake.the_run()
    assert run.state is RunState.WAITING
    assert "departments is empty" in run.phase
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    intake.deliver_again()
    assert intake.catalog.kept_runs[run.id].state is RunState.SUCCEEDED
    assert len(intake.postgres.rows("hired_employees")) == 1


@pytest.mark.parametrize("parent", ["departments-more.csv", "Departments-More.CSV"])
def test_a_file_waits_for_a_file_of_its_parent_that_is_on_the_way(intake: Intake, parent: str) -> None:
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    more = intake.put(parent, b"9,Research\n")
    child = intake.drop("hired_employees.csv", b"1,Ann Lee,2021-01-01T00:00:00Z,9,2\n")
    assert child.state is RunState.WAITING
    intake.deliver(more)
    intake.deliver_again()
    assert intake.catalog.kept_runs[child.id].counts.inserted == 1


def test_waiting_has_an_end_and_says_so(intake: Intake) -> None:
    intake.parent_wait = 0
    run = intake.drop("hired_employees.csv", b"1,Ann Lee,2021-01-01T00:00:00Z,1,2\n")
    assert run.state is RunState.SUCCEEDED
    assert run.counts.rejected == 1
    assert run.note is not None
    assert "departments is empty" in run.note
    assert [reason[1:] for reason in intake.rejections(run)] == [
        ("department_id", "foreign-key"),
        ("job_id", "foreign-key"),
    ]


def test_a_file_that_went_ahead_and_can_not_be_read_says_that_too(intake: Intake) -> None:
    intake.parent_wait = 0
    run = intake.drop("hired_employees.csv", b"PK\x03\x04 no CSV")
    assert run.state is RunState.FAILED
    assert run.note is not None
    assert "departments is empty" in run.note


def test_keys_that_the_table_has_are_rejected_skipped_or_updated_as_the_file_asks(intake: Intake) -> None:
    intake.drop("departments.csv", b"1,Sales\n2,Legal\n")
    rejected = intake.drop("departments/a.csv", b"1,Sales\n2,Law\n3,Support\n")
    assert (rejected.counts.inserted, rejected.counts.unchanged, rejected.counts.rejected) == (1, 1, 1)
    skipped = intake.drop("departments/on-conflict=skip/b.csv", b"1,Sales\n2,Law\n4,Care\n")
    assert (skipped.counts.inserted, skipped.counts.unchanged, skipped.counts.rejected) == (1, 2, 0)
    updated = intake.drop("departments/c.csv", b"1,Sales\n2,Law\n5,Fleet\n", **{"on-conflict": "update"})
    assert (updated.counts.inserted, updated.counts.updated, updated.counts.unchanged) == (1, 1, 1)
    assert intake.postgres.rows("departments")[1] == (2, "Law")


def test_too_large_a_share_of_bad_rows_refuses_the_whole_file_and_logs_them(intake: Intake) -> None:
    run = intake.drop("departments/max-rejected=0.4/a.csv", b"1,Sales\n,Legal\n2,\n4,Care\n")
    assert run.state is RunState.REFUSED
    assert intake.postgres.rows("departments") == []
    assert len(intake.rejections(run)) == 2
    assert intake.drop("departments/max-rejected=0.5/b.csv", b"1,Sales\n,Legal\n2,\n4,Care\n").counts.inserted == 2


def test_a_replay_loads_the_same_content_again(intake: Intake) -> None:
    first = intake.drop("departments.csv", DEPARTMENTS)
    intake.postgres.query("DELETE FROM departments WHERE id = 2")
    assert first.source is not None
    intake.replay(first.source, "again")
    again = intake.catalog.kept_runs["again"]
    assert (again.state, again.counts.inserted, again.counts.unchanged) == (RunState.SUCCEEDED, 1, 2)


def test_a_replay_is_no_newer_version_than_what_comes_after_it(intake: Intake) -> None:
    first = intake.drop("departments.csv", DEPARTMENTS)
    assert first.source is not None
    intake.replay(first.source, "again")
    newer = intake.drop("departments.csv", b"9,Research\n")
    assert (newer.state, newer.counts.inserted) == (RunState.SUCCEEDED, 1)


def test_nothing_is_locked_while_the_bucket_is_listed(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    intake.drop("departments.csv", DEPARTMENTS)
    listed = FolderStorage.list
    locks = []

    def listing(storage: FolderStorage, prefix: str) -> Iterator[StoredObject]:
        with intake.postgres.as_owner() as owner:
            cursor = owner.cursor()
            cursor.execute("SELECT count(*) FROM pg_locks WHERE relation = 'departments'::regclass")
            locks.extend(cursor.fetchall())
        return listed(storage, prefix)

    monkeypatch.setattr(FolderStorage, "list", listing)
    intake.drop("hired_employees.csv", b"1,Ann Lee,2021-01-01T00:00:00Z,1,2\n")
    assert locks
    assert {count for [count] in locks} == {0}


def test_an_object_that_goes_between_the_look_and_the_load_fails_its_run(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_storage: FolderStorage, key: str, _version: str | None = None, **_: object) -> BinaryIO:
        raise NotFound(f"There is no {key}.")

    monkeypatch.setattr(FolderStorage, "open", gone)
    run = intake.drop("departments.csv", DEPARTMENTS)
    assert run.error is not None
    assert (run.state, run.error["code"]) == (RunState.FAILED, "object-gone")


def test_a_file_that_is_cut_on_its_way_is_no_shorter_file(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cut(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if not (content := super().read(size)):
                raise Unavailable("The connection to S3 broke.")
            return content

    content = b"".join(b"%d,Sales\n" % number for number in range(1, 20_000))
    whole = FolderStorage.open
    monkeypatch.setattr(FolderStorage, "open", lambda *_, **__: Cut(content))
    run = intake.drop("departments.csv", content)
    assert run.state is RunState.WAITING
    assert intake.postgres.query("SELECT (SELECT count(*) FROM departments), (SELECT count(*) FROM decant.runs)") == [
        (0, 0)
    ]
    monkeypatch.setattr(FolderStorage, "open", whole)
    intake.deliver_again()
    assert intake.catalog.kept_runs[run.id].counts.inserted == 19_999


def test_a_run_keeps_its_times_when_its_event_comes_again(intake: Intake) -> None:
    event = intake.put("departments.csv", DEPARTMENTS)
    intake.deliver(event)
    [first] = intake.catalog.kept_runs.values()
    intake.deliver(event)
    [again] = intake.catalog.kept_runs.values()
    [(ended,)] = intake.postgres.query("SELECT ended FROM decant.runs")
    assert (again.started, again.ended, again.state) == (first.started, ended, RunState.SUCCEEDED)


@pytest.mark.parametrize(
    ("key", "content", "code"),
    [
        ("unknown.csv", b"1,a\n", "unknown-table"),
        ("departments.pdf", b"%PDF", "unknown-format"),
        ("departments/on-conflict=maybe/a.csv", b"1,a\n", "bad-option"),
        ("departments/a.csv", b"", "empty-file"),
    ],
)
def test_a_file_that_can_not_be_loaded_fails_with_a_reason(intake: Intake, key: str, content: bytes, code: str) -> None:
    run = intake.drop(key, content)
    assert run.state is RunState.FAILED
    assert run.error is not None
    assert run.error["code"] == code
    assert run.error["hint"]


def test_an_object_that_is_gone_fails_its_run(intake: Intake) -> None:
    event = intake.put("departments.csv", DEPARTMENTS)
    FolderStorage(intake.folder).delete("incoming/departments.csv")
    intake.deliver(event)
    run = intake.the_run()
    assert run.error is not None
    assert run.error["code"] == "object-gone"


def test_folder_markers_test_events_and_deletions_are_no_files(intake: Intake) -> None:
    marker = intake.put("departments.csv", DEPARTMENTS)
    marker["s3"]["object"]["key"] = "incoming/departments/"
    removed = {**intake.put("jobs.csv", JOBS), "eventName": "ObjectRemoved:Delete"}
    intake.deliver(marker, removed)
    worker.handle(intake.services, json.dumps({"Event": "s3:TestEvent", "Bucket": "intake"}))
    assert intake.catalog.kept_runs == {}


def test_several_records_in_one_message_are_all_loaded(intake: Intake) -> None:
    intake.deliver(intake.put("departments.csv", DEPARTMENTS), intake.put("jobs.csv", JOBS))
    assert len(intake.postgres.rows("departments")) + len(intake.postgres.rows("jobs")) == 5


def test_a_key_with_blanks_and_accents_is_decoded(intake: Intake) -> None:
    event = intake.put("departments a+b ñ.csv".replace("+", "-"), DEPARTMENTS)
    event["s3"]["object"]["key"] = "incoming/departments+a-b+%C3%B1.csv"
    intake.deliver(event)
    run = intake.the_run()
    assert run.state is RunState.SUCCEEDED


def test_a_load_of_many_rows_is_published_as_a_set_and_gives_the_same(intake: Intake) -> None:
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", JOBS)
    intake.drop("hired_employees-1.csv", b"7,Ann Lee,2021-01-01T00:00:00Z,1,2\n8,Bo Ray,2021-01-01T00:00:00Z,1,2\n")
    rows = [f"{number},Ann Lee,2021-01-01T00:00:00Z,{number % 4},2" for number in range(1, SET_WISE_FROM * 3 // 2)]
    run = intake.drop("hired_employees-2.csv", "\n".join([*rows, *rows[:5]]).encode())
    counts = run.counts
    assert counts.read == len(rows) + 5
    orphans = sum(number % 4 == 0 for number in range(1, len(rows) + 1))
    repeated = 4  # of the five, one is an orphan, counted as such both times
    taken = 1  # 8 is an orphan; 7 has another department in the table
    assert counts.rejected == orphans + 1 + repeated + taken
    [(present, keys)] = intake.postgres.query(
        """SELECT (SELECT count(*) FROM hired_employees), (SELECT count(*) FROM pg_constraint
        WHERE conrelid = CAST('hired_employees' AS regclass) AND contype = 'f' AND convalidated)"""
    )
    assert (present, keys) == (counts.inserted + 2, 2)
