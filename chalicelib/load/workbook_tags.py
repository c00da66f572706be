"""Markup in the usual form, found by its bytes: where each tag begins, and what it says.

A < begins a tag and nothing else, so numpy finds all tags of a piece at once, and looks at eight bytes of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from chalicelib.load.workbook_markup import Unusual

T = TypeVar("T")
Places = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Words = np.ndarray[Any, np.dtype[np.uint64]]
_WORD = 8
_MOST_KINDS, _LONGEST_KIND = 200, 2**10
# A piece of the usual size has a quarter of it.
_MOST_TAGS = 2**22
_SPACES = set(b"\t\n\r")
# A cell has no more tags than this.
_BEHIND = 6
_BETWEEN = re.compile(rb">[ \t\r\n]+(?=<(?:row|c|/row|si|/si)[ >/])")
_LOW = np.array([2 ** (8 * size) - 1 for size in range(_WORD + 1)], np.uint64)


def word(text: bytes) -> np.uint64:
    """Eight bytes or fewer as one number."""
    return np.uint64(int.from_bytes(text, "little"))


class Tags:
    """The tags of some markup: the places where each ``begins``, and where it and the text behind it end."""

    def __init__(self, markup: bytes) -> None:
        """Raises Unusual for what is no text of XML, or does not begin with a tag."""
        # What should stand behind a tag is looked for behind the last as well.
        self.content = markup + bytes(_BEHIND * _WORD)
        self.bytes = np.frombuffer(self.content, np.uint8)
        # Of a type without alignment, for a word may begin anywhere.
        self._words = np.ndarray((len(self.content) - _WORD + 1,), f"V{_WORD}", self.content, strides=(1,))
        _check_text(markup, self.bytes[: len(markup)])
        begin = self.bytes == ord("<")
        if np.count_nonzero(begin) > _MOST_TAGS:
            raise Unusual
        # The end of the markup stands for the tags behind the last.
        self.begins = np.append(np.flatnonzero(begin), [len(markup)] * _BEHIND)
        self.ends = self.begins[1:]
        if self.begins[0]:
            raise Unusual
        self._seconds = self.bytes[self.begins + 1]

    def __len__(self) -> int:
        return len(self.begins) - _BEHIND

    def drop(self, dropped: Places) -> None:
        """Forget these tags, told by their numbers."""
        kept = np.ones(len(self.begins), np.bool_)
        kept[dropped] = False
        self.ends = self.ends[kept[:-1]]
        self.begins, self._seconds = self.begins[kept], self._seconds[kept]

    def words(self, places: Places, sizes: Any = _WORD) -> Words:
        """The bytes that stand at these places, as many as ``sizes`` says and eight at most."""
        found: Words = self._words[places].view("<u8")
        return found if sizes is _WORD else found & _LOW[np.minimum(sizes, _WORD)]

    def are(self, tags: Places, text: bytes) -> Mask:
        """Whether these tags, told by their numbers, begin so."""
        found: Mask = self.words(self.begins[tags], len(text)) == word(text)
        return found

    def of(self, text: bytes) -> Places:
        """The numbers of the tags that begin so. Raises Unusual when others have the same first letter."""
        found = np.flatnonzero(self._seconds == text[1])
        if not self.are(found, text).all():
            raise Unusual
        return found

    def kinds(self, begins: Places, ends: Places) -> tuple[np.ndarray[Any, np.dtype[np.int16]], list[bytes]]:
        """Which of a few texts stands in each place, and these texts. Raises Unusual when they are not few."""
        sizes, heads = ends - begins, self.words(begins, ends - begins)
        found = np.full(len(begins), -1, np.int16)
        texts: list[bytes] = []
        while (found < 0).any():
            first = int(np.argmax(found < 0))
            if len(texts) == _MOST_KINDS or sizes[first] > _LONGEST_KIND:
                raise Unusual
            text = self.content[begins[first] : ends[first]]
            same = (sizes == len(text)) & (heads == word(text[:_WORD]))
            for place in range(_WORD, len(text), _WORD):
                part = text[place : place + _WORD]
                alike = np.flatnonzero(same)
                same[alike] = self.words(begins[alike] + place, len(part)) == word(part)
            found[same] = len(texts)
            texts.append(text)
        return found, texts


class Stretches:
    """The texts between some places of markup, not copied until they are taken."""

    def __init__(self, content: bytes, begins: Places, ends: Places) -> None:
        # Every other one is what stands between two of them.
        places = np.empty(2 * len(begins) + 1, np.int32)
        places[:-1:2], places[1::2], places[-1] = begins, ends, len(content)
        self._all = pa.StringArray.from_buffers(2 * len(begins), pa.py_buffer(places), pa.py_buffer(content))

    def take(self, numbers: Places) -> pa.Array:
        """Some of them."""
        return self._all.take(pa.array(2 * numbers))


def read_tags(markup: bytes, read: Callable[[Tags], T]) -> T:
    """What ``read`` makes of the tags of some markup. Raises Unusual.

    Some programs write every row, or every cell, in a line of its own: that white space is left out where it must be.
    """
    markup = markup.strip()
    try:
        return read(Tags(markup))
    except Unusual:
        compact = _BETWEEN.sub(b">", markup)
        if len(compact) == len(markup):
            raise
        return read(Tags(compact))


def require(told: Mask) -> None:
    """Raises Unusual unless it was told of all."""
    if not told.all():
        raise Unusual


def _check_text(markup: bytes, content: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    controls = content < ord(" ")
    if controls.any() and not set(content[controls].tolist()) <= _SPACES:
        raise Unusual
    if markup.isascii():
        return
    try:
        pa.array([markup], pa.binary()).cast(pa.string())
    except pa.ArrowInvalid as error:
        raise Unusual from error
