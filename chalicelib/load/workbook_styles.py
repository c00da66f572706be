"""Which styles of a workbook show a number as a date, and from which day on it counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# Those that every program knows (ISO 29500-1, 18.8.30).
_DATES = frozenset([*range(14, 23), 45, 46, 47])
_NEITHER = re.compile(r'"[^"]*"|\\.|_.|\*.|;.*', re.DOTALL)
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_CONDITION = re.compile(r"\[[^\]]*\]")
_DATE = re.compile(r"[dmyhs]|a/p", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Styles:
    """The styles of the cells that are dates, by their numbers, and whether days count from 1904 on."""

    dates: frozenset[int]
    epoch_1904: bool

    def is_date(self, style: int) -> bool:
        """Whether a number in a cell of this style is a date."""
        return style in self.dates


def date_styles(used: list[int], formats: Mapping[int, str]) -> frozenset[int]:
    """The numbers of the styles that are dates, from the format that each uses and what the workbook's own say."""
    return frozenset(
        style for style, used_format in enumerate(used)
        if (_is_date(formats[used_format]) if used_format in formats else used_format in _DATES)
    )  # fmt: skip


def _is_date(code: str) -> bool:
    """Whether a format such as ``yyyy-mm-dd`` shows a date or a time, by its first section."""
    said = _NEITHER.sub("", code)
    return bool(_ELAPSED.search(said) or _DATE.search(_CONDITION.sub("", said)))
