"""The cells of some rows of a sheet ─▶ columns of text, all of one kind at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.load.cells import trimmed
from chalicelib.load.workbook_styles import Styles
from chalicelib.load.workbook_tags import Places, Stretches
from chalicelib.load.workbook_values import plain_text, shown_dates, shown_numbers, with_escapes

# What stands for the value of a formula that no program has computed.
NOT_COMPUTED = "(formula without a value)"


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
