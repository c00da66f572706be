"""The logical types of a column, one class a type with all its faces: parse, Postgres, Arrow, Avro, JSON Schema.

The names and lexical forms are those of Table Schema (https://specs.frictionlessdata.io/table-schema/), narrowed where
data must survive the way through Postgres and Avro. Parsing is columnar: text in, typed values out, null where a cell
can't be read; nothing here loops over cells.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.lexical import (
    CALENDAR_DATE,
    CLOCK,
    MIDNIGHT,
    SURE_DIGITS,
    ZONE,
    clamp,
    keep,
    text_buffers,
    without_year_zero,
)
from chalicelib.dictionary.usual import parse_usual, plain_integers, plain_moments

INT4 = (-(2**31), 2**31 - 1)
# The two outermost values of 64 bits stand for whatever lies beyond them, so that it is told as out of bounds.
INT8 = (-(2**63) + 1, 2**63 - 2)


@dataclass(frozen=True, slots=True)
class DataType(ABC):
    """One logical type, with whatever parameters a column gives it."""

    name: ClassVar[str]
    expects: ClassVar[str]

    @property
    @abstractmethod
    def arrow(self) -> pa.DataType:
        """The Arrow type of parsed values."""

    @property
    @abstractmethod
    def postgres(self) -> str:
        """The Postgres type of the column."""

    @property
    @abstractmethod
    def avro(self) -> str | dict[str, Any]:
        """The Avro schema of a value that is not null."""

    @property
    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema (2020-12) of a value that is not null."""

    @abstractmethod
    def parse(self, text: pa.Array) -> pa.Array:
        """Turn trimmed text (null: missing) into values of ``arrow``; null too where the text is none of the type."""

    @abstractmethod
    def render(self, value: Any) -> Any:
        """Turn a Python value of the type into what JSON shows; ``parse`` reads its text back as the same value."""


@dataclass(frozen=True, slots=True)
class Integer(DataType):
    """A whole number. ``1.0`` is 1, for workbooks hold floats; ``1.5``, ``1e3`` and ``true`` are none."""

    wide: bool = False
    name = "integer"
    expects = "a whole number"

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest value that the column's Postgres type holds."""
        return INT8 if self.wide else INT4

    @property
    def arrow(self) -> pa.DataType:
        return pa.int64()

    @property
    def postgres(self) -> str:
        return "bigint" if self.wide else "integer"

    @property
    def avro(self) -> str:
        return "long" if self.wide else "int"

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer"}

    def parse(self, text: pa.Array) -> pa.Array:
        return parse_usual(text, plain_integers(text), lambda usual: pc.cast(usual, pa.int64()), self._parse_any)

    def _parse_any(self, text: pa.Array) -> pa.Array:
        plain = keep(text, r"[+-]?[0-9]+(?:\.0*)?")
        digits = pc.replace_substring_regex(plain, r"^\+|\.0*$", "")
        long = pc.fill_null(pc.greater(pc.utf8_length(digits), SURE_DIGITS), False)
        if not pc.any(long).as_py():
            return pc.cast(digits, pa.int64())
        # Rare, and beyond what Arrow can cast without failing for the whole column.
        clamped = pa.array([clamp(each) for each in digits.filter(long).to_pylist()], pa.int64())
        return pc.replace_with_mask(
            pc.cast(pc.if_else(long, pa.scalar(None, pa.string()), digits), pa.int64()), long, clamped
        )

    def render(self, value: int) -> int:
        return value


@dataclass(frozen=True, slots=True)
class Number(DataType):
    """An exact decimal number of at most ``precision`` digits, ``scale`` of them behind the point."""

    precision: int = 38
    scale: int = 9
    name = "number"
    expects = "a decimal number"

    @property
    def arrow(self) -> pa.DataType:
        return pa.decimal128(self.precision, self.scale)

    @property
    def postgres(self) -> str:
        return f"numeric({self.precision}, {self.scale})"

    @property
    def avro(self) -> dict[str, Any]:
        return {"type": "bytes", "logicalType": "decimal", "precision": self.precision, "scale": self.scale}

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": ["number", "string"], "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"}

    def parse(self, text: pa.Array) -> pa.Array:
        whole = self.precision - self.scale
        plain = keep(text, rf"[+-]?0*[0-9]{{1,{max(whole, 1)}}}(?:\.[0-9]{{0,{self.scale}}}0*)?")
        if whole == 0:
            plain = keep(plain, r"[+-]?0+(?:\..*)?")
        exact = pc.replace_substring_regex(plain, r"^\+|\.0*$", "")
        exact = pc.replace_substring_regex(exact, r"(\.[0-9]*[1-9])0+$", r"\1")
        return pc.cast(exact, self.arrow)

    def render(self, value: Decimal) -> str:
        return format(value, "f")


