"""The sample files: made again they are the same, they have the shape they claim, and two judges know their reports."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import pytest
from openpyxl import load_workbook

from sample_data.generate import generate, main, write_employees_csv
from sample_data.tables import IDLE_DEPARTMENT
from tests import oracle
from tests.frictionless_verdict import frictionless_verdict
from tests.oracle import COLUMNS, Rejection

SAMPLES = Path(__file__).parents[2] / "sample_data"
DIRTY = SAMPLES / "dirty"
SOURCES = {".py", ".md"}
TABLES = ("departments", "jobs", "hired_employees")
PARENTS = {"departments": range(1, 13), "jobs": range(1, 184)}
REPORTS = sorted(path for path in DIRTY.glob("*.expected.json"))
CODES = {"missing-cell", "extra-cell", "type-error", "constraint-error", "foreign-key", "primary-key"}
FILE_CODES = {
    "encrypted-file",
    "old-workbook",
    "not-a-workbook",
    "wrong-columns",
    "undecodable-bytes",
    "unbalanced-quote",
    "empty-file",
}


def rows_of(table: str) -> list[list[str]]:
    return list(oracle.read_csv(SAMPLES / f"{table}.csv"))


def data_files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(
        path.relative_to(folder) for path in found if path.suffix not in SOURCES and path.name != ".gitattributes"
    )


def content_of(path: Path) -> object:
    """Return the bytes; of a whole zip file its entries, since another build of zlib may compress them otherwise."""
    if not is_zipfile(path):
        return b"PK" if path.name == "departments-cut.xlsx" else path.read_bytes()
    with ZipFile(path) as archive:
        return [(info.filename, info.date_time, archive.read(info)) for info in archive.infolist()]


def report_of(path: Path) -> tuple[dict[str, Any], list[Rejection]]:
    report = json.loads(path.read_text(encoding="utf-8"))
    return report, [(entry["row"], entry["column"], entry["code"]) for entry in report["rejections"]]


def judged(report: Path) -> Path:
    return report.with_name(report.name.removesuffix(".expected.json"))


# Made again


def test_generating_gives_the_committed_files(tmp_path: Path) -> None:
    generate(tmp_path)
    assert data_files(tmp_path) == data_files(SAMPLES)
    for name in data_files(tmp_path):
        assert content_of(tmp_path / name) == content_of(SAMPLES / name), name


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for folder, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        main(["--out", str(tmp_path / folder), "--seed", seed, "--employees", "600"])
    for name in data_files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "jobs.csv").read_bytes() != (tmp_path / "c" / "jobs.csv").read_bytes()


@pytest.mark.parametrize("employees", [0, 1, 5, 30])
def test_few_employees_are_still_well_formed(tmp_path: Path, employees: int) -> None:
    generate(tmp_path, employees=employees)
    rows = list(oracle.read_csv(tmp_path / "hired_employees.csv"))
    assert len(rows) == employees
    assert all(len(row) == 5 for row in rows)


# The shape of the three tables


def test_the_tables_have_the_usual_sizes() -> None:
    assert {table: len(rows_of(table)) for table in TABLES} == {"departments": 12, "jobs": 183, "hired_employees": 1999}
    for table in TABLES:
        assert [row[0] for row in rows_of(table)] == [str(n) for n in range(1, len(rows_of(table)) + 1)]
    assert len({row[1] for row in rows_of("jobs")}) == 183
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file() and path.suffix != ".pyc") < 500_000


@pytest.mark.parametrize("table", TABLES)
def test_both_formats_carry_the_same_rows(table: str) -> None:
    workbook = load_workbook(SAMPLES / f"{table}.xlsx")
    sheet = workbook.active
    assert workbook.sheetnames == [table]
    as_text = [
        ["" if value is None else str(int(value)) if isinstance(value, float) else value for value in row]
        for row in sheet.iter_rows(values_only=True)
    ]
    assert as_text == rows_of(table)


def test_ids_of_a_workbook_are_numbers_with_a_point() -> None:
    with ZipFile(SAMPLES / "departments.xlsx") as archive:
        assert b'<c r="A1"><v>1.0</v></c>' in archive.read("xl/worksheets/sheet1.xml")


def test_line_ends() -> None:
    jobs, departments, employees = (
        (SAMPLES / f"{name}.csv").read_bytes() for name in ("jobs", "departments", "hired_employees")
    )
    assert jobs.count(b"\r\n") == jobs.count(b"\n") == 183
    assert b"\r" not in departments + employees
    assert not departments.endswith(b"\n")
    assert employees.endswith(b"\n")


def test_three_to_four_percent_of_the_employees_miss_one_field() -> None:
    missing = [[n for n, cell in enumerate(row) if not cell] for row in rows_of("hired_employees")]
    assert 0.03 <= sum(map(bool, missing)) / len(missing) <= 0.04
    assert max(map(len, missing)) == 1
    by_column = Counter(n for columns in missing for n in columns)
    assert sorted(by_column) == [1, 2, 3, 4]
    assert min(by_column.values()) >= 15


def test_names_are_of_many_kinds() -> None:
    names = [row[1] for row in rows_of("hired_employees") if row[1]]
    words = Counter(len(name.split()) for name in names)
    assert words[2] > words[3] > words[4] > 0
    assert all(any(mark in name for name in names) for mark in ("'", "/", ",", '"', "é", "Ł"))
    assert all(any(row[1].endswith(f" {grade}") for row in rows_of("jobs")) for grade in ("I", "II", "III", "IV"))
    assert any(name[0].islower() for _, name in rows_of("departments"))


def test_moments_are_text_in_utc_and_some_come_twice() -> None:
    moments = [row[2] for row in rows_of("hired_employees") if row[2]]
    for moment in moments:
        datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")
    years = Counter(moment[:4] for moment in moments)
    assert set(years) == {"2020", "2021", "2022"}
    assert years["2021"] > 1500
    assert min(years.values()) >= 10
    assert len(moments) - len(set(moments)) > 100


# The metrics


def test_exactly_one_department_hired_nobody_in_2021_and_it_hired_in_2022() -> None:
    tables = oracle.read_folder(SAMPLES)
    hired = {
        (row["department_id"], row["datetime"].year)
        for row in tables["hired_employees"]
        if isinstance(row["datetime"], datetime)
    }
    assert [n for n in range(1, 13) if (n, 2021) not in hired] == [IDLE_DEPARTMENT]
    assert (IDLE_DEPARTMENT, 2022) in hired


def test_departments_above_the_mean_tie_and_some_are_below() -> None:
    mean, above = oracle.departments_above_mean(SAMPLES, 2021)
    counts = [row["hired"] for row in above]
    assert counts == sorted(counts, key=int, reverse=True)
    assert len(counts) - len(set(counts)) == 1
    assert 2 < len(above) < 11
    assert mean == sum(int(row[f"Q{n}"]) for row in oracle.hires_by_quarter(SAMPLES, 2021) for n in range(1, 5)) / 12


def test_hires_by_quarter_are_ordered_as_people_read() -> None:
    rows = oracle.hires_by_quarter(SAMPLES, 2021)
    assert list(rows[0]) == ["department", "job", "Q1", "Q2", "Q3", "Q4"]
    pairs = [(str(row["department"]), str(row["job"])) for row in rows]
    assert pairs == sorted(pairs, key=lambda pair: (pair[0].lower(), pair[1].lower()))
    assert pairs != sorted(pairs)
    assert len(set(pairs)) == len(pairs)
    assert all(sum(int(row[f"Q{n}"]) for n in range(1, 5)) > 0 for row in rows)


@pytest.mark.parametrize("hours", [-8, -5, -3, 1, 2, 9])
def test_a_session_outside_utc_would_change_the_count_of_the_year(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    moments = [row["datetime"] for row in oracle.read_folder(SAMPLES)["hired_employees"]]

    def hired(where: timezone) -> int:
        return sum(moment.astimezone(where).year == 2021 for moment in moments if isinstance(moment, datetime))

    assert hired(zone) != hired(UTC)


def test_the_metrics_on_rows_counted_by_hand(tmp_path: Path) -> None:
    (tmp_path / "departments.csv").write_text("1,beta\n2,Alpha\n3,Gamma\n4,\n", encoding="utf-8")
    (tmp_path / "jobs.csv").write_text("1,Cook\n2,baker\n", encoding="utf-8")
    moments = [
        "2021-01-01T00:30:00+01:00",
        "2021-03-31",
        "2021-04-01 00:00",
        "2021-12-31T23:59:59-00:30",
        "2021-10-01T00:00Z",
    ]
    lines = [f"{n},Ada Novak,{moment},{1 if n < 4 else 2},{1 + n % 2}" for n, moment in enumerate(moments)]
    lines += ["5,Ada Novak,2021-02-30,3,1", "6,Ada Novak,2021-02-03,4,1", "1,Ada Novak,2021-02-03,3,1"]
    (tmp_path / "hired_employees.csv").write_text("\n".join(lines), encoding="utf-8")
    assert oracle.hires_by_quarter(tmp_path, 2021) == [
        {"department": "Alpha", "job": "Cook", "Q1": 0, "Q2": 0, "Q3": 0, "Q4": 1},
        {"department": "beta", "job": "baker", "Q1": 1, "Q2": 0, "Q3": 0, "Q4": 0},
        {"department": "beta", "job": "Cook", "Q1": 0, "Q2": 1, "Q3": 0, "Q4": 0},
    ]
    assert oracle.departments_above_mean(tmp_path, 2021) == (1.0, [{"id": 1, "department": "beta", "hired": 2}])


# The dirty set


def test_the_dirty_set_shows_every_code() -> None:
    assert {code for report in REPORTS for _, _, code in report_of(report)[1]} == CODES
    reports = (DIRTY / "unreadable").glob("*.expected.json")
    assert {json.loads(report.read_text(encoding="utf-8"))["code"] for report in reports} == FILE_CODES


@pytest.mark.parametrize("folder", [DIRTY, DIRTY / "unreadable"])
def test_every_dirty_file_has_its_report_and_stays_small(folder: Path) -> None:
    files = {path.name for path in folder.iterdir() if path.is_file() and not path.name.endswith(".expected.json")}
    assert files == {judged(path).name for path in folder.glob("*.expected.json")}
    assert all((folder / name).stat().st_size < 10_000 for name in files)


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: judged(path).name)
def test_a_report_is_ordered_and_adds_up(path: Path) -> None:
    report, rejections = report_of(path)
    order: list[str | None] = [*COLUMNS[report["table"]], None]
    assert rejections == sorted(rejections, key=lambda entry: (entry[0], order.index(entry[1])))
    assert report["accepted"] == report["rows"] - len({row for row, _, _ in rejections})
    assert len(rejections) == len(set(rejections))


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: judged(path).name)
def test_the_oracle_agrees_with_the_report(path: Path) -> None:
    report, rejections = report_of(path)
    verdict = oracle.verdict(report["table"], records_of(judged(path)), PARENTS)
    assert verdict.rejections == rejections
    assert (verdict.rows, len(verdict.accepted)) == (report["rows"], report["accepted"])


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: judged(path).name)
def test_lines_are_those_on_which_the_rows_begin(path: Path) -> None:
    report, _ = report_of(path)
    lines = list(lines_of(judged(path)))
    assert len(lines) == report["rows"]
    assert all(lines[entry["row"] - 1] == entry["line"] for entry in report["rejections"])


def records_of(path: Path) -> Iterator[list[str]]:
    """Yield a file's records as text; a sheet's blank cells are empty, its rows as wide as its table.

    A cell with an error holds what is a value of no type.
    """
    if path.suffix == ".csv":
        yield from oracle.read_csv(path)
        return
    width = len(COLUMNS[path.name.partition("-")[0]])
    for row in load_workbook(path).worksheets[0].iter_rows():
        cells = ["\0" if cell.data_type == "e" else "" if cell.value is None else str(cell.value) for cell in row]
        while len(cells) > width and not cells[-1]:
            cells.pop()
        yield cells


def lines_of(path: Path) -> Iterator[int]:
    """Yield the line, or the row of the sheet, on which each row of data begins."""
    if path.suffix == ".xlsx":
        numbered = enumerate(records_of(path), 1)
        yield from (number for number, cells in numbered if any(cell.strip() for cell in cells) and not _header(cells))
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader, begin = csv.reader(file, strict=True), 1
        for cells in reader:
            if any(cell.strip() for cell in cells) and not _header(cells):
                yield begin
            begin = reader.line_num + 1


def _header(cells: list[str]) -> bool:
    return sorted(cell.strip().lower() for cell in cells) == sorted(COLUMNS["hired_employees"])


def test_unreadable_text_can_indeed_not_be_read() -> None:
    folder = DIRTY / "unreadable"
    with pytest.raises(UnicodeDecodeError):
        list(oracle.read_csv(folder / "jobs-latin1.csv"))
    with pytest.raises(csv.Error):
        list(oracle.read_csv(folder / "jobs-unbalanced-quote.csv"))
    with pytest.raises(Exception, match="File is not a zip file"):
        load_workbook(folder / "departments-cut.xlsx")
    assert (folder / "departments-empty.csv").read_bytes() == b""
    for name, marker in (
        ("encrypted.xlsx", "EncryptedPackage"),
        ("old.xls", "Workbook"),
        ("old-renamed.xlsx", "Workbook"),
    ):
        content = (folder / f"departments-{name}").read_bytes()
        assert content.startswith(bytes.fromhex("d0cf11e0a1b11ae1"))
        assert marker.encode("utf-16-le") in content


# Frictionless

# What frictionless (5.21.0) says otherwise than the expected report: reasons that it lacks, and reasons that it adds.
# Numbers are those of the list in `frictionless_verdict`. Nothing else may differ.
DIFFERENCES: dict[str, tuple[set[Rejection], set[Rejection]]] = {
    "departments-blanks-after-comma.csv": ({(3, "department", "constraint-error")}, set()),  # 4
    "departments-duplicate-keys.csv": (
        {(5, "id", "primary-key")},  # 2
        {(5, "id", "type-error"), (8, "id", "primary-key")},  # 1, 2
    ),
    "departments-nul.csv": ({(2, "department", "type-error")}, set()),  # 6
    "hired_employees-datetimes.csv": (
        {(16, "datetime", "type-error"), (26, "datetime", "type-error")},  # 5
        {(row, "datetime", "type-error") for row in (7, 8, 9, 13)},  # 5, 5, 5, 4
    ),
    "hired_employees-dirty.xlsx": (
        {(8, "name", "type-error")},  # 8
        {
            (7, "datetime", "type-error"),  # 4
            (7, "department_id", "type-error"),  # 1
            (16, "id", "primary-key"),  # 2
        },
    ),
    "hired_employees-missing-fields.csv": (
        {(7, "name", "constraint-error"), (8, "job_id", "constraint-error")},  # 4
        {(8, "job_id", "type-error")},  # 4
    ),
    "hired_employees-ragged.csv": (set(), {(9, "id", "primary-key"), (10, "id", "primary-key")}),  # 2
    "hired_employees-unknown-parents.csv": (
        set(),
        {
            (5, "department_id", "type-error"),  # 1
            (5, "job_id", "type-error"),  # 1
            (7, "id", "primary-key"),  # 2
            (9, "department_id", "foreign-key"),  # 7
        },
    ),
    "jobs-integers.csv": (
        {
            (13, "id", "type-error"),  # 1
            (14, "id", "type-error"),  # 1
            (15, "id", "type-error"),  # 1
            (24, "id", "constraint-error"),  # 1
        },
        {(1, "id", "type-error"), (14, "id", "primary-key"), (24, "id", "type-error")},  # 1
    ),
    "jobs-quoted.csv": ({(4, "job", "constraint-error")}, set()),  # 4
}


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: judged(path).name)
def test_frictionless_differs_from_a_report_only_as_listed(path: Path) -> None:
    report, rejections = report_of(path)
    verdict = frictionless_verdict(SAMPLES, report["table"], judged(path))
    difference = (set(rejections) - set(verdict), set(verdict) - set(rejections))
    assert difference == DIFFERENCES.get(judged(path).name, (set(), set()))


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@pytest.mark.parametrize("table", TABLES)
def test_frictionless_and_the_oracle_agree_on_the_tables(table: str, suffix: str) -> None:
    verdict = oracle.verdict(table, oracle.read_csv(SAMPLES / f"{table}.csv"), PARENTS)
    assert frictionless_verdict(SAMPLES, table, SAMPLES / f"{table}.{suffix}") == verdict.rejections
    assert bool(verdict.rejections) == (table == "hired_employees")


def test_for_frictionless_a_rejected_parent_is_a_parent(tmp_path: Path) -> None:
    (tmp_path / "departments.csv").write_text("1,\n", encoding="utf-8")
    (tmp_path / "jobs.csv").write_text("1,Cook\n", encoding="utf-8")
    (tmp_path / "hired_employees.csv").write_text("1,Ada Novak,2021-03-04T05:06:07Z,1,1\n", encoding="utf-8")
    assert frictionless_verdict(tmp_path, "departments") == [(1, "department", "constraint-error")]
    assert frictionless_verdict(tmp_path, "hired_employees") == []
    assert oracle.read_folder(tmp_path)["hired_employees"] == []


# Big files


@pytest.mark.parametrize("share", [0.0, 0.01, 0.333, 1.0])
def test_a_big_file_has_exactly_the_bad_rows_it_says(tmp_path: Path, share: float) -> None:
    path = tmp_path / "big.csv"
    bad = write_employees_csv(path, 12_345, share, seed=3)
    verdict = oracle.verdict("hired_employees", oracle.read_csv(path), PARENTS)
    assert (verdict.rows, len(verdict.accepted)) == (12_345, 12_345 - bad)
    assert bad == round(12_345 * share)
    assert {code for _, _, code in verdict.rejections} == (
        CODES - ({"primary-key"} if share == 1 else set()) if bad else set()
    )


def test_a_big_file_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_employees_csv(tmp_path / name, 1000, 0.1, seed)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_bad_rows_of_a_big_file_have_one_fault_each(tmp_path: Path) -> None:
    write_employees_csv(tmp_path / "big.csv", 5000, 0.2)
    verdict = oracle.verdict("hired_employees", oracle.read_csv(tmp_path / "big.csv"), PARENTS)
    assert len({row for row, _, _ in verdict.rejections}) == len(verdict.rejections) == 1000
