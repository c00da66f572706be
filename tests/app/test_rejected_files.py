"""Rejected rows as files to correct and drop again: the user's own workbook, a new one, CSV."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from chalicelib.api.rejections import _read, waiting_bytes, waiting_rows
from chalicelib.load.harmless import harmless
from chalicelib.load.returned import REASONS, row_column
from chalicelib.ports import Transaction
from tests.app.conftest import Api, empty

THICK = "thick"
WHOLE_SHEET_MERGED = b'<mergeCells><mergeCell ref="A9:XFD1048576"/></mergeCells></worksheet>'


def workbook(rows: Sequence[Sequence[object]], change: Callable[[Worksheet], None] = lambda _: None) -> bytes:
    """A workbook whose one sheet has these rows, once it has been changed."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    change(book.active)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def saved(book: openpyxl.Workbook) -> bytes:
    """A workbook as a file."""
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def as_texts(sheet: Worksheet) -> None:
    """Make no cell of a sheet a formula."""
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell.value, str):
                write_text(cell, cell.value)


def write_text(cell: Any, text: str | None) -> None:
    """Write text as spreadsheet programs do, which spell out a _ that would begin such a spelling."""
    cell.value = text and text.replace("_x", "_x005F_x")
    cell.data_type = "s"


def dropped(api: Api, key: str, content: bytes) -> dict[str, Any]:
    """The run that loads a file."""
    api.drop(key, content)
    api.work()
    run: dict[str, Any] = api.get("/runs").json_body["runs"][0]
    assert run["source"]["key"] == key
    return run


def file_of(api: Api, run: str, query: str = "format=xlsx") -> tuple[bytes, dict[str, Any]]:
    """The file with a run's rejected rows, and what the answer tells of it."""
    answer = api.get(f"/runs/{run}/rejections?{query}&redirect=false")
    assert answer.status_code == 200, answer.json_body
    told = answer.json_body
    content = api.s3.get_object(Bucket="intake", Key=f"rejected/{run}/{told['filename']}")["Body"].read()
    return content, told


def book_of(api: Api, run: str) -> tuple[openpyxl.Workbook, dict[str, Any]]:
    """The workbook with a run's rejected rows, and what the answer tells of it."""
    content, told = file_of(api, run)
    return openpyxl.load_workbook(io.BytesIO(content)), told


def bad_cells(sheet: Worksheet) -> dict[str, str]:
    """The comments of the cells that are marked, by their place."""
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.border.left and cell.border.left.style == THICK]
    assert all(cell.fill.fgColor.rgb == "FFFFC7CE" and cell.comment.author == "Decant" for cell in cells)
    return {cell.coordinate: cell.comment.text for cell in cells}


def corrected_by(api: Api, run: str) -> Mapping[int, str | None]:
    return {each["row"]: each["corrected_by"] for each in api.get(f"/runs/{run}/rejections").json_body["rejections"]}


JOBS: list[list[Any]] = [["id", "job"], [1, "Recruiter"], [2, None], ["x", "Analyst"], [4, "Engineer"]]


def test_a_workbook_comes_back_with_its_bad_cells_marked(api: Api) -> None:
    def formatted(sheet: Worksheet) -> None:
        sheet["A1"].font = Font(bold=True, color="FF0000FF")
        sheet["B2"].fill = PatternFill("solid", fgColor="FF00FF00")
        sheet["B4"].comment = Comment("Ask Ana.", "Eva")
        sheet.column_dimensions["B"].width = 44
        sheet.row_dimensions[3].hidden = True
        sheet.parent.create_sheet("Notes")["A1"] = "=1+1"

    run = dropped(api, "incoming/jobs-june.xlsx", workbook(JOBS, formatted))["id"]
    book, told = book_of(api, run)
    assert told["filename"] == "jobs-june-marked.xlsx"
    assert (told["note"], told["expires_in"]) == (None, 300)
    assert book.sheetnames == ["Sheet", "Notes", "Decant summary"]
    sheet = book["Sheet"]
    assert bad_cells(sheet) == {
        "B3": "Decant: job is required, and blank here (constraint-error)",
        "A4": "Decant: id takes a whole number (type-error)",
    }
    assert (sheet["A1"].font.b, sheet["B2"].fill.fgColor.rgb, sheet.column_dimensions["B"].width) == (
        True, "FF00FF00", 44
    )  # fmt: skip
    assert sheet["B4"].comment.text == "Ask Ana."
    assert not sheet.row_dimensions[3].hidden
    assert book["Notes"]["A1"].value == "=1+1"
    assert [[cell.value for cell in row] for row in sheet["C1:D4"]] == [
        [REASONS, row_column(run)],
        [None, None],
        ["job: job is required, and blank here (constraint-error)", 2],
        ["id: id takes a whole number (type-error)", 3],
    ]
    summary = [[cell.value for cell in row] for row in book["Decant summary"].iter_rows()]
    assert ["rejected", 2] in [row[:2] for row in summary]
    assert [row for row in summary if row[0] == "jobs"] == [
        ["jobs", "id", "type-error", 1, "id takes a whole number"],
        ["jobs", "job", "constraint-error", 1, "job is required, and blank here"],
    ]


