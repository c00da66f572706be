"""Rows of a sheet in the usual form ─▶ columns of text, all cells of a piece at once.

What the markup says is checked on the way, tag by tag: what is not understood is Unusual, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.load.cells import trimmed
from chalicelib.load.workbook_markup import LAST_ROW, WIDE, Unusual
from chalicelib.load.workbook_styles import Styles
from chalicelib.load.workbook_tags import Mask, Places, Tags, word
from chalicelib.load.workbook_values import plain_text, shown_dates, shown_numbers, with_escapes

_CELL = re.compile(rb'"(?: s="([0-9]{1,5})")?(?: t="(s|n|b|e|str|d|inlineStr)")?(/?)>')
_ROW = re.compile(rb'"(?: [A-Za-z][A-Za-z0-9:_.]*="[^"<&]*")*(/?)>')
T = TypeVar("T")
_BETWEEN = re.compile(rb">[ \t\r\n]+(?=<(?:row|c|/row|si|/si)[ >/])")
_PRESERVED = b'<t xml:space="preserve">'
_FIRST_LETTER = ord("A")
_LETTERS = 26
_ROW_HEAD, _CELL_HEAD = len(b'<row r="'), len(b'<c r="')


class Kind(IntEnum):
    """What the value of a cell means."""

    NUMBER = 0
    DATE = 1
    SHARED = 2
    TEXT = 3
    INLINE = 4
    TRUTH = 5
    ERROR = 6
    UNCOMPUTED = 7


# What stands for the value of a formula that no program has computed.
NOT_COMPUTED = "(formula without a value)"
_KINDS = {b"s": Kind.SHARED, b"b": Kind.TRUTH, b"e": Kind.ERROR, b"str": Kind.TEXT, b"d": Kind.TEXT,
          b"inlineStr": Kind.INLINE}  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of some rows that hold a value, in their order: which row of ``lines``, which column from 0, what."""

    lines: Places
    rows: Places
    columns: Places
    kinds: np.ndarray[Any, np.dtype[np.int8]]
    texts: Stretches

    @property
    def size(self) -> int:
        """How many cells the rectangle around them has."""
        return len(self.lines) * (int(self.columns.max(initial=-1)) + 1)

    def shared(self) -> pa.Array:
        """The numbers of the shared texts in them. Raises pa.ArrowInvalid, a ValueError, for what is no number."""
        return _numbers(self.texts.take(np.flatnonzero(self.kinds == Kind.SHARED)))

    def table(self, shared: pa.Array, styles: Styles) -> pa.Table:
        """The cells as columns of trimmed text from column A on, null where a row has none."""
        order = np.argsort(self.columns, kind="stable")
        width = int(self.columns.max(initial=-1)) + 1
        bounds = np.searchsorted(self.columns[order], np.arange(width + 1))
        blank = pa.nulls(len(self.lines), pa.string())
        columns = [
            self._column(order[first:last], shared, styles) if last > first else blank
            for first, last in pairwise(bounds.tolist())
        ]
        return pa.table(columns, names=[str(position) for position in range(width)])

    def errors(self) -> Mapping[tuple[int, int], str]:
        """By row and column from 0, the errors that people see there, and NOT_COMPUTED."""
        found = np.flatnonzero(self.kinds == Kind.ERROR)
        told = plain_text(self.texts.take(found)).to_pylist()
        uncomputed = np.flatnonzero(self.kinds == Kind.UNCOMPUTED)
        found, told = np.concatenate([found, uncomputed]), told + [NOT_COMPUTED] * len(uncomputed)
        return {
            (int(row), int(column)): text
            for row, column, text in zip(self.rows[found], self.columns[found], told, strict=True)
        }

    def _column(self, cells: Places, shared: pa.Array, styles: Styles) -> pa.Array:
        kinds = self.kinds[cells]
        parts = []
        for kind in np.unique(kinds):
            those = cells[kinds == kind]
            texts = _shown(Kind(kind), self.texts.take(those), shared, styles)
            if len(those) == len(self.lines):
                return texts
            places = np.full(len(self.lines), -1, np.int64)
            places[self.rows[those]] = np.arange(len(those))
            parts.append(texts.take(pa.array(places, mask=places < 0)))
        return parts[0] if len(parts) == 1 else pc.coalesce(*parts)


def read_rows(markup: bytes, styles: Styles) -> Cells:
    """The cells of rows, one row at least. Raises Unusual."""
    return _without_space(markup, lambda text: _read_rows(Tags(text), styles))


def read_items(markup: bytes) -> pa.Array:
    """The trimmed texts of shared strings, null where one is blank. Raises Unusual."""
    return _without_space(markup, lambda text: _read_items(Tags(text)))


