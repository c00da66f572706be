"""The dirty set: one small file per kind of rejection, each with the report that is expected of it.

`<file>.expected.json` holds `table`, `rows` (rows of data read), `accepted` and `rejections`: one entry per reason with
`row` (n-th row of data), `line` (of the file on which the row begins, or row of the sheet), `column` and `code`,
ordered by row, then by the column's place in the dictionary; a reason without a column comes last. Parents are the
sample departments (1 to 12) and jobs (1 to 183). Files in `unreadable/` fail as a whole: their report is `{"code": …}`.

Rows and reasons stand side by side below, written by hand; only counting is left to the code.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from sample_data.compound_file import compound_bytes
from sample_data.workbook import BlankCell, Cell, ErrorCell, workbook_bytes, zip_bytes

Reason: TypeAlias = tuple[str | None, str]
Report: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class Entry:
    """A piece of a file and what is wrong with it; `counted` is False for headers and for rows without content."""

    content: str | tuple[Cell, ...]
    reasons: tuple[Reason, ...] = ()
    counted: bool = True


def write(out: Path) -> None:
    """Write the dirty set and its expected reports into a folder, which is made if need be."""
    (out / "unreadable").mkdir(parents=True, exist_ok=True)
    for name, entries in CSV_FILES.items():
        _write(out / name, _csv_bytes(name, entries), _report(name, entries))
    for name, entries in SHEETS.items():
        _write(out / name, _sheet_bytes(name, entries), _report(name, entries))
    for name, (content, code) in _unreadable().items():
        _write(out / "unreadable" / name, content, {"code": code})


def _write(path: Path, content: bytes, report: Report) -> None:
    path.write_bytes(content)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    path.with_name(f"{path.name}.expected.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def _report(name: str, entries: Sequence[Entry]) -> Report:
    rejections: list[dict[str, object]] = []
    row, line, rejected = 0, 1, 0
    for entry in entries:
        row += entry.counted
        rejected += bool(entry.reasons)
        for column, code in entry.reasons:
            rejections.append({"row": row, "line": line, "column": column, "code": code})
        line += 1 + entry.content.count("\n") if isinstance(entry.content, str) else 1
    return {"table": table_of(name), "rows": row, "accepted": row - rejected, "rejections": rejections}


def table_of(name: str) -> str:
    """Return the table that a dirty file is for: what stands before the first hyphen."""
    return name.partition("-")[0]


def _csv_bytes(name: str, entries: Sequence[Entry]) -> bytes:
    bom, end = ("\ufeff", "\r\n") if name in WITH_BOM_AND_CRLF else ("", "\n")
    return (bom + "".join(f"{entry.content}{end}" for entry in entries)).encode()


def _sheet_bytes(name: str, entries: Sequence[Entry]) -> bytes:
    rows = [entry.content for entry in entries if not isinstance(entry.content, str)]
    return workbook_bytes({table_of(name): rows, "notes": [("Not data: a second sheet.",)]})


def _row(text: str, *reasons: Reason) -> Entry:
    return Entry(text, reasons)


def _no_row(text: str = "") -> Entry:
    return Entry(text, counted=False)


def _cells(*cells: Cell, reasons: tuple[Reason, ...] = ()) -> Entry:
    return Entry(cells, reasons)


def _no_cells(*cells: Cell) -> Entry:
    return Entry(cells, counted=False)


def _blank(column: str) -> Reason:
    return column, "constraint-error"


def _outside(column: str) -> Reason:
    return column, "constraint-error"


def _type(column: str) -> Reason:
    return column, "type-error"


def _absent(column: str) -> Reason:
    return column, "missing-cell"


def _unknown(column: str) -> Reason:
    return column, "foreign-key"


EXTRA: Reason = (None, "extra-cell")
TAKEN: Reason = ("id", "primary-key")

MISSING_FIELDS = [
    _row("1,Ada Novak,2021-03-04T05:06:07Z,2,96"),
    _row(",Bruno Park,2021-03-04T05:06:07Z,2,96", _blank("id")),
    _row("3,,2021-03-04T05:06:07Z,2,96", _blank("name")),
    _row("4,Dana Ito,,2,96", _blank("datetime")),
    _row("5,Edgar Rao,2021-03-04T05:06:07Z,,96", _blank("department_id")),
    _row("6,Farah Hill,2021-03-04T05:06:07Z,2,", _blank("job_id")),
    _no_row(),
    _row("7,   ,2021-03-04T05:06:07Z,2,96", _blank("name")),
    _row("8,Hana Lang,2021-03-04T05:06:07Z,2, \t", _blank("job_id")),
    _no_row(",,,,"),
    _no_row("   "),
    _no_row(" ,\t,"),
    _row('9,"",2021-03-04T05:06:07Z,2,96', _blank("name")),
    _row("10,NA,2021-03-04T05:06:07Z,2,96"),
    _row("11,NULL,2021-03-04T05:06:07Z,2,96"),
    _row("12,None,2021-03-04T05:06:07Z,2,96"),
    _row("13,Ivo Stone,2021-03-04T05:06:07Z,NULL,96", _type("department_id")),
    _row("14,Kaja Voss,2021-03-04T05:06:07Z,2,96"),
]

INTEGERS = [
    _row("1.0,Float that is whole"),
    _row("+2,With a plus"),
    _row("-0,Minus nought"),
    _row(" 3 ,With blanks around"),
    _row("-5,Negative"),
    _row("-2147483648,Smallest int4"),
    _row("2147483647,Largest int4"),
    _row("1.5,Not whole", _type("id")),
    _row("1e3,With an exponent", _type("id")),
    _row("true,A truth value", _type("id")),
    _row("NaN,Not a number", _type("id")),
    _row("Infinity,Not finite", _type("id")),
    _row("\uff11\uff12,Full-width digits", _type("id")),
    _row("\u0663,An Arabic-Indic digit", _type("id")),
    _row("1_000,With an underscore", _type("id")),
    _row('"1,000",With a comma', _type("id")),
    _row("1 000,With a blank inside", _type("id")),
    _row("0x10,Hexadecimal", _type("id")),
    _row("--1,Two signs", _type("id")),
    _row("-,A sign alone", _type("id")),
    _row("1.0.0,Two points", _type("id")),
    _row("NULL,A word", _type("id")),
    _row("2147483648,One above int4", _outside("id")),
    _row("2147483648.0,One above int4 as a float", _outside("id")),
    _row("-2147483649,One below int4", _outside("id")),
    _row("9007199254740993,2^53 + 1", _outside("id")),
    _row("99999999999999999999999999,Wider than int8", _outside("id")),
]


def _moment(number: int, text: str, *reasons: Reason) -> Entry:
    return Entry(f"{number},Ada Novak,{text},2,96", reasons)


DATETIMES = [
    _moment(1, "2021-07-27T16:02:08Z"),
    _moment(2, "2021-07-27T16:02:08+05:30"),
    _moment(3, "2021-12-31T21:00:00-05:00"),
    _moment(4, "2021-07-27T16:02:08"),
    _moment(5, "2021-07-27 16:02:08"),
    _moment(6, "2021-07-27 16:02:08+00:00"),
    _moment(7, "2021-07-27T16:02Z"),
    _moment(8, "2021-07-27T16:02"),
    _moment(9, "2021-07-27"),
    _moment(10, "2021-07-27T16:02:08.5Z"),
    _moment(11, "2021-07-27T16:02:08.123456"),
    _moment(12, "2020-02-29T00:00:00Z"),
    _moment(13, " 2021-07-27T16:02:08Z "),
    _moment(14, "2021-02-30T00:00:00Z", _type("datetime")),
    _moment(15, "2021-02-29T00:00:00Z", _type("datetime")),
    _moment(16, "2021-07-27T24:00:00Z", _type("datetime")),
    _moment(17, "2021-07-27T25:00:00Z", _type("datetime")),
    _moment(18, "2021-07-27T16:60:00Z", _type("datetime")),
    _moment(19, "2021-13-01T00:00:00Z", _type("datetime")),
    _moment(20, "2021-00-01T00:00:00Z", _type("datetime")),
    _moment(21, "2021-01-00T00:00:00Z", _type("datetime")),
    _moment(22, "0000-01-01T00:00:00Z", _type("datetime")),
    _moment(23, "10000-01-01T00:00:00Z", _type("datetime")),
    _moment(24, "27/07/2021", _type("datetime")),
    _moment(25, "2021-7-27T16:02:08Z", _type("datetime")),
    _moment(26, "2021-07-27T16:02:08.1234567Z", _type("datetime")),
    _moment(27, "2021-07-27T", _type("datetime")),
    _moment(28, "1627401728", _type("datetime")),
    _moment(29, "yesterday", _type("datetime")),
    _moment(30, "NaT", _type("datetime")),
]

DUPLICATE_KEYS = [
    _row("1,Procurement"),
    _row("2,Finance"),
    _row("1,Logistics", TAKEN),
    _row("2,Finance", TAKEN),
    _row("1.0,Workshop", TAKEN),
    _row("+2,Workshop", TAKEN),
    _row("3,", _blank("department")),
    _row("3,Claims the key that a rejected row left free"),
    _row("3,Comes too late", TAKEN),
    _row("0,Nought"),
    _row("-0,Nought again", TAKEN),
    _row("2,", TAKEN, _blank("department")),
    _row("4,Customer Care"),
]

UNKNOWN_PARENTS = [
    _row("1,Ada Novak,2021-03-04T05:06:07Z,12,183"),
    _row("2,Bruno Park,2021-03-04T05:06:07Z,13,183", _unknown("department_id")),
    _row("3,Carla Ito,2021-03-04T05:06:07Z,12,184", _unknown("job_id")),
    _row("4,Dana Rao,2021-03-04T05:06:07Z,0,-1", _unknown("department_id"), _unknown("job_id")),
    _row("5,Edgar Hill,2021-03-04T05:06:07Z,12.0,183.0"),
    _row("6,Farah Lang,2021-03-04T05:06:07Z,,184", _blank("department_id"), _unknown("job_id")),
    _row("2,Gita Voss,2021-03-04T05:06:07Z,12,183"),
    _row("2,Hana Voss,2021-03-04T05:06:07Z,13,183", TAKEN, _unknown("department_id")),
    _row("7,Ivo Marsh,2021-03-04T05:06:07Z,2147483648,1", _outside("department_id")),
]

RAGGED = [
    _row("1,Ada Novak,2021-03-04T05:06:07Z,2,96"),
    _row("2,Bruno Park,2021-03-04T05:06:07Z,2", _absent("job_id")),
    _row("3,Carla Ito", _absent("datetime"), _absent("department_id"), _absent("job_id")),
    _row("4", _absent("name"), _absent("datetime"), _absent("department_id"), _absent("job_id")),
    _row("5,Edgar Rao,2021-03-04T05:06:07Z,2,96,more", EXTRA),
    _row("6,Farah Hill,2021-03-04T05:06:07Z,2,96,more,and more", EXTRA),
    _no_row(),
    _row("x,Gita Lang,2021-03-04T05:06:07Z,13", _type("id"), _unknown("department_id"), _absent("job_id")),
    _row("8,,2021-03-04T05:06:07Z,2,96,more", _blank("name"), EXTRA),
    _row("2,Bruno Park,2021-03-04T05:06:07Z,2,96"),
    _row("5,Edgar Rao,2021-03-04T05:06:07Z,2,96"),
]

HEADER = [
    _no_row("Job_ID,ID, Name ,DATETIME,department_id"),
    _row("96,1,Ada Novak,2021-03-04T05:06:07Z,2"),
    _row("96,2,Bruno Park,2021-03-04T05:06:07Z,", _blank("department_id")),
    _no_row(),
    _row("184,x,Carla Ito,2021-03-04T05:06:07Z,2", _type("id"), _unknown("job_id")),
    _row("96,3,Dana Rao,2021-03-04T05:06:07Z", _absent("department_id")),
    _row("96,1,Edgar Hill,2021-03-04T05:06:07Z,2", TAKEN),
    _row("96,4,Farah O'Kinneally,2021-03-04T05:06:07Z,2"),
]

QUOTED = [
    _row('1,"Buyer, Spare Parts"'),
    _row('2,"The ""Fixer"""'),
    _row('3,"Writer\nof two lines"'),
    _row('4,"  "', _blank("job")),
    _row('"5","Writer\r\nof three\n\nand one blank line"'),
    _row('5,"Later, and taken"', TAKEN),
    _row("6,=1+1"),
    _row('7,"  Trimmed inside quotes  "'),
    _row('8,"Two","cells"', EXTRA),
    _row("9,Zoë's N°1 · 日本語 🙂"),
    _row("10,Fitter's 5\" pipe"),
]

