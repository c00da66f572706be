"""Bad input through the whole load, on a real Postgres: a clear error or logged rows, and never a good row lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.dictionary.model import Dictionary
from chalicelib.ports import RunState
from sample_data.workbook import workbook_bytes, zip_bytes
from tests.contract.test_loads import DEPARTMENTS, Intake
from tests.unit.test_workbook_source import cell, raw


@pytest.fixture(scope="module")
def intake(make_database: Any, dictionary: Dictionary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intake]:
    with make_database(dictionary) as postgres:
        yield Intake(postgres, tmp_path_factory.mktemp("intake"), parent_wait=0)


@pytest.fixture(autouse=True)
def _empty(intake: Intake) -> None:
    for table in ("hired_employees", "departments", "decant.rejections", "decant.runs"):
        intake.postgres.query(f"DELETE FROM {table}")


UNREADABLE = {
    "comma.xlsx": (DEPARTMENTS, "not-a-workbook"),
    "zip.csv": (workbook_bytes({"a": [[1, "a"]]}), "undecodable-bytes"),
    "utf-16.csv": (DEPARTMENTS.decode().encode("utf-16"), "undecodable-bytes"),
    "latin.csv": ("1,Atención\n".encode("latin-1"), "undecodable-bytes"),
    "semicolons.csv": (DEPARTMENTS.replace(b",", b";"), "wrong-columns"),
    "twice.csv": (b"id,department,ID\n1,a,1\n", "wrong-columns"),
    "open.csv": (DEPARTMENTS + b'"4\n', "unbalanced-quote"),
    "long.csv": (b'1,"' + b"x" * 9 * 2**20 + b'"\n', "cell-too-long"),
    "blank.csv": (b"\r\n \r\n,\r\n", "empty-file"),
    "binary.xlsb": (zip_bytes({"xl/workbook.bin": b""}), "old-workbook"),
    "far.xlsx": (raw(f'<row r="1">{cell("A1", 1)}{cell("XFD1", 1)}</row><row r="9999">{cell("A9999", 1)}</row>'),
                 "dangerous-workbook"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_can_not_be_read_fails_with_its_reason_and_writes_nothing(intake: Intake, name: str) -> None:
    content, code = UNREADABLE[name]
    run = intake.drop(f"departments/{name}", content)
    assert run.state is RunState.FAILED
    assert run.error is not None
    assert (run.error["code"], bool(run.error["hint"])) == (code, True)
    assert intake.postgres.rows("departments") == []
    assert intake.postgres.query("SELECT count(*) FROM decant.rejections") == [(0,)]


def test_a_readable_file_after_an_unreadable_one_loads(intake: Intake) -> None:
    intake.drop("departments/again.csv", b"1;a\n")
    assert intake.drop("departments/again.csv", DEPARTMENTS).counts.inserted == 3


def test_bad_cells_cost_no_good_row(intake: Intake) -> None:
    bad = ["1e3", "NaN", "Infinity", "true", "１２", "1.5", "2147483648", "-2147483649", "9" * 400, "NULL", '"1\n2"']  # noqa: RUF001
    lines = [f"{identifier},x" for identifier in bad]
    good = ["2147483647,=1+1", "-2147483648,NULL", "-0,\ufeff", "+7.000,O'Kinneally/\u2028", f"8,{'x' * 32_768}"]
    content = "\r\n".join([*lines, *good, "9", "10,a,b", ",,c", "", "11,\0"])
    run = intake.drop("departments/values.csv", content.encode())
    assert (run.counts.read, run.counts.inserted, run.counts.rejected) == (len(bad) + 9, 5, len(bad) + 4)
    assert {row[0] for row in intake.postgres.rows("departments")} == {2147483647, -2147483648, 0, 7, 8}
    codes = {number: code for number, _, code in intake.rejections(run)}
    assert set(codes) == {*range(1, len(bad) + 1), *range(len(bad) + 6, len(bad) + 10)}


def test_moments_that_never_were_cost_no_good_row(intake: Intake) -> None:
    intake.drop("departments.csv", DEPARTMENTS)
    intake.drop("jobs.csv", b"1,Clerk\n2,Chief\n")
    bad = ["2021-02-30T00:00:00Z", "2021-01-01T24:00:00Z", "0000-01-01", "10000-01-01", "44404.5", "NULL"]
    good = ["2021-07-27T16:02:08 +00:00", "2021-07-27 16:02:08", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"]
    lines = [f"{number},Ann Lee,{moment},1,1" for number, moment in enumerate([*bad, *good])]
    run = intake.drop("hired_employees.csv", "\n".join(lines).encode())
    assert run.counts.inserted == len(good)
    assert intake.rejections(run) == [(number, "datetime", "type-error") for number in range(1, len(bad) + 1)]