def _without_space(markup: bytes, read: Callable[[bytes], T]) -> T:
    """Some programs write every row, or every cell, in a line of its own."""
    markup = markup.strip()
    try:
        return read(markup)
    except Unusual:
        compact = _BETWEEN.sub(b">", markup)
        if len(compact) == len(markup):
            raise
        return read(compact)


def _read_rows(tags: Tags, styles: Styles) -> Cells:
    computed = _drop_formulas(tags)
    rows, cells = tags.of(b'<row r="'), tags.of(b'<c r="')
    lines, sizes, closed_rows = _lines(tags, rows)
    row = np.repeat(np.arange(len(rows)), np.diff(np.append(np.searchsorted(cells, rows), len(cells))))
    columns, tails = _places(tags, rows, cells, row, sizes)
    numbers, written = tags.kinds(tails, tags.ends[cells])
    told = [_cell_kind(each, styles) for each in written]
    kinds = np.array([kind for kind, _ in told], np.int8)[numbers]
    closed = np.array([closed for _, closed in told], np.bool_)[numbers]
    held, begins, ends, understood = _values(tags, cells, kinds, closed)
    if understood + 2 * len(rows) - closed_rows != len(tags):
        raise Unusual
    if not (filled := ends > begins).all():
        held, begins, ends = held[filled], begins[filled], ends[filled]
    if len(computed):
        # A text may be empty, which is what such a formula came to.
        lacking = np.isin(tags.begins[cells], computed) & ~np.isin(kinds, (Kind.TEXT, Kind.INLINE))
        lacking[held] = False
        without = np.flatnonzero(lacking)
        kinds[without] = Kind.UNCOMPUTED
        held, nowhere = np.concatenate([held, without]), tags.ends[cells[without]]
        order = np.argsort(held, kind="stable")
        held = held[order]
        begins, ends = np.concatenate([begins, nowhere])[order], np.concatenate([ends, nowhere])[order]
    return Cells(lines, row[held], columns[held], kinds[held], Stretches(tags.content, begins, ends))


def _read_items(tags: Tags) -> pa.Array:
    items = tags.of(b"<si>")
    if len(tags) != 4 * len(items):
        raise Unusual
    begins, ends = _inline(tags, items + 1)
    _require(tags.are(items, b"<si><t") & tags.are(items + 3, b"</si>"))
    _require(tags.ends[items + 3] - ends == len(b"</t></si>"))
    texts = Stretches(tags.content, begins, ends).take(np.arange(len(items)))
    return trimmed(with_escapes(plain_text(texts)))


def _drop_formulas(tags: Tags) -> Places:
    """Leave them out: what they came to is the value behind them. Return where the cells that have one begin."""
    opened = tags.of(b"<f")
    if not len(opened):
        return opened
    _require(tags.are(opened, b"<f>") | tags.are(opened, b"<f "))
    _require(tags.are(opened - 1, b'<c r="'))
    ended = tags.are(opened + 1, b"</f><")
    _require(ended | (tags.words(tags.ends[opened] - 2, 3) == word(b"/><")))
    begins = tags.begins[opened - 1]
    tags.drop(np.concatenate([opened, opened[ended] + 1]))
    return begins


def _lines(tags: Tags, rows: Places) -> tuple[Places, Places, int]:
    """The numbers of the rows, of how many digits they are, and how many rows have no cells and no tag at their end.

    Raises Unusual unless the rows hold all tags.
    """
    if not len(rows) or rows[0]:
        raise Unusual
    begins = tags.begins[rows] + _ROW_HEAD
    digits = tags.words(begins).view(np.uint8).reshape(-1, 8) - np.uint8(ord("0"))
    sizes = np.argmax(digits > 9, axis=1)
    _require((sizes > 0) & (sizes < 8) & (digits[:, 0] > 0))
    lines = np.zeros(len(rows), np.int64)
    for place in range(int(sizes.max())):
        lines = np.where(place < sizes, 10 * lines + digits[:, place], lines)
    _require(np.diff(lines) > 0)
    _require(lines <= LAST_ROW)
    numbers, written = tags.kinds(begins + sizes, tags.ends[rows])
    closed = np.array([_told(_ROW, each)[1] == b"/" for each in written], np.bool_)[numbers]
    last = np.append(rows[1:], len(tags)) - 1
    _require(np.where(closed, last == rows, tags.are(last, b"</row>")))
    _require(closed | (tags.ends[last] - tags.begins[last] == len(b"</row>")))
    return lines, sizes, int(closed.sum())