BLANKS_AFTER_COMMA = [
    _row("1, Supply Chain"),
    _row("2,  Finance"),
    _row("3, ", _blank("department")),
    _row(" 4,\tLogistics "),
    _row(" 1, Workshop", TAKEN),
    _row("5 , Customer Care"),
]

NUL_BYTES = [
    _row("1,Procurement"),
    _row("2,Fin\0ance", _type("department")),
    _row("3\0,Logistics", _type("id")),
    _row("4,Workshop"),
]

SEVERAL_REASONS = [
    _row("1,Ada Novak,2021-03-04T05:06:07Z,2,96"),
    _row(
        "1.5,,27/07/2021,13,184",
        _type("id"),
        _blank("name"),
        _type("datetime"),
        _unknown("department_id"),
        _unknown("job_id"),
    ),
    _row("1,,2021-02-30T00:00:00Z,2,1e3", TAKEN, _blank("name"), _type("datetime"), _type("job_id")),
    _row(",,,,96", _blank("id"), _blank("name"), _blank("datetime"), _blank("department_id")),
    _row("2147483648,Dana Rao,,0,", _outside("id"), _blank("datetime"), _unknown("department_id"), _blank("job_id")),
    _row("x,,soon", _type("id"), _blank("name"), _type("datetime"), _absent("department_id"), _absent("job_id")),
    _row("1,Edgar Hill,2021-03-04T05:06:07Z,13,96,more", TAKEN, _unknown("department_id"), EXTRA),
    _row("2,Farah Lang,2021-03-04T05:06:07Z,2,96"),
]

