"""Restoring backups of an older dictionary: by rule and with a report, or refused with the rows that are why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.backup.drill import drill
from chalicelib.backup.verification import verify
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import DrillFailed, RestoreRefused
from chalicelib.ports import Backup
from chalicelib.storage import FolderStorage
from tests.conftest import MakeDatabase, TestDatabase
from tests.contract.backup_support import field, fill, put_back, quiet, take
from tests.fakes import FakeCatalog

ID = field("id", "integer", required=True)
NAME = field("name", "string")
PAID = field("paid", "number", precision=9, scale=2)
MOST = 2_147_483_647
ROWS: list[dict[str, Any]] = [
    {"id": 1, "name": "Ann", "paid": Decimal("9999999.99")},
    {"id": -2, "name": None, "paid": Decimal("-0.01")},
    {"id": MOST, "name": "x" * 60, "paid": None},
]


def people(*fields: dict[str, Any], others: list[dict[str, Any]] | None = None, **schema: Any) -> Dictionary:
    table = {"name": "people", "schema": {"fields": list(fields), "primaryKey": ["id"], **schema}}
    return parse_dictionary({"resources": [*(others or []), table]})


OLD = people(ID, NAME, PAID)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> FolderStorage:
    return FolderStorage(tmp_path_factory.mktemp("backups"))


@pytest.fixture(scope="module")
def backup(make_database: MakeDatabase, storage: FolderStorage) -> Backup:
    """Of the old dictionary, with all of the rows."""
    with make_database(OLD) as old:
        fill(old, "people", ROWS)
        [backup] = take(old, storage, FakeCatalog())
    return backup


@contextmanager
def untouched(database: TestDatabase) -> Iterator[None]:
    before = database.rows("people")
    yield
    assert database.rows("people") == before
    assert database.query("SELECT count(*) FROM decant.runs") == [(0,)]


@pytest.mark.parametrize(
    ("now", "rows", "notes"),
    [
        (
            [ID, NAME, PAID, field("born", "date")],
            [(-2, None, Decimal("-0.01"), None), (1, "Ann", Decimal("9999999.99"), None), (MOST, "x" * 60, None, None)],
            ["The column born is newer than the backup: it is blank in every row."],
        ),
        (
            [
                field("id", "number", required=True, precision=12, scale=2),
                field("name", "string", constraints={"maxLength": 100}),
                field("paid", "number", precision=14, scale=4),
            ],
            [(-2, None, Decimal("-0.01")), (1, "Ann", Decimal("9999999.99")), (MOST, "x" * 60, None)],
            [
                "The column id was int in the backup; it is decimal(12, 2) now.",
                "The column paid was decimal(9, 2) in the backup; it is decimal(14, 4) now.",
            ],
        ),
        (
            [field("id", "integer", required=True, constraints={"maximum": 10**12}), PAID, NAME],
            [(-2, Decimal("-0.01"), None), (1, Decimal("9999999.99"), "Ann"), (MOST, None, "x" * 60)],
            ["The column id had 32 bits in the backup; it has 64 now."],
        ),
    ],
    ids=["a column added", "types that hold more", "64 bits, and other places"],
)  # fmt: skip
def test_what_the_table_of_today_can_hold_comes_back_and_the_report_tells_what_was_done(
    make_database: MakeDatabase,
    storage: FolderStorage,
    backup: Backup,
    now: list[dict[str, Any]],
    rows: list[Any],
    notes: list[str],
) -> None:
    with make_database(people(*now)) as new:
        found = verify(storage, new.dictionary, backup)
        assert (found.refusal, list(found.notes)) == (None, notes)
        [rehearsed] = drill(new.database, storage, new.dictionary, [backup], progress=quiet)
        [planned] = put_back(new, storage, backup, dry_run=True)
        [done] = put_back(new, storage, backup)
        assert (list(rehearsed.notes), planned) == (notes, done)
        assert (list(done.notes), done.inserted) == (notes, 3)
        assert sorted(new.rows("people")) == rows
        assert new.query("SELECT note FROM decant.runs") == [(" ".join(notes),)]
        new.query("WITH gone AS (DELETE FROM decant.runs) SELECT")
        [again] = put_back(new, storage, backup)
        assert again.unchanged == 3


def test_rows_that_are_there_are_compared_as_the_types_of_today_tell(
    make_database: MakeDatabase, storage: FolderStorage, backup: Backup
) -> None:
    now = people(ID, field("born", "date"), NAME, field("paid", "number", precision=12, scale=3))
    with make_database(now) as new:
        fill(
            new,
            "people",
            [
                {"id": 1, "name": "Ann", "paid": Decimal("9999999.990"), "born": None},
                {"id": -2, "name": None, "paid": Decimal("-0.011"), "born": None},
                {"id": MOST, "name": "x" * 60, "paid": None, "born": dt.date(1990, 1, 1)},
                {"id": 4, "name": None, "paid": None, "born": None},
            ],
        )
        [report] = put_back(new, storage, backup)
    assert (report.inserted, report.updated, report.deleted, report.unchanged) == (0, 2, 1, 1)


REFUSED: list[Any] = [
    (
        people(ID, {**NAME, "constraints": {"required": True}}, PAID),
        ["Row -2 of the backup of people has no name, which people requires now"],
    ),
    (
        people(ID, field("name", "string", constraints={"maxLength": 50}), PAID),
        ["Row 2147483647 of the backup of people has what people takes no more: its rule is (char_length(name) <= 50)"],
    ),
    (
        people(
            field("id", "integer", required=True, constraints={"maximum": 0}),
            field("name", "string", required=True, constraints={"enum": ["Ann", "Bob"]}),
            PAID,
        ),
        [
            "Row -2 of the backup of people has no name, which people requires now",
            "Rows 1, 2147483647 of the backup of people have what people takes no more: its rule is (id <= 0)",
            "Row 2147483647 of the backup of people has what people takes no more: its rule is "
            "(name = ANY (ARRAY['Ann'::text, 'Bob'::text]))",
        ],
    ),
    (
        people(
            ID, NAME, PAID,
            others=[{"name": "names", "schema": {"fields": [{**NAME, "constraints": {"required": True}}],
                                                 "primaryKey": ["name"]}}],
            foreignKeys=[{"fields": ["name"], "reference": {"resource": "names", "fields": ["name"]}}],
        ),
        [
            "Row 1 of the backup of people refers to names Ann, which is not there",
            f"Row 2147483647 of the backup of people refers to names {'x' * 60}, which is not there",
        ],
    ),
    (people(ID, NAME, PAID, field("born", "date", required=True)), "it has no column born, which is required now"),
    (people(ID, NAME), "the table has no column paid any more, and its values would be lost"),
    (people(ID, field("title", "string"), PAID), "the table has no column name any more"),
    (people(ID, NAME, field("paid", "number", precision=8, scale=2)), "paid is decimal(9, 2), now it is decimal(8, 2)"),
    (people(ID, field("name", "date"), PAID), "its column name is string, now it is date"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "reasons"),
    REFUSED,
    ids=["required", "shorter", "several rules", "foreign key", "new and required", "dropped", "renamed", "narrower",
         "another type"],
)  # fmt: skip
def test_what_the_table_of_today_can_not_hold_is_refused_with_the_reason_and_nothing_is_changed(
    make_database: MakeDatabase, storage: FolderStorage, backup: Backup, now: Dictionary, reasons: str | list[str]
) -> None:
    with make_database(now) as new, untouched(new):
        for dry_run in (True, False):
            with pytest.raises(RestoreRefused) as caught:
                put_back(new, storage, backup, dry_run=dry_run)
            if isinstance(reasons, str):
                assert reasons in caught.value.detail
                assert reasons in str(verify(storage, now, backup).refusal)
            else:
                assert [each["message"] for each in caught.value.errors] == reasons
                assert caught.value.detail.startswith(reasons[0])
            assert caught.value.hint
        with pytest.raises(DrillFailed, match=r"failed the drill|contradicts itself"):
            drill(new.database, storage, now, [backup], progress=quiet)


def test_broken_rules_are_told_in_words_and_as_a_program_reads_them(
    make_database: MakeDatabase, storage: FolderStorage, backup: Backup
) -> None:
    required = "Row -2 of the backup of people has no name, which people requires now"
    too_big = "Rows 1, 2147483647 of the backup of people have what people takes no more: its rule is (id <= 0)"
    too_long = (
        "Row 2147483647 of the backup of people has what people takes no more: its rule is (char_length(name) <= 50)"
    )
    small, named = (
        field("id", "integer", required=True, constraints={"maximum": 0}),
        field("name", "string", required=True),
    )
    short = field("name", "string", required=True, constraints={"maxLength": 50})
    for now, detail in (
        (people(ID, named, PAID), f"{required}."),
        (people(small, named, PAID), f"{required}. 1 more rule is broken."),
        (people(small, short, PAID), f"{required}. 2 more rules are broken."),
    ):
        with make_database(now) as new, pytest.raises(RestoreRefused) as caught:
            put_back(new, storage, backup)
        assert caught.value.detail == detail
    assert caught.value.hint == (
        "Restore a backup that is younger than the rule, or this one with the dictionary of its day, into another "
        "database."
    )
    people_of = {"table": "people"}
    assert caught.value.errors == [
        {"code": "missing-cell", **people_of, "columns": ["name"], "rows": ["-2"], "row_count": 1, "message": required},
        {
            "code": "constraint-error",
            **people_of,
            "columns": ["id"],
            "rows": ["1", "2147483647"],
            "row_count": 2,
            "message": too_big,
        },
        {
            "code": "constraint-error",
            **people_of,
            "columns": ["name"],
            "rows": ["2147483647"],
            "row_count": 1,
            "message": too_long,
        },
    ]


def test_what_two_columns_miss_of_one_parent_is_counted_together(
    make_database: MakeDatabase, storage: FolderStorage
) -> None:
    nick = field("nick", "string")
    with make_database(people(ID, NAME, nick)) as old:
        fill(old, "people", [{"id": 1, "name": "Ann", "nick": "An"}, {"id": 2, "name": "Bob", "nick": None}])
        [backup] = take(old, storage, FakeCatalog())
    names = {"fields": [field("name", "string", required=True)], "primaryKey": ["name"]}
    keys = [{"fields": [name], "reference": {"resource": "names", "fields": ["name"]}} for name in ("name", "nick")]
    now = people(ID, NAME, nick, others=[{"name": "names", "schema": names}], foreignKeys=keys)
    with make_database(now) as new, pytest.raises(RestoreRefused) as caught:
        put_back(new, storage, backup)
    assert caught.value.detail == (
        "Row 1 of the backup of people refers to names Ann, which is not there. "
        "Missed in the same way: 2 more of names."
    )
    assert [(each["columns"], each["value"], each["rows"]) for each in caught.value.errors] == [
        (["name"], "Ann", ["1"]),
        (["name"], "Bob", ["2"]),
        (["nick"], "An", ["1"]),
    ]


def test_a_reference_of_two_columns_is_met_by_both_together(
    make_database: MakeDatabase, storage: FolderStorage
) -> None:
    fields = [ID, field("team", "string", required=True), field("house", "string"), field("number", "integer")]
    own: dict[str, Any] = {"primaryKey": ["team", "id"]}
    places = [("x", "a", 1), ("x", "a", 2), ("y", "b", 1), ("x", "a", None), ("x", "b", 1), ("x", None, 3)]
    rows = [dict(zip(("id", "team", "house", "number"), (n, *each), strict=True)) for n, each in enumerate(places, 1)]
    with make_database(people(*fields, **own)) as old:
        fill(old, "people", rows)
        [backup] = take(old, storage, FakeCatalog())
    rooms = {
        "fields": [field("house", "string", required=True), field("number", "integer", required=True)],
        "primaryKey": ["house", "number"],
    }
    key = {"fields": ["house", "number"], "reference": {"resource": "rooms", "fields": ["house", "number"]}}
    now = people(*fields, others=[{"name": "rooms", "schema": rooms}], foreignKeys=[key], **own)
    with make_database(now) as new:
        fill(new, "rooms", [{"house": "a", "number": 1}, {"house": "c", "number": 2}])
        with pytest.raises(RestoreRefused) as caught:
            put_back(new, storage, backup)
    assert [(each["columns"], each["value"], each["rows"]) for each in caught.value.errors] == [
        (["house", "number"], "a/2", ["x/2"]),
        (["house", "number"], "b/1", ["x/5", "y/3"]),
    ]


def test_rows_are_named_by_the_whole_of_their_key_and_in_its_order(
    make_database: MakeDatabase, storage: FolderStorage
) -> None:
    place = field("place", "string", required=True)
    key: dict[str, Any] = {"primaryKey": ["place", "id"]}
    rows = [("b", 1), ("a", 10), ("a", 9)]
    with make_database(people(ID, place, NAME, **key)) as old:
        fill(old, "people", [{"id": n, "place": each, "name": None} for each, n in rows])
        [backup] = take(old, storage, FakeCatalog())
    with (
        make_database(people(ID, place, field("name", "string", required=True), **key)) as new,
        pytest.raises(RestoreRefused, match="Rows a/9, a/10, b/1 of the backup of people have no name"),
    ):
        put_back(new, storage, backup)


def test_the_listed_rows_are_capped_and_the_counted_are_not(
    make_database: MakeDatabase, storage: FolderStorage
) -> None:
    with make_database(people(ID, NAME)) as old:
        fill(old, "people", [{"id": n, "name": None if n % 2 else "x"} for n in range(40)])
        [backup] = take(old, storage, FakeCatalog())
    with make_database(people(ID, {**NAME, "constraints": {"required": True}})) as new, untouched(new):
        fill(new, "people", [])
        with pytest.raises(RestoreRefused, match="Rows 1, 3, 5, 7, 9 and 15 more of the backup of people have no name"):
            put_back(new, storage, backup)


def test_a_rule_that_every_row_meets_is_no_hindrance(make_database: MakeDatabase, storage: FolderStorage) -> None:
    with make_database(people(ID, NAME)) as old:
        fill(old, "people", [{"id": 1, "name": "Ann"}])
        [backup] = take(old, storage, FakeCatalog())
    now = people(ID, field("name", "string", required=True, constraints={"minLength": 3}))
    with make_database(now) as new:
        [report] = put_back(new, storage, backup)
        assert new.rows("people") == [(1, "Ann")]
    assert report.notes == (
        "The column name might be blank in the backup; it is required now, and no row may lack it.",
    )
