"""Rows of a sheet in the usual form ─▶ their cells, all of a piece at once.

What the markup says is checked on the way, tag by tag: what is not understood is Unusual, never passed over.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from chalicelib.load.workbook_cells import Cells, Kind
from chalicelib.load.workbook_markup import LAST_ROW, WIDE, Unusual
from chalicelib.load.workbook_styles import Styles
from chalicelib.load.workbook_tags import Mask, Places, Stretches, Tags, read_tags, require, word
from chalicelib.load.workbook_texts import text_places

_CELL = re.compile(rb'"(?: s="([0-9]{1,5})")?(?: t="(s|n|b|e|str|d|inlineStr)")?(/?)>')
_ROW = re.compile(rb'"(?: [A-Za-z][A-Za-z0-9:_.]*="[^"<&]*")*(/?)>')
_FIRST_LETTER = ord("A")
_LETTERS = 26
_ROW_HEAD, _CELL_HEAD = len(b'<row r="'), len(b'<c r="')
_KINDS = {b"s": Kind.SHARED, b"b": Kind.TRUTH, b"e": Kind.ERROR, b"str": Kind.TEXT, b"d": Kind.TEXT,
          b"inlineStr": Kind.INLINE}  # fmt: skip


def read_rows(markup: bytes, styles: Styles) -> Cells:
    """The cells of rows, one row at least. Raises Unusual."""
    return read_tags(markup, lambda tags: _read_rows(tags, styles))


class _Values(NamedTuple):
    """Values of cells: the numbers of the cells, in their order, and where the value of each begins and ends."""

    cells: Places
    begins: Places
    ends: Places

    def merged(self, others: _Values) -> _Values:
        """These and those of other cells, in the order of the cells."""
        cells, begins, ends = (np.concatenate(both) for both in zip(self, others, strict=True))
        order = np.argsort(cells, kind="stable")
        return _Values(cells[order], begins[order], ends[order])


def _read_rows(tags: Tags, styles: Styles) -> Cells:
    formulas = _drop_formulas(tags)
    rows, cells = tags.of(b'<row r="'), tags.of(b'<c r="')
    lines, sizes, closed_rows = _lines(tags, rows)
    row = np.repeat(np.arange(len(rows)), np.diff(np.append(np.searchsorted(cells, rows), len(cells))))
    columns, tails = _places(tags, rows, cells, row, sizes)
    numbers, written = tags.kinds(tails, tags.ends[cells])
    told = [_cell_kind(each, styles) for each in written]
    kinds = np.array([kind for kind, _ in told], np.int8)[numbers]
    closed = np.array([closed for _, closed in told], np.bool_)[numbers]
    values, understood = _values(tags, cells, kinds, closed)
    if understood + 2 * len(rows) - closed_rows != len(tags):
        raise Unusual
    if not (filled := values.ends > values.begins).all():
        values = _Values(*(each[filled] for each in values))
    if len(formulas):
        # A text may be empty, which is what such a formula came to.
        lacking = np.isin(tags.begins[cells], formulas) & ~np.isin(kinds, (Kind.TEXT, Kind.INLINE))
        lacking[values.cells] = False
        uncomputed = np.flatnonzero(lacking)
        kinds[uncomputed] = Kind.UNCOMPUTED
        nowhere = tags.ends[cells[uncomputed]]
        values = values.merged(_Values(uncomputed, nowhere, nowhere))
    held, begins, ends = values
    return Cells(lines, row[held], columns[held], kinds[held], Stretches(tags.content, begins, ends))


def _drop_formulas(tags: Tags) -> Places:
    """Leave them out: what they came to is the value behind them. Return where the cells that have one begin."""
    opened = tags.of(b"<f")
    if not len(opened):
        return opened
    require(tags.are(opened, b"<f>") | tags.are(opened, b"<f "))
    require(tags.are(opened - 1, b'<c r="'))
    ended = tags.are(opened + 1, b"</f><")
    require(ended | (tags.words(tags.ends[opened] - 2, 3) == word(b"/><")))
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
    require((sizes > 0) & (sizes < 8) & (digits[:, 0] > 0))
    lines = np.zeros(len(rows), np.int64)
    for place in range(int(sizes.max())):
        lines = np.where(place < sizes, 10 * lines + digits[:, place], lines)
    require(np.diff(lines) > 0)
    require(lines <= LAST_ROW)
    numbers, written = tags.kinds(begins + sizes, tags.ends[rows])
    closed = np.array([_told(_ROW, each)[1] == b"/" for each in written], np.bool_)[numbers]
    last = np.append(rows[1:], len(tags)) - 1
    require(np.where(closed, last == rows, tags.are(last, b"</row>")))
    require(closed | (tags.ends[last] - tags.begins[last] == len(b"</row>")))
    return lines, sizes, int(closed.sum())


def _places(tags: Tags, rows: Places, cells: Places, row: Places, sizes: Places) -> tuple[Places, Places]:
    """The column of each cell, and where its reference ends. Raises Unusual for one in no row, or twice."""
    begins = tags.begins[cells] + _CELL_HEAD
    first = tags.bytes[begins] - np.uint8(_FIRST_LETTER)
    second = tags.bytes[begins + 1] - np.uint8(_FIRST_LETTER)
    two = second < _LETTERS
    require(first < _LETTERS)
    columns = np.where(two, _LETTERS * (first.astype(np.int64) + 1) + second, first)
    require(columns < WIDE)
    digits = begins + 1 + two
    here = tags.words(digits, sizes[row])
    require(here == tags.words(tags.begins[rows] + _ROW_HEAD, sizes)[row])
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


def _values(tags: Tags, cells: Places, kinds: Any, closed: Mask) -> tuple[_Values, int]:
    """The values that cells hold, and how many tags all cells have. Raises Unusual."""
    blank = ~closed & tags.are(cells + 1, b"</c><")
    inline = (kinds == Kind.INLINE) & ~(closed | blank)
    others = ~(closed | blank | inline)
    values = cells[others]
    ends = tags.begins[values + 2]
    require(tags.are(values + 1, b"<v>") & (tags.words(ends) == word(b"</v></c>")))
    require(tags.begins[values + 4] - ends == len(b"</v></c>"))
    found = _Values(np.flatnonzero(others), tags.begins[values + 1] + len(b"<v>"), ends)
    understood = len(cells) + int(blank.sum()) + 3 * len(values)
    if inline.any():
        texts = cells[inline]
        require(tags.are(texts + 1, b"<is><t"))
        begins, ends = text_places(tags, texts + 2)
        require(tags.are(texts + 4, b"</is></c") & tags.are(texts + 5, b"</c><"))
        found = found.merged(_Values(np.flatnonzero(inline), begins, ends))
        understood += 5 * len(texts)
    return found, understood
