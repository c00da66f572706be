"""Whole numbers and decimal ones."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.datatypes.datatype import DataType
from chalicelib.dictionary.lexical import SURE_DIGITS, clamp, keep
from chalicelib.dictionary.usual import parse_usual, plain_integers

INT4 = (-(2**31), 2**31 - 1)
# The two outermost values of 64 bits stand for whatever lies beyond them, so that it is told as out of bounds.
INT8 = (-(2**63) + 1, 2**63 - 2)


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
