"""An .xlsx workbook as a source: which of its sheets, rows and columns are those of the table.

Numbers come as people see them (``1.0`` as ``1``) and date cells as ISO 8601; an error such as ``#N/A`` is no value,
nor is a formula that no program has computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import pyarrow as pa

from chalicelib.dictionary.model import Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.cells import blank_rows, extra_cells
from chalicelib.load.harmless import as_meant
from chalicelib.load.header import header_columns, wrong_width
from chalicelib.load.returned import made_harmless, origins
from chalicelib.load.rows import Reason, ReasonCode, SourceChunk
from chalicelib.load.sheet_titles import SUMMARY, names, sheet_title
from chalicelib.load.workbook_archive import Sheet
from chalicelib.load.workbook_cells import NOT_COMPUTED
from chalicelib.load.workbook_check import unpacked_size
from chalicelib.load.workbook_reader import Block, Errors, WorkbookReader
from chalicelib.load.workbook_tags import Places

_UNCOMPUTED = "the formula was not computed: open the file in a spreadsheet program and save it"
# What reading takes goes with the bytes. These are five cells or so, with their markup.
_ROW_BYTES = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows stand: the sheet's name, how many columns are left of them, the columns of the table from there on
    and the sheet's row with the header, if it has one.
    """

    sheet: str
    left: int
    columns: list[str]
    header: int | None


class WorkbookSource:
    """The rows of one workbook, given whole: a zip archive can't be read as a stream.

    A sheet begins and ends with a cell that holds something. What is missing on the left or right, where it fits the
    table, is a column of blanks; a block of rows that stands further to the right is taken as it is. The ``layout`` is
    known with the first rows.
    """

    def __init__(self, table: Table, content: bytes, tables: Sequence[str] = ()) -> None:
        """``tables`` are the names of all tables: a sheet that is called after another one of them is not read."""
        self._table = table
        self._content = content
        self._others = [name for name in tables if name != table.name]
        self._unread: Sequence[str] = ()
        self._share = 0.0
        self._read = 0
        self.layout: Layout | None = None

    def most_rows(self) -> int:
        """How many rows there are at most, where each counts as one for every 200 bytes that it unpacks to."""
        return unpacked_size(self._content) // _ROW_BYTES

    def expected(self) -> int | None:
        """How many rows are likely, as those that were read so far say; None before the first."""
        return round(self._read / self._share) if self._read else None

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``."""
        with WorkbookReader(self._content) as workbook:
            sheets = sorted(workbook.sheets(), key=lambda sheet: not self._names(sheet))
            self._unread = [sheet.name for sheet in sheets if self._is_other(sheet)]
            for sheet in sheets:
                if self._names(sheet) or (sheet.visible and not self._is_other(sheet) and sheet.name != SUMMARY):
                    blocks = workbook.blocks(sheet)
                    first = next(blocks, None)
                    if first is not None:
                        again = partial(workbook.blocks, sheet)
                        yield from self._chunks(sheet, _rows(chain([first], blocks)), again)
                        return
        raise _others(self._table, self._unread) if self._unread else _empty()

    def _names(self, sheet: Sheet) -> bool:
        return names(sheet.name, self._table.name)

    def _is_other(self, sheet: Sheet) -> bool:
        return not self._names(sheet) and any(names(sheet.name, other) for other in self._others)

    def _chunks(
        self, sheet: Sheet, found: Iterator[_Rows], again: Callable[[], Iterator[Block]]
    ) -> Iterator[SourceChunk]:
        first = next(found, None)
        if first is None:
            raise _empty()
        left, right = first.span
        if left > 0:
            spans = [rows.span for rows in _rows(again())]
            left, right = min(span[0] for span in spans), max(span[1] for span in spans)
        header = header_columns(self._table, [column[0].as_py() for column in first.cells.columns[left:]])
        columns = header or list(self._table.column_names)
        left = left if header or right > len(columns) else 0
        self.layout = Layout(sheet.name, left, columns, int(first.lines[0]) if header else None)
        if header:
            first = first.behind_the_first()
        end = left + len(columns)
        if len(first.lines) and not first.fit(end) and not any(rows.fit(end) for rows in _rows(again())):
            raise wrong_width(self._table, right)
        self._read = 0
        for rows in chain([first], found):
            if len(rows.lines):
                chunk = self._chunk(columns, left, rows, self._read)
                self._read += len(chunk)
                self._share = rows.end / sheet.size
                yield chunk

    def _chunk(self, columns: list[str], left: int, rows: _Rows, read: int) -> SourceChunk:
        cells = rows.cells.select(range(left, rows.cells.num_columns))
        meant = map(as_meant, cells.columns) if made_harmless(columns) else cells.columns
        named = dict(zip(columns, meant, strict=False))
        blank = pa.nulls(len(cells), pa.string())
        faults = extra_cells(cells, len(columns))
        for (index, column), shown in rows.errors.items():
            if column - left < len(columns):
                name = columns[column - left]
                message = _UNCOMPUTED if shown == NOT_COMPUTED else f"{name} holds {shown}, which is no value"
                faults.setdefault(index, []).append(Reason(name, ReasonCode.TYPE_ERROR, message, shown))
        return SourceChunk(
            rows=pa.array(np.arange(read + 1, read + 1 + len(cells)), pa.int64()),
            lines=pa.array(rows.lines, pa.int64()),
            cells=pa.table({name: named.get(name, blank) for name in self._table.column_names}),
            faults=faults,
            origins=origins(named),
            unread=self._unread,
        )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a sheet that are not blank: their numbers in it, their trimmed cells, and errors as people see them.

    ``end`` is as in ``Block``.
    """

    lines: Places
    cells: pa.Table
    errors: Errors
    end: int

    @property
    def span(self) -> tuple[int, int]:
        """The first column with a value, and behind the last."""
        filled = [position for position, column in enumerate(self.cells.columns) if column.null_count < len(column)]
        return filled[0], filled[-1] + 1

    def fit(self, end: int) -> bool:
        """Whether any row ends with this column."""
        behind = self.cells.select(range(min(end, self.cells.num_columns), self.cells.num_columns))
        return bool(blank_rows(behind).any())

    def behind_the_first(self) -> _Rows:
        errors = {(index - 1, column): shown for (index, column), shown in self.errors.items() if index}
        return _Rows(self.lines[1:], self.cells.slice(1), errors, self.end)


def _rows(blocks: Iterator[Block]) -> Iterator[_Rows]:
    for block in blocks:
        cells, lines, errors = block.cells, block.lines, block.errors
        filled = np.flatnonzero(~blank_rows(cells))
        if len(filled) < len(cells):
            cells, lines = cells.take(pa.array(filled)), lines[filled]
            errors = {(int(np.searchsorted(filled, row)), column): text for (row, column), text in errors.items()}
        if len(filled):
            yield _Rows(lines, cells, errors, block.end)


def _others(table: Table, sheets: Sequence[str]) -> FileError:
    return FileError(
        FileCode.EMPTY_FILE,
        f"The workbook has no sheet with rows of {table.name}, but of other tables: {', '.join(sheets)}.",
        hint=f"Drop it for the table of its sheet, or call the sheet {sheet_title(table.name)}.",
    )


def _empty() -> FileError:
    return FileError(FileCode.EMPTY_FILE, "The workbook has no sheet with rows.", hint="Drop it again with them.")
