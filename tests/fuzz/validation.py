"""Validating: any cells of every type are judged as plain Python judges them one by one, and every row once."""

from __future__ import annotations

import datetime as dt
import re
import zlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from chalicelib.dictionary.model import ForeignKey, Table
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.load.rows import SourceChunk
from chalicelib.load.validation import FAULTY, LINE, ROW, Checked, Validator
from tests.fuzz.target import Target

_CELL_END, _ROW_END = "\x1f", "\x1e"
_KNOWN = {1, 7, 2147483647}
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "string", "constraints": {"required": True}},
    {"name": "whole", "type": "integer", "constraints": {"minimum": -5}},
    {"name": "wide", "type": "integer", "constraints": {"minimum": -(10**18) + 1, "maximum": 10**18 - 1}},
    {"name": "amount", "type": "number", "precision": 12, "scale": 2, "constraints": {"maximum": "1000.50"}},
    {"name": "flag", "type": "boolean"},
    {"name": "day", "type": "date", "constraints": {"minimum": "1900-03-01"}},
    {"name": "moment", "type": "datetime"},
    {"name": "word", "type": "string", "constraints": {"pattern": "[a-z]{2}|[0-9]+", "minLength": 2, "maxLength": 3}},
    {"name": "parent", "type": "integer", "constraints": {"required": True}},
]
_PARENT = [{"name": "parent", "type": "integer", "constraints": {"required": True}}]
TABLE: Table = parse_dictionary(
    {"resources": [
        {"name": "everything", "schema": {"fields": FIELDS, "primaryKey": "id", "foreignKeys": [
            {"fields": ["parent"], "reference": {"resource": "parents", "fields": ["parent"]}}]}},
        {"name": "parents", "schema": {"fields": _PARENT, "primaryKey": "parent"}}]}
).table("everything")  # fmt: skip


class _Parents:
    def lacking(self, _key: ForeignKey, values: pa.Table) -> pa.Table:
        return values.filter(pa.array([value not in _KNOWN for value in values.column(0).to_pylist()], pa.bool_()))


def check(content: bytes) -> None:
    """Validate some rows, whole and in slices."""
    rows = _cells(content)
    expected = [_judged(row) for row in rows]
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in TABLE.column_names}
    numbers = pa.array(range(1, len(rows) + 1), pa.int64())
    chunk = SourceChunk(numbers, numbers, pa.table(columns))
    assert _told(Validator(TABLE, _Parents()).check(chunk)) == expected
    size = len(rows) // (1 + zlib.crc32(content) % 3) or 1
    validator = Validator(TABLE, _Parents())
    found = []
    for begin in range(0, len(rows), size):
        part = numbers.slice(begin, size)
        found += _told(validator.check(SourceChunk(part, part, chunk.cells.slice(begin, size))))
    assert found == expected


Judged = tuple[int, dict[str, Any], list[tuple[str | None, str]]]


def _told(checked: Checked) -> list[Judged]:
    """Each row: its number, its values, and what is wrong with it, by column and code."""
    rejected = {row.row: [(each.column, each.code.value) for each in row.reasons] for row in checked.rejected}
    assert all(row.reasons for row in checked.rejected)
    assert len(rejected) == len(checked.rejected)
    found = []
    for row in checked.staged.to_pylist():
        number = row.pop(ROW)
        assert row.pop(LINE) == number
        reasons = rejected.pop(number, [])
        assert row.pop(FAULTY) == bool(reasons)
        found.append((number, row, reasons))
    assert not rejected
    return found


def _cells(content: bytes) -> list[dict[str, Any]]:
    text = content.decode(errors="ignore")
    rows = [[cell.strip() or None for cell in row.split(_CELL_END)] for row in text.split(_ROW_END)]
    blank = [None] * len(TABLE.columns)
    return [
        {"row": number, **dict(zip(TABLE.column_names, [*row, *blank], strict=False))}
        for number, row in enumerate(rows, 1)
    ]


