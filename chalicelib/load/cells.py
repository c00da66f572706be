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
    columns = [trimmed(column.combine_chunks()) for column in cells.columns]
    return pa.table(columns, names=cells.column_names)


def trimmed(column: pa.Array) -> pa.Array:
    """Trim the text of each cell of a column; null where nothing is left."""
    padded = _may_be_padded(*text_buffers(column))
    if padded.any():
        mask = pa.array(padded)
        column = pc.replace_with_mask(column, mask, pc.utf8_trim_whitespace(column.filter(mask)))
    offsets, _ = text_buffers(column)
    blank = np.diff(offsets) == 0
    if not blank.any():
        return column
    if column.null_count:
        return pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), column)
    present = pa.py_buffer(np.packbits(~blank, bitorder="little"))
    return pa.Array.from_buffers(pa.string(), len(column), [present, pa.py_buffer(offsets), column.buffers()[2]])


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


def _may_be_padded(offsets: np.ndarray[Any, Any], content: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For each cell, whether it begins or ends with what may be white space: a blank, a control, no ASCII."""
    begins, ends = offsets[:-1], offsets[1:]
    # Most columns have no such byte anywhere, which is seen much faster than where it is.
    if not (content[offsets[0] : offsets[-1]] - _FIRST_INK > _LAST_INK - _FIRST_INK).any():
        return np.zeros(len(begins), np.bool_)
    first, last = content[np.minimum(begins, len(content) - 1)], content[ends - 1]
    padded: np.ndarray[Any, np.dtype[np.bool_]] = _MAY_BE_WHITE[first] | _MAY_BE_WHITE[last]
    return padded & (begins < ends)


_FIRST_INK, _LAST_INK = np.uint8(ord(" ") + 1), np.uint8(0x7F)
_MAY_BE_WHITE = np.array([byte < _FIRST_INK or byte > _LAST_INK for byte in range(256)])