def test_a_corrected_workbook_loads_what_was_missing_and_tells_what_it_puts_right(api: Api) -> None:
    first = dropped(api, "incoming/jobs.xlsx", workbook(JOBS))["id"]
    book, _ = book_of(api, first)
    book["Sheet"]["B3"] = "Clerk"
    second = dropped(api, "incoming/jobs-marked.xlsx", saved(book))
    assert (second["read"], second["inserted"], second["unchanged"], second["rejected"]) == (4, 1, 2, 1)
    assert second["note"] == f"Puts right one row that run {first} rejected."
    assert corrected_by(api, first) == {2: second["id"], 3: None}
    again, _ = book_of(api, second["id"])
    assert list(bad_cells(again["Sheet"])) == ["A4"]
    assert [cell.value for cell in again["Sheet"][1]] == ["id", "job", REASONS, row_column(second["id"])]
    assert again.sheetnames == ["Sheet", "Decant summary"]
    again["Sheet"]["A4"] = 3
    third = dropped(api, "incoming/jobs-marked-2.xlsx", saved(again))
    assert (third["inserted"], third["rejected"]) == (1, 0)
    assert api.database.rows("jobs") == [(1, "Recruiter"), (2, "Clerk"), (3, "Analyst"), (4, "Engineer")]
    answer = api.get(f"/runs/{third['id']}/rejections?format=xlsx")
    assert (answer.status_code, answer.json_body["detail"].split()[0]) == (409, "No")


def test_what_cells_lack_and_have_too_much_is_marked_where_it_is(api: Api) -> None:
    rows: list[list[Any]] = [["job", "id"], ["Clerk", 1], ["Cook", 2, None, None, "too", "much"], ["Baker"]]
    book, _ = book_of(api, dropped(api, "incoming/jobs.xlsx", workbook(rows))["id"])
    assert bad_cells(book["Sheet"]) == {
        "E3": "Decant: the row goes on behind its 2 columns (extra-cell)",
        "B4": "Decant: id is required, and blank here (constraint-error)",
    }
    assert book["Sheet"]["C1"].value == REASONS


def test_a_workbook_without_a_header_gets_comments_alone(api: Api) -> None:
    first = dropped(api, "incoming/jobs.xlsx", workbook(JOBS[1:]))["id"]
    book, _ = book_of(api, first)
    assert list(bad_cells(book["Sheet"])) == ["B2", "A3"]
    assert book["Sheet"].max_column == 2
    book["Sheet"]["B2"] = "Clerk"
    second = dropped(api, "incoming/jobs-marked.xlsx", saved(book))
    assert (second["inserted"], second["unchanged"], second["rejected"], second["note"]) == (1, 2, 1, None)


def test_columns_that_are_in_use_are_left_alone(api: Api) -> None:
    def noted(sheet: Worksheet) -> None:
        sheet["D4"] = "mine"

    book, _ = book_of(api, dropped(api, "incoming/jobs.xlsx", workbook(JOBS, noted))["id"])
    assert (book["Sheet"]["C1"].value, book["Sheet"]["D1"].value, book["Sheet"]["D4"].value) == (None, None, "mine")
    assert "D4" in bad_cells(book["Sheet"])


