"""The rules and both metrics once more, in plain Python, slowly: what the real thing is held against.

Written from the description of the data alone; it shares no code with `chalicelib`, and must not.
"""

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = int | str | datetime
Values: TypeAlias = dict[str, Value]
Rejection: TypeAlias = tuple[int, str | None, str]
Parents: TypeAlias = Mapping[str, Collection[int]]

COLUMNS: dict[str, dict[str, type[Value]]] = {
    "departments": {"id": int, "department": str},
    "jobs": {"id": int, "job": str},
    "hired_employees": {"id": int, "name": str, "datetime": datetime, "department_id": int, "job_id": int},
}
REFERENCES = {"department_id": "departments", "job_id": "jobs"}

_INTEGER = re.compile(r"([+-]?[0-9]+)(?:\.0+)?")
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


@dataclass
class Verdict:
    """What became of a table's rows: the values of the good ones, and every reason of every bad one.

    A rejection is (row of data from 1, column or None, code), ordered by row, then by the table's columns, None last.
    """

    rows: int = 0
    accepted: list[Values] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


def hires_by_quarter(folder: Path, year: int) -> list[dict[str, str | int]]:
    """Return `department, job, Q1..Q4` for each pair that hired in the year (UTC), ordered alphabetically.

    Letter case does not matter for the order. Two keys with equal names count as one.
    """
    tables = read_folder(folder)
    departments = {row["id"]: str(row["department"]) for row in tables["departments"]}
    jobs = {row["id"]: str(row["job"]) for row in tables["jobs"]}
    counts: Counter[tuple[str, str, int]] = Counter()
    for row in _hired_in(tables, year):
        counts[departments[row["department_id"]], jobs[row["job_id"]], (_moment_of(row).month + 2) // 3] += 1
    pairs = sorted(
        {(department, job) for department, job, _ in counts}, key=lambda pair: [text.lower() for text in pair]
    )
    return [
        {"department": department, "job": job, **{f"Q{n}": counts[department, job, n] for n in range(1, 5)}}
        for department, job in pairs
    ]


def departments_above_mean(folder: Path, year: int) -> tuple[float, list[dict[str, str | int]]]:
    """Return the year's mean of hires over all departments, and those above it: most hires first, then by id."""
    tables = read_folder(folder)
    hired = Counter(row["department_id"] for row in _hired_in(tables, year))
    departments = tables["departments"]
    mean = sum(hired.values()) / len(departments) if departments else 0.0
    above: list[tuple[int, int, str]] = [
        (-hired[row["id"]], _key_of(row), str(row["department"])) for row in departments if hired[row["id"]] > mean
    ]
    return mean, [{"id": key, "department": name, "hired": -hires} for hires, key, name in sorted(above)]


def read_folder(folder: Path) -> dict[str, list[Values]]:
    """Return the valid rows of `departments.csv`, `jobs.csv` and `hired_employees.csv`; parents are the valid ones."""
    tables: dict[str, list[Values]] = {}
    for table in ("departments", "jobs", "hired_employees"):
        parents = {name: {_key_of(row) for row in rows} for name, rows in tables.items()}
        tables[table] = verdict(table, read_csv(folder / f"{table}.csv"), parents).accepted
    return tables


def read_csv(path: Path) -> Iterator[list[str]]:
    """Yield the records of a CSV file in UTF-8, with or without a BOM, rows without content included."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file, strict=True)


def verdict(table: str, records: Iterable[Sequence[str]], parents: Parents) -> Verdict:
    """Judge the records of one file; `parents` are the keys that exist in the tables that this one refers to."""
    columns = COLUMNS[table]
    order = list(columns)
    result = Verdict()
    keys: set[Value] = set()
    for record in records:
        cells = [cell.strip() for cell in record]
        if not any(cells):
            continue
        if result.rows == 0 and sorted(cell.lower() for cell in cells) == sorted(columns):
            order = [cell.lower() for cell in cells]
            continue
        result.rows += 1
        values, reasons = _judge(columns, order, cells, parents, keys)
        result.rejections += [(result.rows, column, code) for column, code in reasons]
        if not reasons:
            keys.add(values["id"])
            result.accepted.append(values)
    return result


def _judge(
    columns: Mapping[str, type[Value]],
    order: Sequence[str],
    cells: Sequence[str],
    parents: Parents,
    keys: Collection[Value],
) -> tuple[Values, list[tuple[str | None, str]]]:
    given = dict(zip(order, cells, strict=False))
    values: Values = {}
    reasons: list[tuple[str | None, str]] = []
    for column, kind in columns.items():
        value = _parse(kind, given[column]) if column in given else _Fault("missing-cell")
        if isinstance(value, _Fault):
            reasons.append((column, value.code))
            continue
        values[column] = value
        if column == "id" and value in keys:
            reasons.append((column, "primary-key"))
        if column in REFERENCES and value not in parents[REFERENCES[column]]:
            reasons.append((column, "foreign-key"))
    if len(cells) > len(columns):
        reasons.append((None, "extra-cell"))
    return values, reasons


@dataclass(frozen=True)
class _Fault:
    code: str


def _parse(kind: type[Value], text: str) -> Value | _Fault:
    if not text:
        return _Fault("constraint-error")
    if kind is int:
        return _parse_integer(text)
    if kind is datetime:
        return _parse_moment(text)
    return _Fault("type-error") if "\0" in text else text


def _parse_integer(text: str) -> Value | _Fault:
    match = _INTEGER.fullmatch(text)
    if match is None:
        return _Fault("type-error")
    value = int(match[1])
    return value if -(2**31) <= value < 2**31 else _Fault("constraint-error")


def _parse_moment(text: str) -> Value | _Fault:
    match = _MOMENT.fullmatch(text)
    if match is None:
        return _Fault("type-error")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    microsecond = int((match[7] or "").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, _zone(match[8])).astimezone(UTC)
    except (ValueError, OverflowError):
        return _Fault("type-error")


def _zone(text: str | None) -> timezone:
    if text in (None, "Z"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _hired_in(tables: Mapping[str, Sequence[Values]], year: int) -> list[Values]:
    return [row for row in tables["hired_employees"] if _moment_of(row).year == year]


def _moment_of(row: Values) -> datetime:
    value = row["datetime"]
    assert isinstance(value, datetime)
    return value


def _key_of(row: Values) -> int:
    value = row["id"]
    assert isinstance(value, int)
    return value