@dataclass(frozen=True, slots=True)
class String(DataType):
    """Text: any Unicode but U+0000, which Postgres can't hold."""

    name = "string"
    expects = "text without the character U+0000"

    @property
    def arrow(self) -> pa.DataType:
        return pa.string()

    @property
    def postgres(self) -> str:
        return "text"

    @property
    def avro(self) -> str:
        return "string"

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def parse(self, text: pa.Array) -> pa.Array:
        if b"\0" not in text_buffers(text)[1].tobytes():
            return text
        return pc.if_else(pc.match_substring(text, "\0"), pa.scalar(None, pa.string()), text)

    def render(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class Boolean(DataType):
    """True or false, written ``true``/``false`` in any letter case, or 1/0."""

    name = "boolean"
    expects = "true or false"

    @property
    def arrow(self) -> pa.DataType:
        return pa.bool_()

    @property
    def postgres(self) -> str:
        return "boolean"

    @property
    def avro(self) -> str:
        return "boolean"

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def parse(self, text: pa.Array) -> pa.Array:
        lower = pc.utf8_lower(text)
        true = pc.is_in(lower, pa.array(["true", "1"]))
        false = pc.is_in(lower, pa.array(["false", "0"]))
        return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))

    def render(self, value: bool) -> bool:
        return value


@dataclass(frozen=True, slots=True)
class Date(DataType):
    """A day of the calendar, ISO 8601. A workbook's date cell carries midnight, which is taken off."""

    name = "date"
    expects = "a calendar date such as 2021-07-27"

    @property
    def arrow(self) -> pa.DataType:
        return pa.date32()

    @property
    def postgres(self) -> str:
        return "date"

    @property
    def avro(self) -> dict[str, Any]:
        return {"type": "int", "logicalType": "date"}

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}

    def parse(self, text: pa.Array) -> pa.Array:
        plain = without_year_zero(keep(text, CALENDAR_DATE + MIDNIGHT))
        return pc.cast(pc.utf8_slice_codeunits(plain, 0, 10), pa.date32())

    def render(self, value: dt.date) -> str:
        return value.isoformat()


@dataclass(frozen=True, slots=True)
class DateTime(DataType):
    """A moment, ISO 8601, to the microsecond. Without a zone it is UTC; a date alone is its midnight."""

    name = "datetime"
    expects = "a date and time such as 2021-07-27T16:02:08Z"

    @property
    def arrow(self) -> pa.DataType:
        return pa.timestamp("us", "UTC")

    @property
    def postgres(self) -> str:
        return "timestamptz"

    @property
    def avro(self) -> dict[str, Any]:
        return {"type": "long", "logicalType": "timestamp-micros"}

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}

    def parse(self, text: pa.Array) -> pa.Array:
        return parse_usual(text, plain_moments(text), lambda usual: pc.cast(usual, self.arrow), self._parse_any)

    def _parse_any(self, text: pa.Array) -> pa.Array:
        plain = without_year_zero(keep(text, rf"{CALENDAR_DATE}(?:[Tt ]{CLOCK} ?{ZONE}?)?"))
        plain = pc.utf8_upper(pc.replace_substring_regex(plain, r"^(.{10}) ", r"\1T"))
        plain = pc.replace_substring(plain, " ", "")
        zoned = pc.match_substring_regex(plain, r"(?:Z|T.*[+-].*)$")
        clocked = pc.greater(pc.utf8_length(plain), len("2021-07-27"))
        utc = pc.binary_join_element_wise(plain, pc.if_else(clocked, "Z", "T00:00Z"), "")
        moments = pc.cast(pc.if_else(zoned, plain, utc), self.arrow)
        since_epoch = moments.cast(pa.int64())
        inside = pc.and_(pc.greater_equal(since_epoch, _FIRST_MOMENT), pc.less_equal(since_epoch, _LAST_MOMENT))
        return pc.if_else(inside, moments, pa.scalar(None, self.arrow))

    def render(self, value: dt.datetime) -> str:
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


# A zone can push a moment of the first or last day past what Python's datetime, and so fastavro, can hold. Microseconds
# since the epoch, for an Arrow scalar made of a datetime imports pandas, which takes long.
_EPOCH, _MICROSECOND = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(microseconds=1)
_FIRST_MOMENT = (dt.datetime.min.replace(tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
_LAST_MOMENT = (dt.datetime.max.replace(tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND

TYPES: dict[str, type[DataType]] = {
    datatype.name: datatype for datatype in (Integer, Number, String, Boolean, Date, DateTime)
}
