"""What every source does with text cells: trim them, take a blank one for missing, and tell those that are too many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.lexical import text_buffers
from chalicelib.load.rows import Reason, ReasonCode


def blank_to_null(cells: pa.Table) -> pa.Table:
    """Trim the text of each cell; null where nothing is left."""
    trimmed = [_trim(column.combine_chunks()) for column in cells.columns]
    return pa.table(trimmed, names=cells.column_names)


def trimmed(column: pa.Array) -> pa.Array:
    """Trim the text of each cell of a column; null where nothing is left."""
    return _trim(column)


def blank_rows(cells: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For each row, whether all its cells are blank: such a row is no row of data."""
    blank = np.ones(len(cells), np.bool_)
    for column in cells.columns:
        if column.null_count == 0:
            return np.zeros(len(cells), np.bool_)
        blank &= column.is_null().to_numpy()
    return blank


def extra_cells(cells: pa.Table, width: int) -> dict[int, list[Reason]]:
    """A reason for each row with something behind its last column."""
    extra: dict[int, list[str]] = {}
    for column in cells.columns[width:]:
        for index in np.flatnonzero(column.is_valid().to_numpy()).tolist():
            extra.setdefault(index, []).append(column[index].as_py())
    return {index: [extra_reason(width, found)] for index, found in extra.items()}


def extra_reason(width: int, found: list[str]) -> Reason:
    """What is wrong with a row that has these cells behind its last column."""
    return Reason(None, ReasonCode.EXTRA_CELL, f"the row goes on behind its {width} columns", ",".join(found))


def _trim(column: pa.Array) -> pa.Array:
    padded = pa.array(_may_be_padded(column))
    text = column
    if pc.any(padded).as_py():
        text = pc.replace_with_mask(column, padded, pc.utf8_trim_whitespace(column.filter(padded)))
    blank = pc.equal(pc.binary_length(text), 0)
    return pc.if_else(blank, pa.scalar(None, pa.string()), text) if pc.any(blank).as_py() else text


def _may_be_padded(column: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For each cell, whether it begins or ends with what may be white space: a blank, a control, no ASCII."""
    offsets, content = text_buffers(column)
    begins, ends = offsets[:-1], offsets[1:]
    if not len(content):
        return np.zeros(len(column), np.bool_)
    first, last = content[np.minimum(begins, len(content) - 1)], content[ends - 1]
    padded: np.ndarray[Any, np.dtype[np.bool_]] = _MAY_BE_WHITE[first] | _MAY_BE_WHITE[last]
    return padded & (begins < ends)


_MAY_BE_WHITE = np.array([byte <= ord(" ") or byte >= 0x80 for byte in range(256)])
