"""Text as a picture can carry it: what XML allows, as wide as there is room, numbers as people read them.

A picture has no font of its own, so widths are estimates, in ems of a usual sans serif, on the wide side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

# What XML 1.0 has no room for, and what would turn the direction of a text that stands beside others.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069\x7f-\x9f]")
_SPACE = re.compile(r"\s+")
_NARROW, _BROAD = frozenset("fijlrtI.,:;'|!()[]{}/\\- "), frozenset("mwMW@%")
_ELLIPSIS = "…"


def clean(text: str) -> str:
    """One line of text that XML can hold; what it can't is shown as U+FFFD."""
    return _SPACE.sub(" ", _UNFIT.sub("\ufffd", text)).strip()


def width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is at a font size, in the unit of the size."""
    return size * (1.12 if bold else 1.0) * sum(_ems(character) for character in text)


def shortened(text: str, size: float, room: float) -> str:
    """The text, or as much of it from the beginning as there is room for, with an ellipsis."""
    if width(text, size) <= room:
        return text
    left = room - width(_ELLIPSIS, size)
    for index, character in enumerate(text):
        left -= size * _ems(character)
        if left < 0:
            return text[:index].rstrip() + _ELLIPSIS
    return text


def joined(parts: Sequence[str], size: float, room: float) -> str:
    """The parts with a point between, each shortened to an equal share of the room that shorter ones leave."""
    between = " · "
    room -= width(between, size) * (len(parts) - 1)
    fitted = list(parts)
    by_width = sorted(range(len(parts)), key=lambda index: width(parts[index], size))
    for done, index in enumerate(by_width):
        fitted[index] = shortened(parts[index], size, room / (len(parts) - done))
        room -= width(fitted[index], size)
    return between.join(fitted)


def counted(number: int, noun: str) -> str:
    """So many of a noun whose plural takes an s."""
    return f"{told(number)} {noun}{'' if number == 1 else 's'}"


def told(number: float | Decimal) -> str:
    """A number with its thousands apart, and at most two digits behind the point."""
    return f"{number:,.2f}".rstrip("0").rstrip(".") if number % 1 else f"{int(number):,}"


def _ems(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if character in _NARROW:
        return 0.36
    if character in _BROAD:
        return 0.92
    return 0.7 if character.isupper() else 0.64
