"""What the values in the cells of a workbook look like to people: numbers, dates and texts, columns at a time."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.lexical import text_buffers
from chalicelib.dictionary.usual import plain_integers
from chalicelib.load.workbook_markup import Unusual

_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&#9;": "\t", "&#10;": "\n", "&#13;": "\r",
             "&amp;": "&"}  # fmt: skip
_ENTITY = "&(?:amp|lt|gt|quot|apos|#9|#10|#13);"
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_SURROGATES = range(0xD800, 0xE000)
# Text that says a number as people see it; and anything that is a number at all.
_AS_SEEN = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{0,15}[1-9])?$"
_MOST_SIGNS = 16
_FLOAT = r"^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?$"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_KEPT = Context(prec=15)
_DAY = 86_400_000
# Excel counts 29 February 1900 as day 60, though there was none, so the days ahead of it lie one further back.
_PHANTOM_DAY, _BEFORE, _SHOWN_AS = 60, "1900-02-28", "1900-02-29"
_EPOCH, _EPOCH_AHEAD, _EPOCH_1904 = (
    int(np.datetime64(day, "ms").astype(np.int64)) for day in ("1899-12-30", "1899-12-31", "1904-01-01")
)
_MOST_DAYS = 3_000_000  # of some year behind 9999
_END = int(np.datetime64("10000-01-01", "ms").astype(np.int64))


def shown_numbers(texts: pa.Array) -> pa.Array:
    """Numbers as people see them: ``1.0`` as ``1``, ``1E3`` as ``1000``, to the 15 digits that Excel keeps.

    Whole numbers keep all their digits. What is no number is text. Raises Unusual, as ``plain_text``.
    """
    odd = ~(plain_integers(texts) & _begin_as_numbers(texts))
    if not odd.any():
        return texts
    mask = pa.array(odd)
    rest = pc.replace_substring_regex(plain_text(texts.filter(mask)), r"^(-?(?:0|[1-9][0-9]{0,15}))\.0$", r"\1")
    seen = pc.and_(pc.match_substring_regex(rest, _AS_SEEN), pc.less_equal(pc.binary_length(rest), _MOST_SIGNS))
    strange = pc.invert(seen)
    shown = pa.array([_shown(each) for each in rest.filter(strange).to_pylist()], pa.string())
    return pc.replace_with_mask(texts, mask, pc.replace_with_mask(rest, strange, shown))


def shown_dates(texts: pa.Array, epoch_1904: bool) -> pa.Array:
    """Days since the epoch as ISO 8601, to the millisecond; what lies in no calendar is shown as a number."""
    known = pc.match_substring_regex(texts, _FLOAT)
    if not pc.all(known).as_py():
        texts = pc.utf8_trim_whitespace(plain_text(texts))
        known = pc.match_substring_regex(texts, _FLOAT)
    days = pc.cast(pc.if_else(known, texts, "-1"), pa.float64()).to_numpy()
    inside = (days >= 0) & (days < _MOST_DAYS)
    epoch = _EPOCH_1904 if epoch_1904 else np.where(days < _PHANTOM_DAY, _EPOCH_AHEAD, _EPOCH)
    moments = epoch + np.floor(np.where(inside, days, 0) * _DAY + 0.5).astype(np.int64)
    inside &= moments < _END
    shown = _written(np.where(inside, moments, 0))
    phantom = (days >= _PHANTOM_DAY) & (days < _PHANTOM_DAY + 1)
    if phantom.any() and not epoch_1904:
        shown = pc.if_else(pa.array(phantom), pc.replace_substring(shown, _BEFORE, _SHOWN_AS), shown)
    return shown if inside.all() else pc.if_else(pa.array(inside), shown, shown_numbers(texts))


def plain_text(texts: pa.Array) -> pa.Array:
    """Text as XML means it. Raises Unusual for an entity that is none of the usual ones."""
    content = _content(texts)
    if b"\r" in content:
        texts = pc.replace_substring(pc.replace_substring(texts, "\r\n", "\n"), "\r", "\n")
    if b"&" in content:
        known = pc.sum(pc.count_substring_regex(texts, _ENTITY)).as_py()
        if known != pc.sum(pc.count_substring(texts, "&")).as_py():
            raise Unusual
        for entity, sign in _ENTITIES.items():
            texts = pc.replace_substring(texts, entity, sign)
    return texts


def with_escapes(texts: pa.Array) -> pa.Array:
    """Text as spreadsheets mean it: ``_x0041_`` is an A (ISO 29500-1, 22.9.2.19)."""
    if b"_x" not in _content(texts):
        return texts
    escaped = pc.match_substring_regex(texts, _ESCAPED.pattern)
    meant = [_ESCAPED.sub(_character, text) for text in texts.filter(escaped).to_pylist()]
    return pc.replace_with_mask(texts, escaped, pa.array(meant, pa.string()))


def _begin_as_numbers(texts: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether texts that have a digit ahead begin with one from 1, or have no other."""
    offsets, content = text_buffers(texts)
    first = content[np.minimum(offsets[:-1], max(len(content) - 1, 0))]
    found: np.ndarray[Any, np.dtype[np.bool_]] = ((first > ord("0")) & (first <= ord("9"))) | (np.diff(offsets) == 1)
    return found


def _shown(text: str) -> str | None:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return text or None
    number = Decimal(text)
    if number == number.to_integral_value():
        return format(number, ".0f")
    return format(number.normalize(_KEPT), "f")


def _written(moments: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Array:
    seconds = pc.cast(pa.array(moments // 1000), pa.timestamp("s")).cast(pa.string())
    odd = moments % 1000 != 0
    if not odd.any():
        return seconds
    exact = pc.cast(pa.array(moments), pa.timestamp("ms")).cast(pa.string())
    return pc.if_else(pa.array(odd), exact, seconds)


def _content(texts: pa.Array) -> bytes:
    offsets, content = text_buffers(texts)
    return content[offsets[0] : offsets[-1]].tobytes()


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if code in _SURROGATES else chr(code)
