"""An .xlsx workbook as a source, read by a native reader (calamine through fastexcel) straight into columns of text.

Numbers come as people see them (``1.0`` as ``1``), date cells as ISO 8601, error cells and blanks as nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import fastexcel
import numpy as np
import pyarrow as pa

from chalicelib.dictionary.model import Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.cells import blank_rows, blank_to_null, extra_cells
from chalicelib.load.header import header_columns, wrong_width
from chalicelib.load.rows import SourceChunk
from chalicelib.load.workbook_check import REPAIR, check_workbook

_CHUNK_ROWS = 65_536


class WorkbookSource:
    """The rows of one workbook, given whole: a zip archive can't be read as a stream.

    A sheet begins and ends with a cell that holds something. What is missing on the left or right, where it fits the
    table, is a column of blanks; a block of rows that stands further to the right is taken as it is.
    """

    def __init__(self, table: Table, content: bytes) -> None:
        self._table = table
        self._content = content

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``."""
        check_workbook(self._content)
        left, cells = _sheet(self._content, self._table.name)
        cells = blank_to_null(cells)
        filled = np.flatnonzero(~blank_rows(cells))
        if not len(filled):
            raise FileError(
                FileCode.EMPTY_FILE, "The workbook has no sheet with rows.", hint="Drop it again with them."
            )
        first = [column[int(filled[0])].as_py() for column in cells.columns]
        header = header_columns(self._table, first)
        columns = header or list(self._table.column_names)
        if not header and left + cells.num_columns <= len(columns):
            columns = columns[left:]
        if header:
            filled = filled[1:]
        if len(filled) and not blank_rows(cells.select(range(len(columns), cells.num_columns)))[filled].any():
            raise wrong_width(self._table, left + cells.num_columns)
        for start in range(0, len(filled), _CHUNK_ROWS):
            index = filled[start : start + _CHUNK_ROWS]
            yield self._chunk(columns, cells.take(pa.array(index)), index, start)

    def _chunk(self, columns: list[str], cells: pa.Table, index: np.ndarray, start: int) -> SourceChunk:
        named = dict(zip(columns, cells.columns, strict=False))
        blank = pa.nulls(len(cells), pa.string())
        return SourceChunk(
            rows=pa.array(np.arange(start + 1, start + 1 + len(index)), pa.int64()),
            lines=pa.array(index + 1, pa.int64()),
            cells=pa.table({name: named.get(name, blank) for name in self._table.column_names}),
            faults=extra_cells(cells, len(columns)),
        )


def _sheet(content: bytes, table: str) -> tuple[int, pa.Table]:
    """The cells of the sheet named as the table, or else of the first visible one that has any.

    Before them comes how many columns of the sheet are blank to their left.
    """
    try:
        workbook = fastexcel.read_excel(content)
        names = sorted(workbook.sheet_names, key=lambda name: name.strip().lower() != table.lower())
        for name in names:
            # skip_rows=0 keeps blank rows ahead of the first, so that row numbers are those of the sheet.
            sheet = workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
            named = name.strip().lower() == table.lower()
            if sheet.height and (named or sheet.visible == "visible"):
                return sheet.available_columns()[0].absolute_index, pa.table(sheet.to_arrow())
    except fastexcel.FastExcelError as error:
        first_line = str(error).splitlines()[0]
        raise FileError(FileCode.NOT_A_WORKBOOK, f"The workbook can't be read: {first_line}.", hint=REPAIR) from error
    return 0, pa.table({})