def test_ranges_of_columns_keep_their_widths_and_never_overlap(api: Api) -> None:
    def ranged(sheet: Worksheet) -> None:
        widths = sheet.column_dimensions["A"]
        widths.min, widths.max, widths.width = 1, 3, 33
        rest = sheet.column_dimensions["D"]
        rest.min, rest.max, rest.width, rest.hidden = 4, 16_384, 5, True

    content, _ = file_of(api, dropped(api, "incoming/jobs.xlsx", workbook(JOBS, ranged))["id"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        columns = [dict(re.findall(r'(\w+)="([^"]*)"', each)) for each in re.findall(
            r"<col [^>]*>", archive.read("xl/worksheets/sheet1.xml").decode())]  # fmt: skip
    told = [[int(float(each[name])) for name in ("min", "max", "width")] for each in columns]
    assert told == [[1, 2, 33], [3, 3, 70], [4, 4, 14], [5, 16_384, 5]]
    assert [each.get("hidden") for each in columns] == [None, None, None, "1"]


def test_the_marked_cells_of_a_protected_sheet_can_be_edited(api: Api) -> None:
    def protected(sheet: Worksheet) -> None:
        sheet.protection.enable()
        sheet.merge_cells("A4:A5")
        sheet["A4"].comment = Comment("Ask Ana.", "Eva")

    book, _ = book_of(api, dropped(api, "incoming/jobs.xlsx", workbook(JOBS, protected))["id"])
    sheet = book["Sheet"]
    assert sheet.protection.sheet
    assert (sheet["B3"].protection.locked, sheet["B2"].protection.locked) == (False, True)
    assert sheet["A4"].comment.text.startswith("Ask Ana.\n\nDecant: id takes a whole number (type-error)")


def test_the_sheet_of_the_table_is_marked_wherever_it_stands(api: Api) -> None:
    def elsewhere(sheet: Worksheet) -> None:
        other = sheet.parent.create_sheet("JOBS")
        for row in JOBS:
            other.append([None, None, *row])
        other.sheet_state = "hidden"
        other.insert_rows(1, 3)

    book, _ = book_of(api, dropped(api, "incoming/jobs.xlsx", workbook([["Notes"]], elsewhere))["id"])
    assert bad_cells(book["Sheet"]) == {}
    assert list(bad_cells(book["JOBS"])) == ["D6", "C7"]
    assert [cell.value for cell in book["JOBS"][4][4:]] == [REASONS, row_column(api_run(api))]
    assert (book["JOBS"].sheet_state, book.active.title) == ("visible", "JOBS")


def api_run(api: Api) -> str:
    return str(api.get("/runs").json_body["runs"][0]["id"])


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (lambda content: content.replace(b"</worksheet>", WHOLE_SHEET_MERGED), "merged cells"),
        (lambda content: b"<!DOCTYPE x>" + content, "written as no spreadsheet program"),
    ],
)  # fmt: skip
def test_a_workbook_that_would_cost_too_much_gives_its_rejected_rows_alone(
    api: Api, rows: Callable[[bytes], bytes], why: str
) -> None:
    plain = workbook(JOBS, lambda sheet: sheet.parent.create_sheet("Other").append(["x"]) and None)
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, rows(content) if entry.filename.endswith("sheet2.xml") else content)
    run = dropped(api, "incoming/jobs.xlsx", target.getvalue())
    assert run["rejected"] == 2
    book, told = book_of(api, run["id"])
    assert why in told["note"]
    assert told["filename"] == f"jobs-rejected-{run['id']}.xlsx"
    assert told["note"] in [cell.value for cell in book["Decant summary"]["A"]]
    assert list(bad_cells(book["jobs"])) == ["B2", "A3"]


