"""An .xlsx workbook as a source, read by a native reader (calamine through fastexcel) straight into columns of text.

Numbers come as people see them (``1.0`` as ``1``), date cells as ISO 8601, error cells and blanks as nothing.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import fastexcel
import numpy as np
import pyarrow as pa

from chalicelib.dictionary.model import Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.cells import blank_rows, blank_to_null
from chalicelib.load.header import header_columns
from chalicelib.load.rows import Reason, ReasonCode, SourceChunk

# A compound file (OLE2) is what Excel wrote before 2007, and what it wraps an encrypted workbook in.
_COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_CHUNK_ROWS = 65_536
# A full sheet of 1,048,576 rows unpacks to some 300 MB; XML of data packs about 10 to 20 times.
MAX_WORKBOOK = 256 * 2**20
_MAX_UNPACKED = 2 * 2**30
_MAX_RATIO = 100
_RATIO_COUNTS_FROM = 50 * 2**20
_MAX_ENTRIES = 10_000


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
            faults=_extra_cells(cells, len(columns)),
        )


def check_workbook(content: bytes) -> None:
    """Look at what can be told without unpacking. Raises FileError with what the file's owner can do."""
    again = "Save it as an Excel workbook (.xlsx) and drop it again."
    if content.startswith(_COMPOUND_FILE):
        if _ENCRYPTED in content:
            hint = "Take the password off in Excel (File, Info, Protect Workbook) and drop it again."
            raise FileError(FileCode.ENCRYPTED_FILE, "The workbook is protected by a password.", hint=hint)
        raise FileError(FileCode.OLD_WORKBOOK, "The file is a workbook of Excel 97 to 2003 (.xls).", hint=again)
    try:
        entries = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except zipfile.BadZipFile as error:
        raise FileError(FileCode.NOT_A_WORKBOOK, "The file is no workbook, or it was cut off.", hint=again) from error
    names = {entry.filename for entry in entries}
    if "xl/workbook.bin" in names:
        raise FileError(FileCode.OLD_WORKBOOK, "The file is a binary workbook (.xlsb).", hint=again)
    if "xl/workbook.xml" not in names and "[Content_Types].xml" not in names:
        raise FileError(FileCode.NOT_A_WORKBOOK, "The file is a zip archive but no workbook.", hint=again)
    unpacked = sum(entry.file_size for entry in entries)
    bomb = unpacked > max(_RATIO_COUNTS_FROM, _MAX_RATIO * len(content))
    if bomb or unpacked > _MAX_UNPACKED or len(entries) > _MAX_ENTRIES:
        raise FileError(
            FileCode.DANGEROUS_WORKBOOK,
            f"The workbook of {len(content):,} bytes would unpack to {unpacked:,} in {len(entries):,} parts.",
            hint="Copy its rows into a new workbook, or save them as CSV.",
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
        hint = "Open it in Excel, save it as a new workbook (.xlsx) and drop that."
        raise FileError(FileCode.NOT_A_WORKBOOK, f"The workbook can't be read: {first_line}.", hint=hint) from error
    return 0, pa.table({})


def _extra_cells(cells: pa.Table, width: int) -> dict[int, list[Reason]]:
    """A reason for each row with something behind its last column."""
    extra: dict[int, list[str]] = {}
    for column in cells.columns[width:]:
        for index in np.flatnonzero(column.is_valid().to_numpy()).tolist():
            extra.setdefault(index, []).append(column[index].as_py())
    message = f"the row goes on behind its {width} columns"
    return {index: [Reason(None, ReasonCode.EXTRA_CELL, message, ",".join(found))] for index, found in extra.items()}
