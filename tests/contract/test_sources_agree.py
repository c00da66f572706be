"""The same rows give the same tables and the same rejections, whether they come as CSV, as a workbook or as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chalicelib.dictionary.model import Dictionary
from chalicelib.load.csv_source import CsvSource
from chalicelib.load.header import header_columns
from chalicelib.load.json_source import JsonSource
from chalicelib.load.options import LoadOptions, OnConflict
from chalicelib.load.rows import Source
from chalicelib.load.workbook_source import WorkbookSource
from chalicelib.load.writer import write
from sample_data.workbook import workbook_bytes
from tests.conftest import TestDatabase
from tests.logged import rejections

TABLE = "hired_employees"
Row = dict[str, str | None]

_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=12)
_INTEGERS = st.one_of(
    st.integers(1, 6).map(str),
    st.integers(1, 6).map(lambda number: f" {number}.0 "),
    st.sampled_from(["0", "-0", "+3", "007", "1.5", "1e3", "true", "NaN", "１", "2147483648", "9" * 40, "0x1", "1_0"]),  # noqa: RUF001
)
_DATETIMES = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat(timespec="microseconds") + "Z"),
    st.sampled_from(
        ["2021-07-27T16:02:08Z", "2021-07-27 16:02", "2021-07-27", "2021-02-30T00:00:00Z", "2020-02-29T23:59:59-05:00",
         "2021-01-01T24:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "27/07/2021", "2021-13-01"]
    ),
)  # fmt: skip
_BLANKS = st.sampled_from([None, "", "  "])


def _cell(good: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.one_of(good, good, good, good, _BLANKS, _TEXT)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": _cell(_INTEGERS),
            "name": _cell(st.one_of(_TEXT, st.sampled_from(["O'Kinneally", 'a "b", c', "=1+1", "NULL", "x\ny"]))),
            "datetime": _cell(_DATETIMES),
            "department_id": _cell(_INTEGERS),
            "job_id": _cell(_INTEGERS),
        }
    ),
    min_size=1,
    max_size=12,
)


def as_csv(rows: list[Row], columns: list[str], header: bool, end: str, mark: bool, last_end: bool) -> bytes:
    """The rows as some program would write them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end)
    if header:
        writer.writerow([name.upper() for name in columns])
    writer.writerows([[row[name] for name in columns] for row in rows])
    content = text.getvalue()
    content = content if last_end else content.removesuffix(end)
    return ("\ufeff" if mark else "").encode() + content.encode()


def as_workbook(rows: list[Row], columns: list[str], header: bool, numbers: bool) -> bytes:
    """The rows as a sheet; whole numbers as number cells when ``numbers``."""

    def cell(value: str | None) -> Any:
        if numbers and value is not None and value.isascii() and value.isdecimal() and len(value) < 10:
            return float(value)
        return value

    sheet = [[name.title() for name in columns]] if header else []
    return workbook_bytes({"Sheet1": [*sheet, *[[cell(row[name]) for name in columns] for row in rows]]})


def as_json(rows: list[Row], numbers: bool) -> list[dict[str, Any]]:
    """The rows as objects; whole numbers as JSON numbers when ``numbers``."""

    def value(text: str | None) -> Any:
        if numbers and text is not None and text.isascii() and text.isdecimal() and text[0] != "0":
            return int(text)
        return text

    return [{name: value(text) for name, text in row.items()} for row in rows]


@pytest.fixture(scope="module")
def postgres(make_database: Any, dictionary: Dictionary) -> Iterator[TestDatabase]:
    with make_database(dictionary) as database:
        database.query("INSERT INTO departments VALUES (1, 'A'), (2, 'B'), (3, 'C')")
        database.query("INSERT INTO jobs VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        yield database


class _UndoneError(Exception):
    pass


def outcome(postgres: TestDatabase, source: Source, on_conflict: OnConflict) -> tuple[Any, ...]:
    """Counts, table and rejections after a source was written to a table that has one row already."""
    result: tuple[Any, ...] = ()
    with suppress(_UndoneError), postgres.database.transaction() as transaction:
        transaction.run(f"INSERT INTO {TABLE} VALUES (1, 'Ann Lee', '2021-07-27T16:02:08Z', 1, 1)")
        table = postgres.dictionary.table(TABLE)
        written = write(transaction, table, source, LoadOptions(on_conflict), run="r")
        logged = [
            (row.row, sorted((each.column or "", each.code.value, each.message) for each in row.reasons))
            for row in rejections(transaction, "r", TABLE)
        ]
        rows = transaction.run(f"SELECT * FROM {TABLE} ORDER BY id")
        result = (written.counts, rows, logged)
        raise _UndoneError
    return result


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS,
    columns=st.permutations(["id", "name", "datetime", "department_id", "job_id"]),
    header=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    on_conflict=st.sampled_from(OnConflict),
)
def test_sources_agree(
    postgres: TestDatabase,
    rows: list[Row],
    columns: list[str],
    header: bool,
    end: str,
    flags: tuple[bool, bool, bool],
    on_conflict: OnConflict,
) -> None:
    table = postgres.dictionary.table(TABLE)
    rows = [row for row in rows if any(cell is not None and cell.strip() for cell in row.values())]
    assume(rows)
    columns = columns if header else list(table.column_names)
    assume(header or header_columns(table, [rows[0][name] for name in columns]) is None)
    mark, last_end, numbers = flags
    from_json = outcome(postgres, JsonSource(table, as_json(rows, numbers)), on_conflict)
    content = as_csv(rows, columns, header, end, mark, last_end)
    assert outcome(postgres, CsvSource(table, io.BytesIO(content), block=4096), on_conflict) == from_json
    workbook = as_workbook(rows, columns, header, numbers)
    assert outcome(postgres, WorkbookSource(table, workbook), on_conflict) == from_json
    counts = from_json[0]
    assert counts.read == len(rows) == counts.inserted + counts.updated + counts.unchanged + counts.rejected
    assert counts.rejected == len(from_json[2])