DAY = datetime(2021, 7, 27)
MOMENT = datetime(2021, 7, 27, 16, 2, 8)

DIRTY_SHEET = [
    _cells(1, "Ada Novak", "2021-03-04T05:06:07Z", 2, 96),
    _cells(2, "Bruno Park", MOMENT, 2, 96),
    _cells(3, "Carla Ito", DAY, 2, 96),
    _cells(4, None, "2021-03-04T05:06:07Z", 2, 96, reasons=(_blank("name"),)),
    _cells(5, "Dana Rao", "2021-03-04T05:06:07Z", 2, reasons=(_blank("job_id"),)),
    _cells(6, "Edgar Hill", BlankCell(), 2, 96, reasons=(_blank("datetime"),)),
    _no_cells(),
    _no_cells(BlankCell(), "  ", None, BlankCell()),
    _cells("7", "  Farah Lang ", " 2021-03-04 05:06:07 ", "2.0", " 96 "),
    _cells(8, ErrorCell("#N/A"), "2021-03-04T05:06:07Z", 2, 96, reasons=(_type("name"),)),
    _cells(9, "Gita Voss", "2021-03-04T05:06:07Z", ErrorCell("#REF!"), 96, reasons=(_type("department_id"),)),
    _cells(10.5, "Hana Marsh", "2021-03-04T05:06:07Z", 2, 96, reasons=(_type("id"),)),
    _cells(True, "Ivo Baker", "2021-03-04T05:06:07Z", 2, 96, reasons=(_type("id"),)),
    _cells(11, "Jonas Gray", "2021-02-30T00:00:00Z", MOMENT, 96, reasons=(_type("datetime"), _type("department_id"))),
    _cells(12, "Kaja Olsen", "2021-03-04T05:06:07Z", 13, 184, reasons=(_unknown("department_id"), _unknown("job_id"))),
    _cells(2147483648, "Lars Sato", "2021-03-04T05:06:07Z", 2, 96, reasons=(_outside("id"),)),
    _cells(1, "Mara Stone", "2021-03-04T05:06:07Z", 2, 96, reasons=(TAKEN,)),
    _cells(4, "Nadia Tran", "2021-03-04T05:06:07Z", 2, 96),
    _cells(13, "Olga Unger", "2021-03-04T05:06:07Z", 2, 96, "more", reasons=(EXTRA,)),
    _cells(14, "Paula O'Kinneally <& Co>", "2021-03-04T05:06:07Z", 2, 96),
]

