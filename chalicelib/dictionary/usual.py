"""Which cells are written as most programs write them, so that Arrow can cast them as they are.

The full rules of a type are several regular expressions for each cell. What is found here needs none of them: bytes are
looked at, all cells at once, and only the other cells go the long way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.lexical import SURE_DIGITS, text_buffers

Mask = np.ndarray[Any, np.dtype[np.bool_]]

_MOMENT = "0000-00-00T00:00:00Z"
_SEPARATORS = [place for place, sign in enumerate(_MOMENT) if sign != "0"]
_DIGITS = [place for place, sign in enumerate(_MOMENT) if sign == "0"]
# The month and the day are looked up as numbers; the 29th of February is left to those who know the year.
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.uint8)


def parse_usual(
    text: pa.Array, usual: Mask, cast: Callable[[pa.Array], pa.Array], parse: Callable[[pa.Array], pa.Array]
) -> pa.Array:
    """Turn text into values: ``cast`` what is usual, ``parse`` the rest. Null stays null."""
    if usual.all():
        return cast(text)
    present = pc.is_valid(text)
    mask = pc.and_(pa.array(usual), present)
    values = cast(_nulled(text, mask))
    rest = pc.and_not(present, mask)
    if not pc.any(rest).as_py():
        return values
    return pc.replace_with_mask(values, rest, parse(text.filter(rest)))


def _nulled(text: pa.Array, kept: pa.Array) -> pa.Array:
    """The same text, null where it is not ``kept``; its bytes are not copied."""
    _, offsets, content = text.buffers()
    bits = np.zeros(text.offset + len(text), np.bool_)
    bits[text.offset :] = kept.to_numpy(zero_copy_only=False)
    buffers = [pa.py_buffer(np.packbits(bits, bitorder="little")), offsets, content]
    return pa.Array.from_buffers(text.type, len(text), buffers, offset=text.offset)


def plain_integers(text: pa.Array) -> Mask:
    """Cells that are a few digits, with or without a minus ahead."""
    offsets, content = text_buffers(text)
    lengths = np.diff(offsets)
    usual = (lengths > 0) & (lengths <= SURE_DIGITS)
    window = content[offsets[0] : offsets[-1]]
    odd = np.flatnonzero(window - np.uint8(ord("0")) > 9) + offsets[0]
    if len(odd):
        rows = np.searchsorted(offsets, odd, side="right") - 1
        sign = (content[odd] == ord("-")) & (odd == offsets[rows]) & (lengths[rows] > 1)
        usual[rows[~sign]] = False
    return usual


def plain_moments(text: pa.Array) -> Mask:
    """Cells such as 2021-07-27T16:02:08Z, of a day and a time that there is."""
    offsets, content = text_buffers(text)
    usual: Mask = np.diff(offsets) == len(_MOMENT)
    begins = offsets[:-1][usual]
    if not len(begins):
        return usual
    if len(begins) == len(text):
        cells = content[offsets[0] : offsets[-1]].reshape(-1, len(_MOMENT))
    else:
        cells = np.lib.stride_tricks.sliding_window_view(content, len(_MOMENT))[begins]
    places = np.ascontiguousarray(cells.T)  # each place of all cells lies together: what follows is three times as fast
    fits = np.ones(len(cells), np.bool_)
    for place in _SEPARATORS:
        fits &= places[place] == ord(_MOMENT[place])
    digits = {place: places[place] - np.uint8(ord("0")) for place in _DIGITS}
    for digit in digits.values():
        fits &= digit <= 9
    month, day, hour, minute, second = (digits[at] * np.uint8(10) + digits[at + 1] for at in (5, 8, 11, 14, 17))
    fits &= (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    fits &= day <= _DAYS[np.where(fits, month, 0)]
    fits &= (digits[0] | digits[1] | digits[2] | digits[3]) > 0  # no calendar has a year 0
    usual[usual] = fits
    return usual
