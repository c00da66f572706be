"""A CSV file as a source: streamed, so that memory does not grow with the file.

RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180) as people's programs write it: comma separated, any line end, with or
without a header, a byte order mark, a final newline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from chalicelib.dictionary.model import Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.csv_records import Count, Places, Records, Window, parse_records
from chalicelib.load.harmless import as_meant
from chalicelib.load.header import header_columns, wrong_width
from chalicelib.load.returned import made_harmless, origins
from chalicelib.load.rows import Reason, SourceChunk
from chalicelib.load.utf8_stream import Utf8Stream

# Parsed at a time, so no record may be longer. The reader's memory is some 40 times as much, and 4 MiB are no faster.
BLOCK = 2**20
PEEK = 2**20
# As many as a sheet has.
_MAX_WIDTH = 16_384
# A file of which so many rows at its beginning have a wrong width is refused without reading the rest.
TRIED_ROWS = 10_000

Faults = Mapping[int, Sequence[Reason]]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first record of a file tells of all of them.

    ``columns`` are the table's columns behind the cells, ``width`` is how many cells a record is expected to have;
    ``header`` tells whether that first record is one.
    """

    columns: list[str]
    width: int
    header: bool


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a part of a file begins: behind so many lines, and behind the file's header if it has one.

    ``first``: no row is before it.
    """

    layout: Layout
    lines: int
    first: bool


class CsvSource:
    """The rows of one CSV stream, which the caller closes.

    The stream may be a part of a file, from the beginning of a record on: lines are then counted as in the file, and
    rows as in the part. Whether any row has the width of the table, all parts together tell; see ``fit``.
    """

    def __init__(self, table: Table, stream: BinaryIO, block: int = BLOCK, *, part: Beginning | None = None) -> None:
        self._table = table
        self._part = part
        self._stream = Utf8Stream(stream, lines=part.lines if part else None)
        self._block = block
        self.fit = Fit(table, first=part is None or part.first, last=part is None)

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``."""
        layout = self._part.layout if self._part else read_layout(self._table, self._stream.peek(PEEK))
        columns, fit = layout.columns, self.fit
        records = Records(self._stream, layout.width, self._block)
        lines = self._part.lines if self._part else 0
        count = Count(header_ahead=layout.header and self._part is None, line=lines, last_line=lines)
        for batch in records:
            rest = batch
            while taken := count.take(len(rest), records.ragged):
                window = Window(columns, rest.slice(0, taken.whole), records.pop_ragged(taken.ragged))
                rest = rest.slice(taken.whole)
                chunk = self._chunk(window, count.place(taken, window, quotes=self._stream.quotes), fit)
                if len(chunk):
                    yield chunk
        if not records.ended:
            raise FileError(
                FileCode.UNBALANCED_QUOTE,
                f'A cell of the record on line {count.last_line} opens with a quote (") that is never closed.',
                hint="Close the quote, or double each quote that belongs to the text, and drop the file again.",
            )
        fit.check()

    def _chunk(self, window: Window, places: Places, fit: Fit) -> SourceChunk:
        """The rows of data among the records of a window."""
        index = np.flatnonzero(places.data)
        cells = window.cells if len(index) == len(window) else window.cells.filter(pa.array(places.data))
        moved = np.cumsum(places.data) - 1
        faults = {int(moved[old]): reasons for old, reasons in window.faults.items() if places.data[old]}
        rows = places.rows[index]
        fit.look(window, index, rows, faults)
        return SourceChunk(
            rows=pa.array(rows, pa.int64()),
            lines=pa.array(places.lines[index], pa.int64()),
            cells=_all_columns(self._table, cells),
            faults=faults,
            origins=origins(dict(zip(cells.column_names, cells.columns, strict=True))),
        )


class Fit:
    """Whether any row of data has the width of the table; if none does, it is the file that is wrong.

    ``row`` is the number of the first one that has it, ``error`` what is wrong with the very first row if none has.
    These rows may be a part of the file's, without the ``first`` ones or the ``last``.
    """

    def __init__(self, table: Table, *, first: bool = True, last: bool = True) -> None:
        self._table = table
        self._first = first
        self._last = last
        self.row: int | None = None
        self.error: FileError | None = None

    def look(self, window: Window, index: np.ndarray[Any, Any], rows: np.ndarray[Any, Any], faults: Faults) -> None:
        """Look at rows of data: their places in the window, their numbers, and which of them have a wrong width."""
        if self.row is not None or not len(index):
            return
        wrong = np.zeros(len(index), np.bool_)
        wrong[list(faults)] = True
        if self.error is None:
            self.error = self._error(window, int(index[np.argmin(rows)]))
        fitting = rows[~wrong]
        if len(fitting):
            self.row = int(fitting.min())
        if self._first and (self.row or rows.max()) > TRIED_ROWS:
            raise self.error

    def check(self) -> None:
        """Raise FileError when there were rows and none had the right width."""
        if self.error is not None and self.row is None and self._first and self._last:
            raise self.error

    def _error(self, window: Window, position: int) -> FileError:
        if position < len(window.raw):
            return wrong_width(self._table, window.raw.num_columns)
        row = window.ragged[position - len(window.raw)]
        return wrong_width(self._table, row.actual_columns, row.text or "")


def read_layout(table: Table, beginning: bytes) -> Layout:
    """The layout of a file that begins so. Raises FileError when it has no record, or one of other columns."""
    first = _first_record(beginning)
    if first is None:
        raise FileError(FileCode.EMPTY_FILE, "The file is empty.", hint="Drop it again with its rows.")
    header = header_columns(table, first)
    columns = header or list(table.column_names)
    width = max(len(columns), len(first))
    if width > _MAX_WIDTH:
        raise wrong_width(table, len(first))
    return Layout(columns, width, header is not None)


def _first_record(content: bytes) -> list[str] | None:
    """The cells of the first record that is not blank; None when there is none."""
    records = parse_records(content.decode("utf-8", errors="ignore"))
    return next((record for record in records if any(map(str.strip, record))), None)


def _all_columns(table: Table, cells: pa.Table) -> pa.Table:
    """The cells in the order of the table's columns; those that the file does not have are blank."""
    blank = pa.nulls(len(cells), pa.string())
    present = set(cells.column_names)
    meant = as_meant if made_harmless(present) else lambda column: column
    return pa.table({name: meant(cells[name]) if name in present else blank for name in table.column_names})
