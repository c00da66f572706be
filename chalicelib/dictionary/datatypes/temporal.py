"""Days of the calendar and moments."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.datatypes.datatype import DataType
from chalicelib.dictionary.lexical import CALENDAR_DATE, CLOCK, MIDNIGHT, ZONE, keep, without_year_zero
from chalicelib.dictionary.usual import parse_usual, plain_moments

# A zone can push a moment of the first or last day past what Python's datetime, and so fastavro, can hold. Microseconds
# since the epoch, for an Arrow scalar made of a datetime imports pandas, which takes long.
_EPOCH, _MICROSECOND = dt.datetime(1970, 1, 1), dt.timedelta(microseconds=1)
_FIRST_MOMENT = (dt.datetime.min - _EPOCH) // _MICROSECOND
_LAST_MOMENT = (dt.datetime.max - _EPOCH) // _MICROSECOND


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