def test_rejected_rows_of_a_batch_come_as_a_new_workbook_with_a_sheet_for_each_table(api: Api) -> None:
    rows = {"jobs": [{"id": "=1+1", "job": "\x07 _x0041_"}], "departments": [{"id": 1}, {"id": 2, "department": "D"}]}
    first = api.post("/batch", rows).json_body["run"]
    book, told = book_of(api, first)
    assert told["filename"] == f"departments-jobs-rejected-{first}.xlsx"
    assert book.sheetnames == ["departments", "jobs", "Decant summary"]
    assert (book["jobs"]["A2"].data_type, book["jobs"]["A2"].value, book["jobs"]["A2"].quotePrefix) == (
        "s", "=1+1", True
    )  # fmt: skip
    assert bad_cells(book["departments"]) == {"B2": "Decant: department is required, and absent (missing-cell)"}
    book["jobs"]["A2"] = "7"
    book["departments"]["B2"] = "Sales"
    advice = " ".join(str(cell.value) for cell in book["Decant summary"]["A"])
    assert "drop it once for each, into incoming/departments/ and incoming/jobs/." in advice
    for table, other in (("departments", "jobs"), ("jobs", "departments")):
        run = dropped(api, f"incoming/{table}/{told['filename']}", saved(book))
        right = f"Puts right one row that run {first} rejected."
        unread = f"Sheets of other tables were not read: {other}. Drop the file for those as well."
        assert (run["inserted"], run["note"]) == (1, f"{right} {unread}")
    assert api.database.rows("jobs") == [(7, "\x07 _x0041_")]
    assert api.database.rows("departments") == [(1, "Sales"), (2, "D")]
    assert api.get(f"/runs/{first}/rejections?format=xlsx").status_code == 409


def test_rejections_come_as_csv_a_line_for_each_row(api: Api) -> None:
    run = dropped(api, "incoming/jobs.csv", b"1,Recruiter\nx,\n-y,@cmd\n4,Engineer\n")["id"]
    answer = api.get(f"/runs/{run}/rejections?format=csv")
    not_a_number = "id: id takes a whole number (type-error)"
    assert list(csv.reader(io.StringIO(answer.body.decode()))) == [
        ["id", "job", REASONS, row_column(run, csv=True)],
        ["x", "", f"{not_a_number}; job: job is required, and blank here (constraint-error)", "2"],
        ["'-y", "'@cmd", not_a_number, "3"],
    ]  # fmt: skip
    assert f'filename="jobs-rejected-{run}.csv"' in answer.headers["Content-Disposition"]
    first = api.get(f"/runs/{run}/rejections?format=csv&limit=1")
    assert first.headers["Link"] == '<?format=csv&limit=1&after=jobs.2>; rel="next"'
    assert len(api.get(f"/runs/{run}/rejections?format=csv&limit=1&after=jobs.2").body.splitlines()) == 2


def test_a_corrected_csv_loads_what_was_missing_with_its_cells_as_they_were(api: Api) -> None:
    first = dropped(api, "incoming/jobs.csv", b"1,Recruiter\nx,=1+1\ny,'@cmd\nz,-5\n")["id"]
    content, told = file_of(api, first, "format=csv")
    assert told["filename"] == f"jobs-rejected-{first}.csv"
    assert content.startswith(b"\xef\xbb\xbfid,job,")
    corrected = content.replace(b"\nx,", b"\n2,").replace(b"\ny,", b"\n3,").replace(b"\nz,", b"\n4,")
    second = dropped(api, f"incoming/{told['filename']}", corrected)
    assert (second["inserted"], second["rejected"]) == (3, 0)
    assert second["note"] == f"Puts right 3 rows that run {first} rejected."
    assert set(corrected_by(api, first).values()) == {second["id"]}
    assert api.database.rows("jobs") == [(1, "Recruiter"), (2, "=1+1"), (3, "'@cmd"), (4, "-5")]


def test_a_csv_that_comes_back_as_a_workbook_has_its_cells_as_they_were(api: Api) -> None:
    first = dropped(api, "incoming/jobs.csv", b"w,@home\nx,=1+1\ny,'@cmd\nz,-5\n")["id"]
    content, _ = file_of(api, first, "format=csv")
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    ids: list[Any] = ["w", 2, 3, 4]
    sheet: list[list[Any]] = [header, *([id_, *row[1:]] for id_, row in zip(ids, rows, strict=True))]
    second = dropped(api, "incoming/jobs-2.xlsx", workbook(sheet, as_texts))
    assert (second["inserted"], second["rejected"]) == (3, 1)
    book, _ = book_of(api, second["id"])
    assert book["Sheet"]["D1"].value == row_column(second["id"], csv=True)
    book["Sheet"]["A2"] = 1
    third = dropped(api, "incoming/jobs-3.xlsx", saved(book))
    assert third["note"] == f"Puts right one row that run {second['id']} rejected."
    assert api.database.rows("jobs") == [(1, "@home"), (2, "=1+1"), (3, "'@cmd"), (4, "-5")]


