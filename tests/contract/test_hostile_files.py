"""Bad files through the whole load, on a real Postgres: a clear error or logged rows, and never a good row lost.

Each case is of a line of the list in tests/hostile.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import openpyxl
import pytest

from chalicelib.dictionary.model import Dictionary
from chalicelib.ports import RunState
from sample_data.workbook import BlankCell, ErrorCell, workbook_bytes, zip_bytes
from tests import hostile
from tests.contract.test_loads import DEPARTMENTS, JOBS, Intake
from tests.unit.test_workbook_source import ROW, bomb, book, by_openpyxl, cell, raw, sheet, with_parts

OLD = bytes.fromhex("d0cf11e0a1b11ae1")
BOM, LONG = b"\xef\xbb\xbf", "x" * 32_768
TYPE, RULE = "type-error", "constraint-error"
NOBODY = {"id": RULE, "department": RULE}
LAUGHS = '<!DOCTYPE l [<!ENTITY e0 "ha">' + "".join(
    f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)
) + "]>"  # fmt: skip
FAR = f'<row r="9">{cell("XFD9", 1)}</row>'


# What is big is made when its test runs.
Content = bytes | Callable[[], bytes]


def tail() -> bytes:
    """A good row, and fifty thousand blank ones at the end of the sheet."""
    return raw(ROW + "".join(f'<row r="{n}"><c r="A{n}" s="1"/></row>' for n in range(1_000_000, 1_048_577)))


@dataclass(frozen=True)
class Case:
    """A file of one line of the list, dropped as ``name``, and what is to become of it.

    ``refused`` is the code of the whole file. Else the keys of the rows that go ``in``, and by the line or row of the
    sheet the columns and codes of those that are ``out``.
    """

    line: str
    name: str
    content: Content
    refused: str | None = None
    rows: Mapping[int, Any] = field(default_factory=dict)
    out: Mapping[int, Mapping[Any, str]] = field(default_factory=dict)


def departments(line: str, name: str, content: Content, rows: Mapping[int, Any] | None = None, /, **out: Any) -> Case:
    return Case(line, f"departments/{name}", content, rows=rows or {}, **out)


def refused(line: str, name: str, content: Content, code: str) -> Case:
    return Case(line, f"departments/{name}", content, refused=code)


def csv(*lines: str, end: str = "\n") -> bytes:
    return end.join(lines).encode()


def with_cells(*cells: Any) -> bytes:
    """A sheet whose first row is good."""
    return book([1, "a"], *cells)


def dated(workbook: Any, *, epoch: dt.datetime | None = None) -> None:
    if epoch:
        workbook.epoch = epoch
    sheet = workbook.active
    sheet.delete_rows(1)
    moment = dt.datetime(2021, 7, 27, 16, 2, 8)
    sheet.append([1, "Ann", moment, 1, 1])
    sheet.append([2, "Bea", "2021-07-27T16:02:08Z", 1, 1])
    sheet.append([3, "Cem", 44404.66814814815, 1, 1])


MOMENT = dt.datetime(2021, 7, 27, 16, 2, 8, tzinfo=dt.UTC)


def hired(line: int, serial: int) -> str:
    """A row of the sheet with a good name, and a date cell of this serial."""
    name, moment = f'<c r="B{line}" t="str"><v>Ann</v></c>', cell(f"C{line}", serial, ' s="1"')
    return f'<row r="{line}">{cell(f"A{line}", line)}{name}{moment}{cell(f"D{line}", 1)}{cell(f"E{line}", 1)}</row>'


def merged(workbook: Any) -> None:
    workbook.active.append([2, "b"])
    workbook.active.merge_cells("B2:B4")
    workbook.active["A3"] = 3


def hidden(workbook: Any) -> None:
    secret = workbook.create_sheet("secret", 0)
    secret.append([9, "z"])
    secret.sheet_state = "hidden"


def many(workbook: Any) -> None:
    for number in range(200):
        workbook.create_sheet(f"more {number}").append([number, "x"])


BOOKS = [
    refused("wrong extension", "comma.xlsx", DEPARTMENTS, "not-a-workbook"),
    refused("wrong extension", "zip.csv", workbook_bytes({"a": [[1, "a"]]}), "undecodable-bytes"),
    refused("wrong extension", "letter.xlsx", zip_bytes({"word/document.xml": b"<a/>"}), "not-a-workbook"),
    refused(".xls", "old.xls", OLD + b"Workbook", "old-workbook"),
    refused(".xls", "renamed.xlsx", OLD + b"Workbook", "old-workbook"),
    refused(".xlsb", "binary.xlsb", zip_bytes({"xl/workbook.bin": b""}), "old-workbook"),
    refused("encrypted", "locked.xlsx", OLD + "EncryptedPackage".encode("utf-16-le"), "encrypted-file"),
    refused("zip bomb", "bomb.xlsx", lambda: bomb(60), "dangerous-workbook"),
    refused("thousands of entries", "many.xlsx", lambda: with_parts({f"xl/{n}.bin": b"" for n in range(10_001)}),
            "dangerous-workbook"),
    departments("../ entries", "up.xlsx", raw(ROW, extra={"../../evil.xml": b"<a/>", "/etc/evil": b"x"}), {1: "a"}),
    refused("DTD / billion laughs", "laughs.xlsx", raw(ROW.replace("<t>a", "<t>&e11;"), LAUGHS), "dangerous-workbook"),
    departments("error cells", "error.xlsx", with_cells([2, ErrorCell("#N/A")], [ErrorCell("#REF!"), "c"], [4, "d"]),
                {1: "a", 4: "d"}, out={2: {"department": TYPE}, 3: {"id": TYPE}}),
    departments("formulas without a cached value", "formula.xlsx",
                raw(ROW + f'<row r="2"><c r="A2"><f>1+1</f></c>{cell("B2", 5)}</row>'), {1: "a"},
                out={2: {"id": TYPE}}),
    departments("merged cells", "merged.xlsx", lambda: by_openpyxl(merged), {1: "a", 2: "b"},
                out={3: {"department": RULE}}),
    departments("hidden sheets", "hidden.xlsx", lambda: by_openpyxl(hidden), {1: "a"}),
    departments("many sheets", "sheets.xlsx", lambda: by_openpyxl(many), {1: "a"}),
    departments("false dimensions", "false.xlsx", with_parts({"xl/worksheets/sheet1.xml": sheet(ROW).replace(
        b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')}), {1: "a"}),
    Case("serial 60 of 1900", "hired_employees/sixty.xlsx", raw(hired(1, 60) + hired(2, 61)),
         rows={2: dt.datetime(1900, 3, 1, tzinfo=dt.UTC)}, out={1: {"datetime": TYPE}}),
    Case("1904 epoch", "hired_employees/mac.xlsx",
         lambda: by_openpyxl(partial(dated, epoch=openpyxl.utils.datetime.CALENDAR_MAC_1904)),
         rows={1: MOMENT, 2: MOMENT}, out={3: {"datetime": TYPE}}),
    Case("dates as serials or text", "hired_employees/dates.xlsx", lambda: by_openpyxl(dated),
         rows={1: MOMENT, 2: MOMENT}, out={3: {"datetime": TYPE}}),
    refused("16,384 columns", "far.xlsx", raw(ROW + FAR), "dangerous-workbook"),
    departments("blank tail of a million rows", "tail.xlsx", tail, {1: "a"}),
    departments("blank tail of a million rows", "blank.xlsx", with_cells([BlankCell(), BlankCell()], [3, "c"]),
                {1: "a", 3: "c"}),
]  # fmt: skip

FILES = [
    departments("BOM", "mark.csv", BOM + csv("1,a", "2,b"), {1: "a", 2: "b"}),
    departments("BOM", "marked-header.csv", BOM + csv("id,department", "1,a"), {1: "a"}),
    refused("UTF-16", "wide.csv", DEPARTMENTS.decode().encode("utf-16"), "undecodable-bytes"),
    refused("UTF-16", "wide-bare.csv", "1,Atenci\u00f3n\n".encode("utf-16-le"), "undecodable-bytes"),
    refused("latin-1", "latin.csv", "1,Atenci\u00f3n\n".encode("latin-1"), "undecodable-bytes"),
    departments("CR/LF/CRLF mixed", "ends.csv", b"1,a\r2,b\n3,c\r\n\r\r\n4\n5,e", {1: "a", 2: "b", 3: "c", 5: "e"},
                out={6: {"department": "missing-cell"}}),
    departments("quoted line breaks", "breaks.csv", b'1,"a\r\nb"\n2\n3,"c\rd\n"\n',
                {1: "a\r\nb", 3: "c\rd"}, out={3: {"department": "missing-cell"}}),
    refused("unbalanced quote", "open.csv", DEPARTMENTS + b'"4\n', "unbalanced-quote"),
    departments("NUL", "nul.csv", b'1,a\n2,\0\n3,"b\0\0\0\0""c"\n4,"d\n""e"\n', {1: "a", 4: 'd\n"e'},
                out={2: {"department": TYPE}, 3: {"department": TYPE}}),
    refused("; as delimiter", "semicolons.csv", DEPARTMENTS.replace(b",", b";"), "wrong-columns"),
    departments("header", "header.csv", csv("id,department", "1,a"), {1: "a"}),
    departments("no header", "bare.csv", csv("1,a"), {1: "a"}),
    refused("duplicated header", "twice.csv", csv("id,department,ID", "1,a,1"), "wrong-columns"),
    refused("duplicated header", "repeated.csv", csv("id,id", "1,1"), "wrong-columns"),
    departments("reordered header", "other-way.csv", csv("department,id", "a,1"), {1: "a"}),
    departments("header in another case", "case.csv", csv("ID, Department", "1,a"), {1: "a"}),
    departments("ragged rows", "ragged.csv", csv("1,a", "2", "3,c,x", "4,d,, ", ",,y", "6,f", end="\r\n"),
                {1: "a", 4: "d", 6: "f"}, out={2: {"department": "missing-cell"}, 3: {None: "extra-cell"},
                                              5: NOBODY | {None: "extra-cell"}}),
    refused("empty", "nothing.csv", b"", "empty-file"),
    refused("empty", "blank.csv", b"\r\n \r\n,\r\n", "empty-file"),
    departments("header only", "header-only.csv", csv("id,department", ""), {}),
    refused("one 100 MB field", "long.csv", lambda: b'1,"' + b"x" * 100 * 2**20 + b'"\n', "cell-too-long"),
]  # fmt: skip

IDS: dict[str, dict[str, Any]] = {
    "NaN": {"NaN": TYPE, "nan": TYPE},
    "Infinity": {"Infinity": TYPE, "-inf": TYPE},
    "-0": {"-0": 0},
    "1e3": {"1e3": TYPE, "1E3": TYPE, "1.5": TYPE, "1.000": 1, "true": TYPE},
    "full-width digits": {"\uff11\uff12": TYPE, "\u0661": TYPE},
    "int4 ± 1": {"2147483647": 2**31 - 1, "2147483648": RULE, "-2147483648": -(2**31), "-2147483649": RULE},
    "2^53 + 1": {"9007199254740993": RULE, "9" * 400: RULE},
    "NULL as text": {"NULL": TYPE, "null": TYPE},
}
MOMENTS: dict[str, dict[str, Any]] = {
    "24:00": {"2021-01-01T24:00:00Z": TYPE, "2021-01-01T23:59:60Z": TYPE},
    "Feb 30": {"2021-02-30T00:00:00Z": TYPE, "2021-02-29": TYPE, "2020-02-29": dt.datetime(2020, 2, 29, tzinfo=dt.UTC)},
    "year 0 and 10000": {"0000-01-01": TYPE, "10000-01-01": TYPE, "9999-12-31T23:59:59-00:01": TYPE,
                         "0001-01-01T00:00:00Z": dt.datetime(1, 1, 1, tzinfo=dt.UTC)},
    "NULL as text": {"NULL": TYPE},
    "NaN": {"NaN": TYPE},
}  # fmt: skip


def ids(line: str, cells: Mapping[str, Any]) -> Case:
    """Keys beside a good one, each told by the code that it is rejected with or the number that it is."""
    out = {number: {"id": found} for number, found in enumerate(cells.values(), 1) if isinstance(found, str)}
    rows = {found: "x" for found in cells.values() if isinstance(found, int)} | {77: "good"}
    return departments(line, "values.csv", csv(*(f"{text},x" for text in cells), "77,good"), rows, out=out)


def moments(line: str, cells: Mapping[str, Any]) -> Case:
    """Moments beside a good one."""
    lines = [f"{number},Ann Lee,{text},1,1" for number, text in enumerate(cells, 1)]
    out = {number: {"datetime": found} for number, found in enumerate(cells.values(), 1) if isinstance(found, str)}
    rows = {number: found for number, found in enumerate(cells.values(), 1) if isinstance(found, dt.datetime)}
    good = "77,Ann Lee,2021-07-27 16:02:08 +00:00,1,1"
    return Case(line, "hired_employees/values.csv", csv(*lines, good), rows=rows | {77: MOMENT}, out=out)


CELLS = [
    *(ids(line, cells) for line, cells in IDS.items()),
    *(moments(line, cells) for line, cells in MOMENTS.items()),
    refused("lone surrogates", "surrogate.csv", b"1,\xed\xa0\x80\n", "undecodable-bytes"),
    departments("lone surrogates", "escaped.xlsx", with_cells([2, "_xD800_"], [3, "c"]),
                {1: "a", 2: "_xD800_", 3: "c"}),
    departments("32,768 characters", "characters.csv", csv(f"1,{LONG}", "2,b"), {1: LONG, 2: "b"}),
    departments("32,768 characters", "characters.xlsx", with_cells([2, LONG]), {1: "a", 2: LONG}),
    departments("NULL as text", "null.csv", csv("1,NULL", "2,None"), {1: "NULL", 2: "None"}),
    departments("2^53 + 1", "wide.xlsx", with_cells([2.0**53, "b"]), {1: "a"}, out={2: {"id": RULE}}),
]  # fmt: skip
CASES = [*BOOKS, *FILES, *CELLS]


@pytest.fixture(scope="module")
def intake(make_database: Any, dictionary: Dictionary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intake]:
    with make_database(dictionary) as postgres:
        yield Intake(postgres, tmp_path_factory.mktemp("intake"), parent_wait=0)


@pytest.fixture(autouse=True)
def _empty(intake: Intake) -> None:
    for table in ("hired_employees", "departments", "jobs", "decant.rejections", "decant.runs"):
        intake.postgres.query(f"DELETE FROM {table}")


@pytest.mark.parametrize(("lines", "cases"), [
    (hostile.WORKBOOKS, BOOKS), (hostile.CSV, FILES), (hostile.VALUES, CELLS),
], ids=["workbooks", "csv", "values"])  # fmt: skip
def test_every_line_of_the_list_has_a_case(lines: tuple[str, ...], cases: list[Case]) -> None:
    assert {case.line for case in cases} == set(lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.line}-{case.name.rpartition('/')[2]}")
def test_a_bad_file_has_its_report_and_costs_no_good_row(intake: Intake, case: Case) -> None:
    table = case.name.partition("/")[0]
    if table == "hired_employees":
        intake.drop("departments.csv", DEPARTMENTS)
        intake.drop("jobs.csv", JOBS)
    run = intake.drop(case.name, case.content if isinstance(case.content, bytes) else case.content())
    column = 2 if table == "hired_employees" else 1
    assert {row[0]: row[column] for row in intake.postgres.rows(table)} == case.rows
    told = intake.postgres.query(
        """SELECT line, reason ->> 'column', reason ->> 'code', reason ->> 'message' FROM decant.rejections,
        jsonb_array_elements(reasons) AS reason WHERE table_name = :name""",
        name=table,
    )
    assert {(line, name, code) for line, name, code, _ in told} == {
        (line, name, code) for line, reasons in case.out.items() for name, code in reasons.items()
    }
    assert all(message for *_, message in told)
    if case.refused:
        assert run.state is RunState.FAILED
        assert run.error is not None
        assert (run.error["code"], bool(run.error["detail"]), bool(run.error["hint"])) == (case.refused, True, True)
    else:
        assert run.counts.read == len(case.rows) + len(case.out)
        assert (run.counts.inserted, run.counts.rejected) == (len(case.rows), len(case.out))


def test_a_readable_file_after_an_unreadable_one_loads(intake: Intake) -> None:
    intake.drop("departments/again.csv", b"1;a\n")
    assert intake.drop("departments/again.csv", DEPARTMENTS).counts.inserted == 3
