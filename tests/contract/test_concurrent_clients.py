"""A property: whatever several clients do at once, they might as well have done it one after the other.

Loads, batches under idempotency keys, corrections, replays, backups, restores, deletions by hand and reads meet each
other over connections of their own: all running freely, or led into each other statement by statement, by a plan. What
every client was told, and what is there in the end, must be explained by some order of the operations; see
``tests.races.model``. ``make races`` does the same for as long as it is told to.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from chalicelib.backup import swap
from chalicelib.dictionary.model import Dictionary
from chalicelib.load import choice, turns, writer
from tests import seeds
from tests.conftest import MakeDatabase, TestDatabase
from tests.races.company import SHAPE, Company, hired, numbered
from tests.races.model import BackUp, Correct, Delete, Restore, Row, Write

EXAMPLES = int(os.environ.get("DECANT_RACES_EXAMPLES", "6"))
EVERY = int(os.environ.get("DECANT_RACES_EVERY", "12"))
END = time.monotonic() + float(os.environ.get("DECANT_RACES_SECONDS", "inf"))


@pytest.fixture
def big(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than three rows are written directly, and four or more as a big load is; nobody waits long for its turn."""
    monkeypatch.setattr(turns, "_TURN_PAUSE", 0.005)
    monkeypatch.setattr(choice, "FEW", 3)
    monkeypatch.setattr(writer, "SET_WISE_FROM", 4)
    monkeypatch.setattr(swap, "SET_WISE_FROM", 4)


@pytest.fixture(scope="module")
def database(make_database: MakeDatabase, dictionary: Dictionary) -> Iterator[TestDatabase]:
    with make_database(dictionary) as made:
        yield made


@pytest.fixture
def tally() -> Iterator[Counter[str]]:
    """What was done is printed, and written down for who asks for it."""
    found: Counter[str] = Counter()
    yield found
    print(dict(found))
    seeds.tally(found)


@pytest.mark.usefixtures("big")
def test_what_clients_do_at_once_they_might_have_done_one_after_the_other(
    database: TestDatabase, tmp_path: Path, tally: Counter[str]
) -> None:
    def company() -> Company:
        tally.update(examples=1)
        return Company(database, tmp_path / "bucket", tally)

    run_state_machine_as_test(
        cast("type[Company]", company),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            database=None,
            # Where time decides as well, a smaller example would be another one.
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert tally["rounds"] > 0


Work = Callable[[Company, int], None]


def a_file(table: str, rows: tuple[tuple[int, Row], ...], mode: str = "reject") -> Work:
    return lambda company, client: company.drop(client, table, mode, rows)


def a_batch(*rows: tuple[str, tuple[tuple[int, Row], ...]], **more: Any) -> Work:
    return lambda company, client: company.arrange(client, Write(rows, **more))


def the_same(company: Company, client: int) -> None:
    [[other], *_] = company.pending
    company.arrange(client, other)


def a_restore(*tables: str) -> Work:
    return lambda company, client: company.arrange(client, Restore(min(company.state.backups), tables))


def another_restore(*tables: str) -> Work:
    return lambda company, client: company.arrange(client, Restore(max(company.state.backups), tables))


def a_correction(company: Company, client: int) -> None:
    [(run, table, number)] = company.state.waiting
    [(_, row)] = hired("6")
    company.arrange(client, Correct(run, Write(((table, ((number, row),)),))))


def a_backup(company: Company, client: int) -> None:
    company.arrange(client, BackUp())


def a_deletion(table: str, key: str) -> Work:
    return lambda company, client: company.arrange(client, Delete(table, key))


NEW, OF_ART, OTHERS = numbered(("4", "New")), hired("9", department="3"), hired("1", "9", name="Bo")
STAGED = hired("1", "8", "9", name="Bo")
ORPHANS = hired("8", "9", department="9")
FIVE = hired("1", "2", "3", "4", "5", name="Bo")
FAMILY = ("departments", NEW), ("hired_employees", hired("4", "5", department="4"))
MEETINGS: dict[str, tuple[Work, Work]] = {
    "one event twice": (a_file("hired_employees", hired("4", "5")), the_same),
    "one big event twice": (a_file("hired_employees", FIVE, "update"), the_same),
    "one content under two keys": (a_file("departments", NEW), a_file("departments", NEW)),
    "one rejected content under two keys": (a_file("hired_employees", ORPHANS), a_file("hired_employees", ORPHANS)),
    "files with the same ids": (a_file("hired_employees", FIVE), a_file("hired_employees", hired("5", "4", "9", "8"))),
    "a file and a batch": (a_file("hired_employees", FIVE, "skip"), a_batch(("hired_employees", hired("5", "3", "9")))),
    "one idempotency key twice": (a_batch(("departments", NEW), once="k"), the_same),
    "batches with the same ids": (a_batch(*FAMILY, mode="update"), a_batch(*FAMILY, atomic=True)),
    "one correction twice": (a_correction, a_correction),
    "a restore and a batch": (a_restore(*SHAPE), a_batch(("hired_employees", hired("1", "2", "9")), mode="update")),
    "a batch and a restore": (a_batch(*FAMILY), a_restore(*SHAPE)),
    "a restore and a file": (a_restore("hired_employees"), a_file("hired_employees", hired("9"))),
    "a big file and a restore": (a_file("hired_employees", FIVE, "update"), a_restore(*SHAPE)),
    "a restore of parents and a batch": (a_restore("departments"), a_batch(("hired_employees", OF_ART))),
    "two restores of one table": (a_restore("hired_employees"), another_restore("hired_employees")),
    "a backup and a batch of parents and children": (a_backup, a_batch(*FAMILY)),
    "a batch and a backup": (a_batch(*FAMILY), a_backup),
    "a backup and a restore": (a_backup, a_restore(*SHAPE)),
    "a big file and a backup": (a_file("hired_employees", FIVE, "update"), a_backup),
    "a batch and a deletion of its parent": (a_batch(("hired_employees", OF_ART)), a_deletion("departments", "3")),
    "a staged file and a deletion of a rival": (a_file("hired_employees", STAGED), a_deletion("hired_employees", "1")),
    "a batch and a deletion of what it has": (a_batch(("hired_employees", OTHERS)), a_deletion("hired_employees", "1")),
}  # fmt: skip


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize("meeting", MEETINGS)
def test_wherever_the_second_comes_in_the_first_nothing_is_lost_or_done_twice(
    database: TestDatabase, tmp_path: Path, tally: Counter[str], meeting: str
) -> None:
    """The one goes so many statements, then the other as far as it can, then both."""
    # `make races` tries every place, a test run only some, the first of them early enough for the shortest work. What
    # one place alone would show may so be passed by: it has a test of its own in test_concurrency.
    first = 0 if EVERY == 1 else 1 + sum(map(ord, meeting)) % 5
    met = 0
    for place in range(first, 100, EVERY):
        if time.monotonic() > END:
            pytest.skip(f"there is no time for place {place} and those behind it")
        company = Company(database, tmp_path / "bucket", tally)
        try:
            company.open_with_employees()
            for client, work in enumerate(MEETINGS[meeting]):
                work(company, client)
            if 0 in company.meet([(0, place), (1, 40)]):  # it was over before
                break
            met += 1
        finally:
            company.teardown()
    else:
        raise AssertionError("the first comes to no end")
    assert met, "the first was over before the second came in"
