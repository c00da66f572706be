"""An .xlsx workbook as a source, read by a native reader (calamine through fastexcel) straight into columns of text.

Numbers come as people see them (``1.0`` as ``1``), date cells as ISO 8601, error cells and blanks as nothing.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from xml.parsers import expat

import fastexcel
import numpy as np
import pyarrow as pa

from chalicelib.dictionary.model import Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.cells import blank_rows, blank_to_null, extra_cells
from chalicelib.load.header import header_columns, wrong_width
from chalicelib.load.rows import SourceChunk

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
# The reader holds the rectangle from the first cell to the last, some 40 bytes a cell, however few are filled.
_MAX_GRID = 2**24
_LAST_ROW, _LAST_COLUMN = 2**20, 2**14
_READ = 2**20
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")
_REPAIR = "Open it in Excel, save it as a new workbook (.xlsx) and drop that."


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


def check_workbook(content: bytes) -> None:
    """Look at what can be told without unpacking. Raises FileError with what the file's owner can do."""
    again = "Save it as an Excel workbook (.xlsx) and drop it again."
    if content.startswith(_COMPOUND_FILE):
        if _ENCRYPTED in content:
            hint = "Take the password off in Excel (File, Info, Protect Workbook) and drop it again."
            raise FileError(FileCode.ENCRYPTED_FILE, "The workbook is protected by a password.", hint=hint)
        raise FileError(FileCode.OLD_WORKBOOK, "The file is a workbook of Excel 97 to 2003 (.xls).", hint=again)
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _BROKEN_ZIP as error:
        raise FileError(FileCode.NOT_A_WORKBOOK, "The file is no workbook, or it was cut off.", hint=again) from error
    entries = archive.infolist()
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
    for entry in entries:
        if entry.filename.lower().endswith(".xml"):
            _check_part(archive, entry)


# What zipfile and zlib raise for bytes that are none of theirs, and expat for markup and encodings that it can't read.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
_BROKEN_XML = (expat.ExpatError, LookupError)


def _check_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Look at the cells of a part, if it has any, before the reader makes room for all that lie between them."""
    grid = _Grid(entry.filename)
    try:
        with archive.open(entry) as part:
            while content := part.read(_READ):
                grid.feed(content)
            grid.feed(b"", final=True)
    except (*_BROKEN_ZIP, *_BROKEN_XML) as error:
        detail = f"The workbook can't be read: its part {entry.filename} is damaged."
        raise FileError(FileCode.NOT_A_WORKBOOK, detail, hint=_REPAIR) from error


class _Grid:
    """From which row and column of a sheet to which there are cells with a value, told from its XML."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.ordered_attributes = True
        self._row = self._column = 0
        self._rows = [2**31, 0]
        self._columns = [2**31, 0]

    def feed(self, content: bytes, *, final: bool = False) -> None:
        """Take the next bytes. Raises FileError when the cells lie too far apart."""
        self._parser.Parse(content, final)
        height, width = (max(0, last - first + 1) for first, last in (self._rows, self._columns))
        if height * width > _MAX_GRID:
            raise FileError(
                FileCode.DANGEROUS_WORKBOOK,
                f"The cells of a sheet ({self._part}) are spread over {height:,} rows and {width:,} columns.",
                hint="Delete what stands far from its rows (Ctrl+End finds it) or save the rows as CSV.",
            )

    def _start(self, name: str, attributes: list[str]) -> None:
        local = name.rpartition(":")[2]
        if local == "c":
            self._place(dict(zip(attributes[::2], attributes[1::2], strict=True)).get("r"))
        elif local in ("v", "is"):
            if self._row > _LAST_ROW or self._column > _LAST_COLUMN:
                raise ValueError("a cell outside of what a sheet can have")
            _extend(self._rows, self._row)
            _extend(self._columns, self._column)
        elif local == "row":
            number = dict(zip(attributes[::2], attributes[1::2], strict=True)).get("r")
            self._row = int(number) if number else self._row + 1
            self._column = 0

    def _place(self, reference: str | None) -> None:
        self._column += 1
        if reference is None:
            return
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise ValueError(reference)
        column = 0
        for letter in match[1].upper():
            column = 26 * column + ord(letter) - 64
        self._row, self._column = int(match[2]), column

    def _doctype(self, *_: object) -> None:
        raise FileError(
            FileCode.DANGEROUS_WORKBOOK,
            f"The part {self._part} of the workbook has a document type declaration, which no workbook needs.",
            hint=_REPAIR,
        )


def _extend(span: list[int], position: int) -> None:
    span[:] = min(span[0], position), max(span[1], position)


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
        raise FileError(FileCode.NOT_A_WORKBOOK, f"The workbook can't be read: {first_line}.", hint=_REPAIR) from error
    return 0, pa.table({})