def test_a_workbook_with_numbers_of_two_runs_is_told_by_those_of_the_newest(api: Api) -> None:
    old = [row_column(f"2020010{n}T000000000000-00000000") for n in (1, 2)]
    rows: list[list[Any]] = [["id", "job", *old], [1, "Cook", 7, 8], ["x", "Clerk", 9, 10]]
    first = dropped(api, "incoming/jobs.xlsx", workbook(rows))["id"]
    book, _ = book_of(api, first)
    assert [[cell.value for cell in row] for row in book["Sheet"]["C1:D3"]] == [
        [row_column(first), old[1]], [None, None], [2, None]
    ]  # fmt: skip
    book["Sheet"]["A3"] = 2
    second = dropped(api, "incoming/jobs-2.xlsx", saved(book))
    assert second["note"] == f"Puts right one row that run {first} rejected."
    assert corrected_by(api, first) == {2: second["id"]}


def test_what_was_corrected_otherwise_is_not_given_back(api: Api) -> None:
    run = dropped(api, "incoming/jobs.csv", b"1,Recruiter\nx,Cook\ny,Clerk\n")["id"]
    api.post(f"/runs/{run}/replay", [{"row": 2, "id": 2}])
    assert [line.split(b",")[0] for line in file_of(api, run, "format=csv")[0].splitlines()[1:]] == [b"y"]
    assert list(bad_cells(book_of(api, run)[0]["jobs"])) == ["A2"]


def test_a_file_that_claims_rows_of_another_table_or_run_puts_nothing_right(api: Api) -> None:
    first = dropped(api, "incoming/jobs.csv", b"1,Recruiter\nx,Cook\n")["id"]
    header = f"id,department,{row_column(first)}\n".encode()
    other = dropped(api, "incoming/departments.csv", header + b"1,Sales,2\n2,Law,=cmd\n3,Press,\n")
    assert (other["inserted"], other["note"]) == (3, None)
    strange = dropped(api, "incoming/jobs-2.csv", b"decant_row,id,DECANT_REASONS,job\n2,9,why,Cook\n")
    assert (strange["inserted"], strange["note"]) == (1, None)
    assert corrected_by(api, first) == {2: None}


def test_a_refused_file_puts_nothing_right(api: Api) -> None:
    first = dropped(api, "incoming/jobs.csv", b"1,Recruiter\nx,Cook\ny,Clerk\n")["id"]
    again = f"id,job,{row_column(first)}\n2,Cook,2\ny,Clerk,3\n".encode()
    assert dropped(api, "incoming/jobs/max-rejected=0/again.csv", again)["state"] == "refused"
    assert corrected_by(api, first) == {2: None, 3: None}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("format=xlsx&redirect=false&limit=3", 400),
        ("format=xlsx&redirect=yes", 400),
        ("format=json&redirect=false", 406),
        ("format=pdf", 406),
        ("format=xlsx&table=nosuch", 404),
        ("format=xlsx&table=hired_employees", 409),
        ("format=csv", 400),
        ("format=csv&table=jobs", 200),
        ("table=jobs", 200),
    ],
)
def test_what_can_be_asked_of_a_run_of_several_tables(api: Api, query: str, status: int) -> None:
    run = api.post("/batch", {"jobs": [{"id": "x"}], "departments": [{"id": 1}]}).json_body["run"]
    answer = api.get(f"/runs/{run}/rejections?{query}")
    assert answer.status_code == status
    if query == "table=jobs":
        assert [each["table"] for each in answer.json_body["rejections"]] == ["jobs"]