# What the tutorial loads into the samples: one blank, one day that June has not, one job that is not there.
JUNE_SHEET = [
    Entry(("id", "name", "datetime", "department_id", "job_id"), counted=False),
    _cells(2001, "Amaia Duarte", datetime(2021, 6, 1, 9), 3, 96),
    _cells(2002, "Bilal Okafor", datetime(2021, 6, 2, 9), 7, 12),
    _cells(2003, None, datetime(2021, 6, 7, 9), 7, 12, reasons=(_blank("name"),)),
    _cells(2004, "Celia Bram", datetime(2021, 6, 14, 9), 1, 40),
    _cells(2005, "Dario Lindqvist", "2021-06-31T09:00:00Z", 5, 96, reasons=(_type("datetime"),)),
    _cells(2006, "Esther Vance", datetime(2021, 6, 21, 9), 5, 148),
    _cells(2007, "Femi Castell", datetime(2021, 6, 28, 9), 3, 999, reasons=(_unknown("job_id"),)),
    _cells(2008, "Greta Molin", datetime(2021, 6, 30, 9), 3, 61),
]

CSV_FILES: Mapping[str, Sequence[Entry]] = {
    "hired_employees-missing-fields.csv": MISSING_FIELDS,
    "jobs-integers.csv": INTEGERS,
    "hired_employees-datetimes.csv": DATETIMES,
    "departments-duplicate-keys.csv": DUPLICATE_KEYS,
    "hired_employees-unknown-parents.csv": UNKNOWN_PARENTS,
    "hired_employees-ragged.csv": RAGGED,
    "hired_employees-header.csv": HEADER,
    "jobs-quoted.csv": QUOTED,
    "departments-blanks-after-comma.csv": BLANKS_AFTER_COMMA,
    "departments-nul.csv": NUL_BYTES,
    "hired_employees-several-reasons.csv": SEVERAL_REASONS,
}
WITH_BOM_AND_CRLF = {"hired_employees-header.csv"}
SHEETS: Mapping[str, Sequence[Entry]] = {
    "hired_employees-dirty.xlsx": DIRTY_SHEET,
    "hired_employees-june.xlsx": JUNE_SHEET,
}