def _judged(row: Mapping[str, Any]) -> Judged:
    values: dict[str, Any] = {}
    reasons: list[tuple[str | None, str]] = []
    for field in FIELDS:
        name, text, rules = field["name"], row[field["name"]], field.get("constraints", {})
        value = _READ[field["type"]](text) if text is not None else None
        if field["type"] == "number" and value is not None:
            value = _in_places(value, field["precision"], field["scale"])
        codes = []
        if text is None:
            codes = ["constraint-error"] * bool(rules.get("required"))
        elif value is None:
            codes = ["type-error"]
        else:
            codes = ["constraint-error"] * _broken(name, value)
        values[name] = None if codes else value
        if name == "parent" and not codes and value not in _KNOWN:
            codes = ["foreign-key"]
        reasons += [(name, code) for code in codes]
    return int(row["row"]), values, reasons


def _broken(name: str, value: Any) -> int:
    """How many rules of its column a value breaks."""
    match name:
        case "whole":
            return int(value < -5) + int(value > 2**31 - 1)
        case "parent":
            return int(value < -(2**31)) + int(value > 2**31 - 1)
        case "wide":
            return int(abs(value) >= 10**18)
        case "amount":
            return int(value > Decimal("1000.50"))
        case "day":
            return int(value < dt.date(1900, 3, 1))
        case "word":
            return int(not re.fullmatch("[a-z]{2}|[0-9]+", value)) + int(len(value) < 2) + int(len(value) > 3)
    return 0


def _integer(text: str) -> int | None:
    match = re.fullmatch(r"([+-]?[0-9]+)(?:\.0*)?", text)
    return int(match[1]) if match and len(text) < 4_000 else None


def _number(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]+(?:\.[0-9]*)?", text) else None


def _in_places(value: Decimal, precision: int, scale: int) -> Decimal | None:
    """The number with so many digits, None when it has more."""
    digits = value.normalize().as_tuple()
    assert isinstance(digits.exponent, int)
    fits = value == 0 or (-digits.exponent <= scale and value.adjusted() < precision - scale)
    return value.quantize(Decimal(1).scaleb(-scale)) if fits else None


def _boolean(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower())


def _day(text: str) -> dt.date | None:
    match = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]00:00(?::00(?:\.0{1,6})?)?[Zz]?)?", text)
    try:
        return dt.date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def _moment(text: str) -> dt.datetime | None:
    match = re.fullmatch(
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)"
        r" ?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2})?)?)?",
        text,
    )
    if not match:
        return None
    day, clock, _, sign, hours, minutes = match.groups()
    try:
        begin, _, fraction = (clock or "00:00").partition(".")
        moment = dt.datetime.fromisoformat(f"{day}T{begin}").replace(
            microsecond=int(fraction.ljust(6, "0")) if fraction else 0, tzinfo=dt.UTC
        )
        if int(hours or 0) > 14 or int(minutes or 0) > 59:
            return None
        ahead = dt.timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        return moment + ahead if sign == "-" else moment - ahead
    except (ValueError, OverflowError):
        return None


_READ: Mapping[str, Callable[[str], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _day,
    "datetime": _moment,
    "string": lambda text: None if "\0" in text else text,
}


def _seeds() -> list[bytes]:
    rows = [
        ["a", "1", "-5", "12.50", "true", "2021-07-27", "2021-07-27T16:02:08Z", "ab", "7"],
        ["b", "2147483648", "999999999999999999", "1000.51", "0", "1900-02-28", "2021-02-30", "12", "2"],
        ["c", "1.0", "1e3", "-0.001", "FALSE", "2020-02-29T00:00", "2021-07-27 16:02:08.123456 +05:30", "abc", "1.00"],
        ["d", "-6", "\uff11\uff12", "NaN", "1", "0000-01-01", "9999-12-31T23:59:59-14:00", "x\ny", ""],
        ["", "+7", "9007199254740993", "0000000000012.5000", "yes", "10000-01-01", "24:00", "\0", "2147483647"],
    ]
    return [_CELL_END.join(row).encode() for row in rows] + [_ROW_END.join(map(_CELL_END.join, rows)).encode()]


TARGET = Target(check, _seeds, [b"\x1e", b"\x1f", b".0", b"+", b"-", b"Z", b"T", b":00", b"2147483647", b"0000-", b"\0",
                                b"true", b"1e3", b"-02-29", b"24:00", b"+14:00", b"9" * 20, "\uff11".encode(),
                                "\u0130".encode()], 800)  # fmt: skip
