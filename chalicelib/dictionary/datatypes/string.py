"""Text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.datatypes.datatype import DataType
from chalicelib.dictionary.lexical import text_buffers


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