def _places(tags: Tags, rows: Places, cells: Places, row: Places, sizes: Places) -> tuple[Places, Places]:
    """The column of each cell, and where its reference ends. Raises Unusual for one in no row, or twice."""
    begins = tags.begins[cells] + _CELL_HEAD
    first = tags.bytes[begins] - np.uint8(_FIRST_LETTER)
    second = tags.bytes[begins + 1] - np.uint8(_FIRST_LETTER)
    two = second < _LETTERS
    _require(first < _LETTERS)
    columns = np.where(two, _LETTERS * (first.astype(np.int64) + 1) + second, first)
    _require(columns < WIDE)
    digits = begins + 1 + two
    here = tags.words(digits, sizes[row])
    _require(here == tags.words(tags.begins[rows] + _ROW_HEAD, sizes)[row])
    places = row * WIDE + columns
    if len(places) and not (np.diff(places) > 0).all() and len(np.unique(places)) < len(places):
        raise Unusual
    return columns, digits + sizes[row]


def _cell_kind(written: bytes, styles: Styles) -> tuple[Kind, bool]:
    style, kind, closed = _told(_CELL, written).groups()
    dated = styles.is_date(int(style or 0)) and kind in (None, b"n")
    return (Kind.DATE if dated else _KINDS.get(kind, Kind.NUMBER)), bool(closed)


def _told(grammar: re.Pattern[bytes], written: bytes) -> re.Match[bytes]:
    match = grammar.fullmatch(written)
    if match is None:
        raise Unusual
    return match


def _values(tags: Tags, cells: Places, kinds: Any, closed: Mask) -> tuple[Places, Places, Places, int]:
    """Which cells hold a value, where it begins and ends, and how many tags all cells have. Raises Unusual."""
    blank = ~closed & tags.are(cells + 1, b"</c><")
    inline = (kinds == Kind.INLINE) & ~(closed | blank)
    others = ~(closed | blank | inline)
    values = cells[others]
    ends = tags.begins[values + 2]
    _require(tags.are(values + 1, b"<v>") & (tags.words(ends) == word(b"</v></c>")))
    _require(tags.begins[values + 4] - ends == len(b"</v></c>"))
    understood = len(cells) + int(blank.sum()) + 3 * len(values)
    held, begins = np.flatnonzero(others), tags.begins[values + 1] + len(b"<v>")
    if inline.any():
        texts = cells[inline]
        _require(tags.are(texts + 1, b"<is><t"))
        first, last = _inline(tags, texts + 2)
        _require(tags.are(texts + 4, b"</is></c") & tags.are(texts + 5, b"</c><"))
        held = np.concatenate([held, np.flatnonzero(inline)])
        order = np.argsort(held, kind="stable")
        held, begins = held[order], np.concatenate([begins, first])[order]
        ends, understood = np.concatenate([ends, last])[order], understood + 5 * len(texts)
    return held, begins, ends, understood


def _inline(tags: Tags, texts: Places) -> tuple[Places, Places]:
    """Where the texts in these tags begin and end. Raises Unusual for other tags."""
    begins = tags.begins[texts]
    bare = tags.words(begins, 3) == word(b"<t>")
    if not bare.all():
        preserved = begins[~bare]
        for place in range(0, len(_PRESERVED), 8):
            _require(tags.words(preserved + place) == word(_PRESERVED[place : place + 8]))
    ends = tags.ends[texts]
    _require(tags.words(ends, 5) == word(b"</t><"))
    return begins + np.where(bare, len(b"<t>"), len(_PRESERVED)), ends


def _shown(kind: Kind, texts: pa.Array, shared: pa.Array, styles: Styles) -> pa.Array:
    match kind:
        case Kind.NUMBER:
            return shown_numbers(texts)
        case Kind.DATE:
            return shown_dates(texts, styles.epoch_1904)
        case Kind.SHARED:
            return shared.take(_numbers(texts))
        case Kind.TRUTH:
            return _truths(trimmed(plain_text(texts)))
        case Kind.INLINE:
            return trimmed(with_escapes(plain_text(texts)))
        case Kind.UNCOMPUTED:
            return pa.array([NOT_COMPUTED] * len(texts), pa.string())
        case _:
            return trimmed(plain_text(texts))


def _truths(texts: pa.Array) -> pa.Array:
    """Truth values in one form; what is none stays, for its column to reject."""
    lower = pc.utf8_lower(texts)
    false, true = (pc.is_in(lower, pa.array(forms)) for forms in (["0", "false"], ["1", "true"]))
    return pc.if_else(false, "false", pc.if_else(true, "true", texts))


def _numbers(texts: pa.Array) -> pa.Array:
    try:
        return pc.cast(texts, pa.int32())
    except pa.ArrowInvalid:
        return pc.cast(trimmed(plain_text(texts)), pa.int32())


def _require(told: Mask) -> None:
    if not told.all():
        raise Unusual
