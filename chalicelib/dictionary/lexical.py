"""The lexical forms of values: what text may look like, and what becomes of it before Arrow casts it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SURE_DIGITS = 18

_LEAP_YEAR = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
CALENDAR_DATE = (
    r"(?:[0-9]{4}-(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|[0-9]{4}-(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|[0-9]{4}-02-(?:0[1-9]|1[0-9]|2[0-8])"
    rf"|{_LEAP_YEAR}-02-29)"
)
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
ZONE = r"(?:[Zz]|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)"
MIDNIGHT = r"(?:[Tt ]00:00(?::00(?:\.0{1,6})?)?[Zz]?)?"


def clamp(digits: str) -> int:
    """A long whole number as 64 bits; one beyond them becomes the outermost value on its side."""
    significant = digits.lstrip("-").lstrip("0")
    size = int(significant or "0") if len(significant) <= len(str(2**63)) else 2**63
    return max(-size, -(2**63)) if digits.startswith("-") else min(size, 2**63 - 1)


def keep(text: pa.Array, pattern: str) -> pa.Array:
    """Null every cell that ``pattern`` does not match as a whole."""
    return pc.if_else(pc.match_substring_regex(text, f"^(?:{pattern})$"), text, pa.scalar(None, pa.string()))


def without_year_zero(text: pa.Array) -> pa.Array:
    """Null every date of the year 0, which no calendar has."""
    return pc.if_else(pc.starts_with(text, "0000"), pa.scalar(None, pa.string()), text)


def text_buffers(text: pa.Array) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where each cell begins, and where the last one ends, in the bytes of all of them; and these bytes."""
    _, offsets, content = text.buffers()
    places = np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text) + 1] if offsets else _NOWHERE
    return places, np.frombuffer(content, np.uint8) if content else np.empty(0, np.uint8)


_NOWHERE = np.zeros(1, np.int32)