def _unreadable() -> dict[str, tuple[bytes, str]]:
    workbook = workbook_bytes({"departments": [(1, "Procurement"), (2, "Finance")]})
    old = compound_bytes(["Workbook"])
    return {
        "departments-encrypted.xlsx": (compound_bytes(["EncryptionInfo", "EncryptedPackage"]), "encrypted-file"),
        "departments-old.xls": (old, "old-workbook"),
        "departments-old-renamed.xlsx": (old, "old-workbook"),
        "departments-text.xlsx": (b"1,Procurement\n2,Finance\n", "not-a-workbook"),
        "departments-other-zip.xlsx": (zip_bytes({"readme.txt": b"Not a workbook.\n"}), "not-a-workbook"),
        "departments-cut.xlsx": (workbook[: len(workbook) // 2], "not-a-workbook"),
        "departments-three-columns.csv": (b"1,Procurement,Berlin\n2,Finance,Lima\n", "wrong-columns"),
        "departments-unknown-column.csv": (b"id,department,city\n1,Procurement,Berlin\n", "wrong-columns"),
        "hired_employees-renamed-column.csv": (
            b"id,name,hired_on,department_id,job_id\n1,Ada Novak,2021-03-04T05:06:07Z,2,96\n",
            "wrong-columns",
        ),
        "jobs-latin1.csv": ("1,Welder\n2,Décorateur\n".encode("latin-1"), "undecodable-bytes"),
        "jobs-unbalanced-quote.csv": (b'1,Welder\n2,"Fitter\n3,Cook\n', "unbalanced-quote"),
        "departments-empty.csv": (b"", "empty-file"),
    }
