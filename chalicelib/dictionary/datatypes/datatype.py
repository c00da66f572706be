"""What every logical type has to tell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa


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