@pytest.mark.parametrize("way", ["?format=xlsx", "?redirect=true", ""])
def test_the_answer_leads_to_the_file(api: Api, way: str) -> None:
    run = api.post("/tables/jobs/rows", [{"id": "x"}]).json_body["run"]
    accept = "*/*" if way else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    answer = api.get(f"/runs/{run}/rejections{way}", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (303, "no-store")
    assert f"/rejected/{run}/jobs-rejected-{run}.xlsx?" in answer.headers["Location"]
    assert "X-Amz-Expires=300" in answer.headers["Location"]


JOBS_TO_TELL = [
    "=1+1",
    "'@cmd",
    "''=x",
    "-5",
    "+3.2",
    "-x",
    "@",
    "_x0041_",
    'a, "b"',
    "a\nb",
    "ñ",
    "007",
    "1e5",
    "TRUE",
]
MISTAKES = ["none", "id", "job", "both"]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(JOBS_TO_TELL), st.sampled_from(MISTAKES)), min_size=1, max_size=8),
    st.sampled_from(["own workbook", "own workbook without header", "csv", "batch as workbook", "batch as csv"]),
)
def test_what_is_corrected_and_dropped_again_is_as_if_it_had_been_right(
    api: Api, rows: list[tuple[str, str]], way: str
) -> None:
    """Whatever was wrong: the table is that of the right file, and no row is loaded twice."""
    empty(api.database)
    right = [(str(number), job) for number, (job, _) in enumerate(rows, 1)]
    wrong = [
        (f"={id_}" if mistake in ("id", "both") else id_, None if mistake in ("job", "both") else job)
        for (id_, job), (_, mistake) in zip(right, rows, strict=True)
    ]
    bad = sum(mistake != "none" for _, mistake in rows)
    first = _first_run(api, way, wrong)
    if bad == 0:
        assert api.get(f"/runs/{first}/rejections?format=xlsx").status_code == 409
        return
    content, told = file_of(api, first, "format=csv" if "csv" in way else "format=xlsx")
    correct = _corrected_csv if "csv" in way else _corrected_workbook
    second = dropped(api, f"incoming/jobs/{told['filename']}", correct(content, right))
    there_already = len(rows) - bad if way.startswith("own") else 0
    assert (second["inserted"], second["unchanged"], second["rejected"]) == (bad, there_already, 0)
    assert api.database.rows("jobs") == [(int(id_), job) for id_, job in right]
    by = None if way == "own workbook without header" else second["id"]
    assert set(corrected_by(api, first).values()) == {by}


def _first_run(api: Api, way: str, rows: list[tuple[str, str | None]]) -> str:
    if way.startswith("batch"):
        return str(api.post("/tables/jobs/rows", [{"id": id_, "job": job} for id_, job in rows]).json_body["run"])
    if way == "csv":
        target = io.StringIO(newline="")
        csv.writer(target).writerows([("id", "job"), *rows])
        return str(dropped(api, "incoming/jobs.csv", target.getvalue().encode())["id"])
    header = [] if way.endswith("without header") else [("id", "job")]

    return str(dropped(api, "incoming/jobs.xlsx", workbook([*header, *rows], as_texts))["id"])


def _corrected_csv(content: bytes, right: list[tuple[str, str]]) -> bytes:
    """The file once somebody has put right what the reasons name."""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(header)
    for id_, job, reasons, number in rows:
        right_id, right_job = right[int(number) - 1]
        writer.writerow(
            [right_id if "id:" in reasons else id_, harmless(right_job) if "job:" in reasons else job, reasons, number]
        )
    return target.getvalue().encode()


