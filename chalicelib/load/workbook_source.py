"""An .xlsx workbook as a source, read by a native reader (calamine through fastexcel) straight into columns of text.

Numbers come as people see them (``1.0`` as ``1``) and date cells as ISO 8601; an error such as ``#N/A`` is no value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import fastexcel
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.model import Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.cells import blank_rows, blank_to_null, extra_cells
from chalicelib.load.header import header_columns, wrong_width
from chalicelib.load.rows import Reason, ReasonCode, SourceChunk
from chalicelib.load.workbook_check import REPAIR, check_workbook

_CHUNK_ROWS = 65_536
# How the reader names the errors of a spreadsheet, and what people see in the cell.
_EXPECTED = "Expected string but got "
_ERROR = re.compile(r"Error\((\w+)\)")
_ERRORS = {
    "Div0": "#DIV/0!",
    "GettingData": "#GETTING_DATA",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
}
# By row and column of the sheet's block of cells, from 0: what people see there.
Errors = Mapping[tuple[int, int], str]


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
        left, cells, errors = _sheet(self._content, self._table.name)
        cells = _with_errors(blank_to_null(cells), errors)
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
            yield self._chunk(columns, cells.take(pa.array(index)), index, start, errors)

    def _chunk(self, columns: list[str], cells: pa.Table, index: np.ndarray, start: int, errors: Errors) -> SourceChunk:
        named = dict(zip(columns, cells.columns, strict=False))
        blank = pa.nulls(len(cells), pa.string())
        return SourceChunk(
            rows=pa.array(np.arange(start + 1, start + 1 + len(index)), pa.int64()),
            lines=pa.array(index + 1, pa.int64()),
            cells=pa.table({name: named.get(name, blank) for name in self._table.column_names}),
            faults=_error_faults(columns, index, errors, extra_cells(cells, len(columns))),
        )


def _sheet(content: bytes, table: str) -> tuple[int, pa.Table, Errors]:
    """The cells of the sheet named as the table, or else of the first visible one that has any.

    Before them comes how many columns of the sheet are blank to their left; behind them the cells that hold an error.
    """
    try:
        workbook = fastexcel.read_excel(content)
        names = sorted(workbook.sheet_names, key=lambda name: name.strip().lower() != table.lower())
        for name in names:
            # skip_rows=0 keeps blank rows ahead of the first, so that row numbers are those of the sheet.
            sheet = workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
            named = name.strip().lower() == table.lower()
            if sheet.height and (named or sheet.visible == "visible"):
                cells, found = sheet.to_arrow_with_errors()
                errors = {error.position: _shown(error.detail) for error in found.errors} if found else {}
                return sheet.available_columns()[0].absolute_index, pa.table(cells), errors
    except fastexcel.FastExcelError as error:
        first_line = str(error).splitlines()[0]
        raise FileError(FileCode.NOT_A_WORKBOOK, f"The workbook can't be read: {first_line}.", hint=REPAIR) from error
    return 0, pa.table({}), {}


def _shown(detail: str) -> str:
    """What people see in a cell that the reader can't give as text; for one that is no error, what the reader says."""
    kind = _ERROR.search(detail)
    return _ERRORS.get(kind[1], kind[0]) if kind else detail.removeprefix(_EXPECTED).strip("'")


def _with_errors(cells: pa.Table, errors: Errors) -> pa.Table:
    """The cells with what people see in those that hold an error, so that no row is taken for blank."""
    for position in {column for _, column in errors}:
        rows = sorted(row for row, column in errors if column == position)
        mask = np.zeros(len(cells), np.bool_)
        mask[rows] = True
        shown = pa.array([errors[row, position] for row in rows], pa.string())
        column = pc.replace_with_mask(cells.column(position).combine_chunks(), pa.array(mask), shown)
        cells = cells.set_column(position, cells.column_names[position], column)
    return cells


def _error_faults(
    columns: list[str], index: np.ndarray, errors: Errors, faults: dict[int, list[Reason]]
) -> dict[int, list[Reason]]:
    """The faults of a chunk, whose rows stand at ``index`` in the sheet, with a reason for each cell with an error."""
    for (row, column), shown in errors.items():
        place = int(np.searchsorted(index, row))
        if column < len(columns) and place < len(index) and index[place] == row:
            name = columns[column]
            message = f"{name} holds {shown}, which is no value"
            faults.setdefault(place, []).append(Reason(name, ReasonCode.TYPE_ERROR, message, shown))
    return faults
