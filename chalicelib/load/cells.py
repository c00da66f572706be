"""What every source does with text cells: trim them, and take a blank one for missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def blank_to_null(cells: pa.Table) -> pa.Table:
    """Trim the text of each cell; null where nothing is left."""
    trimmed = [_trim(column.combine_chunks()) for column in cells.columns]
    return pa.table(trimmed, names=cells.column_names)


def blank_rows(cells: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For each row, whether all its cells are blank: such a row is no row of data."""
    blank = np.ones(len(cells), np.bool_)
    for column in cells.columns:
        if column.null_count == 0:
            return np.zeros(len(cells), np.bool_)
        blank &= column.is_null().to_numpy()
    return blank


def _trim(column: pa.Array) -> pa.Array:
    text = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