def _corrected_workbook(content: bytes, right: list[tuple[str, str]]) -> bytes:
    """The workbook once somebody has put right the cells that are marked."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book.worksheets[0]
    numbered = sheet["A1"].value == "id"
    for place in bad_cells(sheet):
        cell = sheet[place]
        number = sheet.cell(cell.row, 4).value if numbered else cell.row
        write_text(cell, right[number - 1][cell.column - 1])
    return saved(book)


INJECTIONS = ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(1)", '=HYPERLINK("http://x","y")', "'=1", "%0A=1"]


def test_nothing_that_is_written_into_a_workbook_is_a_formula(api: Api) -> None:
    rows = [{"id": text, "job": text, text: text} for text in INJECTIONS]
    content, _ = file_of(api, api.post("/tables/jobs/rows", rows).json_body["run"])
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert [cell.value for cell in book["jobs"]["A"]][1:] == INJECTIONS
    assert all(cell.data_type in "sn" for sheet in book.worksheets for row in sheet.iter_rows() for cell in row)
    assert all(cell.quotePrefix for cell in book["jobs"]["A"][1:6])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert not any(b"<f>" in archive.read(name) for name in archive.namelist())


def test_macros_are_not_given_back(api: Api) -> None:
    target = io.BytesIO(workbook(JOBS))
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macros")
    run = dropped(api, "incoming/jobs.xlsm", target.getvalue())["id"]
    content, told = file_of(api, run)
    assert (told["filename"], told["note"]) == ("jobs-marked.xlsx", None)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert not any("vba" in name for name in archive.namelist())
        assert b"macroEnabled" not in archive.read("[Content_Types].xml")


def test_a_workbook_that_openpyxl_does_not_understand_gives_its_rejected_rows_alone(api: Api) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(JOBS))) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry).replace(b'<pageMargins left="0.75"', b'<pageMargins left="wide"')
            new.writestr(entry.filename, content)
    run = dropped(api, "incoming/jobs.xlsx", target.getvalue())
    assert run["state"] == "succeeded"
    assert "not as openpyxl wants it" in file_of(api, run["id"])[1]["note"]


def test_a_file_that_is_gone_gives_its_rejected_rows_alone(api: Api) -> None:
    run = dropped(api, "incoming/jobs.xlsx", workbook(JOBS))
    source = run["source"]
    api.s3.delete_object(Bucket="intake", Key=source["key"], VersionId=source["version"])
    book, told = book_of(api, run["id"])
    assert told["note"].endswith("It is no longer there.")
    assert list(bad_cells(book["jobs"])) == ["B2", "A3"]


def test_a_cell_too_long_for_a_workbook_comes_as_csv(api: Api) -> None:
    run = api.post("/tables/jobs/rows", [{"id": "x", "job": "J" * 32_768}]).json_body["run"]
    content, told = file_of(api, run)
    assert told["filename"] == f"jobs-rejected-{run}.csv"
    assert "too much for a workbook, so this is a CSV" in told["note"]
    assert b"J" * 32_768 in content


def test_too_many_rejected_rows_come_in_another_form(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    run = dropped(api, "incoming/jobs.xlsx", workbook(JOBS))["id"]
    monkeypatch.setattr("chalicelib.load.marked_workbook.MOST_MARKED", 1)
    assert "2 rejected rows, and up to 1 are marked" in file_of(api, run)[1]["note"]
    monkeypatch.setattr("chalicelib.load.marked_rows.MOST_ROWS", 1)
    assert file_of(api, run)[1]["filename"] == f"jobs-rejected-{run}.csv"
    monkeypatch.setattr("chalicelib.api.rejected_file._MOST_CSV_ROWS", 1)
    assert api.get(f"/runs/{run}/rejections?format=xlsx").status_code == 413


def test_big_rejected_rows_are_read_few_at_once_and_too_much_comes_in_another_form(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = ["J" * size for size in (900, 10, 10, 900, 900)]
    run = dropped(api, "incoming/jobs.xlsx", workbook([["id", "job"], *(["x", job] for job in jobs)]))["id"]
    monkeypatch.setattr("chalicelib.api.rejections._BYTES_AT_ONCE", 1_000)
    with api.services.database.transaction() as transaction:
        at_once = [len(found) for found in _readings(transaction, run)]
        assert [row.cells["job"] for row in waiting_rows(transaction, run, "jobs")] == jobs
        assert waiting_bytes(transaction, run) == sum(len(json.dumps({"id": "x", "job": job})) for job in jobs)
    assert at_once == [4, 1]
    monkeypatch.setattr("chalicelib.api.rejected_file._MOST_WORKBOOK_BYTES", 1_000)
    content, told = file_of(api, run)
    assert told["filename"] == f"jobs-rejected-{run}.csv"
    assert "bytes, and up to 1,000 are marked" in told["note"]
    assert len(content.splitlines()) == 6
    monkeypatch.setattr("chalicelib.api.rejected_file._MOST_CSV_BYTES", 1_000)
    assert api.get(f"/runs/{run}/rejections?format=xlsx").status_code == 413


def _readings(transaction: Transaction, run: str) -> Iterator[list[Any]]:
    last = 0
    while found := _read(transaction, run, "jobs", last, limit=100, of="jobs", waiting=True):
        yield found
        last = found[-1][1]
