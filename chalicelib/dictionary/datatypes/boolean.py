"""Truth values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.datatypes.datatype import DataType


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
