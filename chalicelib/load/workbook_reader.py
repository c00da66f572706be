"""The cells of a sheet, read by a native reader (calamine through fastexcel) piece by piece into columns of text.

The reader takes a workbook whole and holds all of it. So it is given small workbooks, each with some of the rows:
memory stays bounded, and pieces are read beside each other and beside what is done with those before.
"""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import fastexcel
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.errors import FileCode, FileError
from chalicelib.load.workbook_archive import Archive, Sheet, damage_told
from chalicelib.load.workbook_check import MAX_UNPACKED
from chalicelib.load.workbook_markup import LAST_ROW, NARROW, column_number, usual_rows, usual_strings
from chalicelib.load.workbook_pieces import Piece, Unusual, piece, rewritten, usual

_THREADS = 2
_AHEAD = 3
_MAX_GRID = 2**22
_MAX_TEXT = 32 * 2**20
_ROWS = re.compile(rb'<c r="[A-Z]+([0-9]+)"')
_FORMULA = rb"(?:<f[^<]*(?:</f>)?)?"
# What Excel shows as 29 February 1900, a day that never was; the reader gives the day before.
_SERIAL_60 = re.compile(rb'<c r="([A-Z]+)([0-9]+)"[^<>]*>' + _FORMULA + rb"<v>60(?:\.[0-9]*)?</v>")
_BEFORE_PHANTOM_DAY, _PHANTOM_DAY = "1900-02-28", "1900-02-29"
# The values that the reader gives as null; of other types of cells it gives an empty text.
_BLANK = re.compile(rb'<c r="[^"]*"(?: s="[0-9]+")?(?: t="[nbe]")?>' + _FORMULA + rb'<v(?: xml:space="preserve")?></v>')
Errors = Mapping[tuple[int, int], str]


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a sheet, the ``first`` of them counted from 1, from column A on.

    Where a cell holds an error, ``cells`` has null, and ``errors``, by row and column from 0, what the reader says.
    """

    first: int
    cells: pa.Table
    errors: Errors

    def behind(self, row: int) -> Block:
        """What stands behind this row of the sheet."""
        skipped = max(row + 1 - self.first, 0)
        errors = {(at - skipped, column): told for (at, column), told in self.errors.items() if at >= skipped}
        return Block(self.first + skipped, self.cells.slice(skipped), errors)


class WorkbookReader:
    """Reads the sheets of a workbook; the texts that cells share are read once. To be closed, as ``with`` does."""

    def __init__(self, content: bytes) -> None:
        """Raises FileError for what is no workbook, or costs more than it should."""
        self._archive = Archive(content)
        self._pool = ThreadPoolExecutor(_THREADS)
        self._texts = pa.array([], pa.string())
        self._lengths = pa.array([], pa.int32())
        # Ahead of the number of a shared text, where the reader would put the text itself. No file can foretell it.
        self._mark = f"\x01{secrets.token_hex(6)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def sheets(self) -> Iterator[Sheet]:
        """The sheets in their order. Raises FileError."""
        return self._archive.sheets()

    def blocks(self, sheet: Sheet) -> Iterator[Block]:
        """The rows of a sheet in their order, without most that have no value. Raises FileError."""
        read = 0
        self._load_texts(sheet)
        with damage_told(sheet.part):
            try:
                pieces = usual(self._archive, sheet.part, b"<row ", b"</sheetData>")
                for block in self._read(partial(self._block, sheet, True), pieces):
                    yield block
                    read = block.first + len(block.cells) - 1
            except Unusual:
                pieces = rewritten(self._archive, sheet.part)
                for block in self._read(partial(self._block, sheet, False), pieces):
                    if block.first + len(block.cells) - 1 > read:
                        yield block.behind(read)

    def _load_texts(self, sheet: Sheet) -> None:
        """Read the texts that cells share, in the place of any sheet."""
        part = self._archive.texts
        if part is None or len(self._texts):
            return
        items = partial(_items, self._archive, sheet)
        with damage_told(part):
            try:
                found = list(_ahead(self._pool, items, usual(self._archive, part, b"<si", b"</sst>")))
            except Unusual:
                found = list(_ahead(self._pool, items, rewritten(self._archive, part)))
            self._texts = pa.concat_arrays([self._texts, *found])
            self._lengths = pc.binary_length(self._texts)

    def _read(self, read: Callable[[Piece], Block | list[Piece]], pieces: Iterator[bytes]) -> Iterator[Block]:
        """Raises Unusual at the first piece that has not the usual form."""
        text = 0
        for block in _ahead(self._pool, read, _in_order(pieces)):
            text += block.cells.nbytes
            if text > MAX_UNPACKED:
                raise FileError(
                    FileCode.DANGEROUS_WORKBOOK,
                    f"The cells of the workbook hold more than {MAX_UNPACKED:,} bytes of text.",
                    hint="Look whether so much text is meant, and save its rows as CSV.",
                )
            yield block

    def _block(self, sheet: Sheet, as_written: bool, rows: Piece) -> Block | list[Piece]:
        """A piece as a block, or the smaller pieces to read in its place."""
        width = usual_rows(rows.markup, rows.first, rows.last)
        if width is None:
            raise Unusual
        if width * (rows.last - rows.first + 1) > _MAX_GRID and len(halves := rows.halves()) > 1:
            return halves
        if width > NARROW and not all(rows.first <= int(row) <= rows.last for row in _ROWS.findall(rows.markup)):
            raise Unusual
        cells, errors = _read(self._archive, sheet, _marked(rows.markup, self._mark), rows.first)
        if len(cells) > rows.last - rows.first + 1 or (as_written and _lost(rows, cells, errors)):
            raise Unusual
        cells = _with_phantom_days(cells, rows)
        shared = [_shared(column, self._mark) for column in cells.columns]
        text = sum(pc.sum(self._lengths.take(indexes)).as_py() or 0 for indexes in shared if indexes is not None)
        if text > _MAX_TEXT and len(halves := rows.halves()) > 1:
            return halves
        for position, indexes in enumerate(shared):
            if indexes is not None:
                texts = pc.if_else(pc.is_valid(indexes), self._texts.take(indexes), cells.column(position).chunk(0))
                cells = cells.set_column(position, cells.column_names[position], texts)
        return Block(rows.first, cells, errors)


def _items(archive: Archive, sheet: Sheet, items: bytes) -> pa.Array:
    """Some of the texts that cells share. They are given to the reader as a sheet, each in a row of its own."""
    if not usual_strings(items):
        raise Unusual
    rows = items.replace(b"<si/>", b"<si></si>")
    rows = rows.replace(b"<si>", b'<row><c t="inlineStr"><is>').replace(b"</si>", b"</is></c></row>")
    cells, _ = _read(archive, sheet, rows, 1)
    texts = cells.column(0).chunk(0) if cells.num_columns else pa.array([], pa.string())
    return pa.concat_arrays([texts, pa.nulls(rows.count(b"<row>") - len(texts), pa.string())])


def _ahead(pool: ThreadPoolExecutor, read: Callable[[Any], Any], pieces: Iterator[Any]) -> Iterator[Any]:
    """What ``read`` makes of the pieces, in their order; where it makes smaller pieces, what it makes of those."""
    waiting: deque[Future[Any]] = deque()
    try:
        for each in pieces:
            waiting.append(pool.submit(read, each))
            while len(waiting) >= _AHEAD:
                yield from _result(pool, read, waiting.popleft())
        while waiting:
            yield from _result(pool, read, waiting.popleft())
    finally:
        for future in waiting:
            future.cancel()


def _result(pool: ThreadPoolExecutor, read: Callable[[Any], Any], future: Future[Any]) -> Iterator[Any]:
    result = future.result()
    if isinstance(result, list):
        yield from _ahead(pool, read, iter(result))
    else:
        yield result


def _in_order(pieces: Iterator[bytes]) -> Iterator[Piece]:
    last = 0
    for rows in pieces:
        found = piece(rows)
        if not last < found.first <= found.last <= LAST_ROW:
            raise Unusual
        yield found
        last = found.last


def _marked(rows: bytes, mark: str) -> bytes:
    return rows.replace(b't="s"><v>', b't="str"><v>' + mark.encode())


def _read(archive: Archive, sheet: Sheet, rows: bytes, first: int) -> tuple[pa.Table, Errors]:
    """The cells from column A and the first row on, and the errors in them."""
    if b"</v>" not in rows and b"</is>" not in rows:
        return pa.table({}), {}
    workbook = fastexcel.read_excel(archive.workbook_of(sheet, rows))
    # The row ahead of the first is taken for a header, so that blank rows behind it are not left out.
    header = first - 2 if first > 1 else None
    found = workbook.load_sheet(sheet.name, header_row=header, skip_rows=0, dtypes="string")
    if not found.height:
        return pa.table({}), {}
    batch, told = found.to_arrow_with_errors()
    left = found.available_columns()[0].absolute_index
    columns = [pa.nulls(len(batch), pa.string())] * left + batch.columns
    cells = pa.table(columns, names=[str(position) for position in range(len(columns))])
    # It counts the rows of errors from that header on.
    ahead = 0 if header is None else 1
    errors = {
        (row - ahead, column + left): error.detail
        for error in (told.errors if told else [])
        for row, column in [error.position]
    }
    return cells, errors


def _lost(rows: Piece, cells: pa.Table, errors: Errors) -> bool:
    """Whether the reader found fewer values than there are, because cells stand elsewhere than their rows."""
    filled = sum(len(cells) - column.null_count for column in cells.columns) + len(errors)
    lacking = rows.markup.count(b"</v>") + rows.markup.count(b"</is>") - filled
    return bool(lacking > 0 and lacking > len(_BLANK.findall(rows.markup)))


def _shared(column: pa.ChunkedArray, mark: str) -> pa.Array | None:
    """The numbers of shared texts, null where a cell has none; None when none has."""
    text = column.combine_chunks()
    marked = pc.starts_with(text, mark)
    if not pc.any(marked).as_py():
        return None
    numbers = pc.utf8_slice_codeunits(text, len(mark))
    return pc.if_else(marked, numbers, pa.scalar(None, pa.string())).cast(pa.int32())


def _with_phantom_days(cells: pa.Table, rows: Piece) -> pa.Table:
    if not any(pc.any(pc.starts_with(column, _BEFORE_PHANTOM_DAY)).as_py() for column in cells.columns):
        return cells
    found: dict[int, list[int]] = {}
    for match in _SERIAL_60.finditer(rows.markup):
        found.setdefault(column_number(match[1].decode()) - 1, []).append(int(match[2]) - rows.first)
    for position, indexes in found.items():
        phantom = np.zeros(len(cells), np.bool_)
        phantom[indexes] = True
        text = cells.column(position).combine_chunks()
        dates = pc.and_(pa.array(phantom), pc.starts_with(text, _BEFORE_PHANTOM_DAY))
        shown = pc.replace_substring(text, _BEFORE_PHANTOM_DAY, _PHANTOM_DAY, max_replacements=1)
        cells = cells.set_column(position, cells.column_names[position], pc.if_else(dates, shown, text))
    return cells
