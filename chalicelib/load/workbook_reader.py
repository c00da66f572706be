"""The cells of a sheet as columns of trimmed text, piece by piece.

Memory stays bounded, and pieces are read beside each other and beside what is done with those before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.errors import FileCode, FileError
from chalicelib.load.workbook_archive import Archive, Sheet, damage_told
from chalicelib.load.workbook_check import MAX_UNPACKED
from chalicelib.load.workbook_markup import LAST_ROW, Unusual
from chalicelib.load.workbook_pieces import Cut, Piece, mended, piece, rewritten, usual
from chalicelib.load.workbook_rows import read_rows
from chalicelib.load.workbook_tags import Places
from chalicelib.load.workbook_texts import read_items

# Beside the thread that unpacks, checks and sends. More would wait for each other.
_THREADS = 1
_AHEAD = 3
_MAX_GRID = 2**22
_MAX_TEXT = 32 * 2**20
Errors = Mapping[tuple[int, int], str]


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a sheet: their numbers in it, and their cells from column A on.

    ``errors``, by row and column from 0, are the cells that hold an error: what people see there. ``end`` says behind
    which byte of the sheet the rows stand, about.
    """

    lines: Places
    cells: pa.Table
    errors: Errors
    end: int

    def behind(self, line: int) -> Block:
        """What stands behind this row of the sheet."""
        skipped = int((self.lines <= line).sum())
        errors = {(at - skipped, column): told for (at, column), told in self.errors.items() if at >= skipped}
        return Block(self.lines[skipped:], self.cells.slice(skipped), errors, self.end)


class WorkbookReader:
    """Reads the sheets of a workbook; the texts that cells share are read once. To be closed, as ``with`` does."""

    def __init__(self, content: bytes) -> None:
        """Raises FileError for what is no workbook, or costs more than it should."""
        self._archive = Archive(content)
        self._styles = self._archive.styles
        self._pool = ThreadPoolExecutor(_THREADS)
        self._texts = pa.array([], pa.string())
        self._lengths = pa.array([], pa.int32())

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
        self._load_texts()
        with damage_told(sheet.part):
            block_of = partial(self._block, sheet.part)
            try:
                for block in self._read(block_of, usual(self._archive, sheet.part, b"<row ", b"</sheetData>")):
                    yield block
                    read = int(block.lines[-1])
            except Unusual:
                for block in self._read(block_of, rewritten(self._archive, sheet.part)):
                    if block.lines[-1] > read:
                        yield block.behind(read)

    def _load_texts(self) -> None:
        part = self._archive.texts
        if part is None or len(self._texts):
            return
        items = partial(_items, part)
        with damage_told(part):
            try:
                found = list(_ahead(self._pool, items, usual(self._archive, part, b"<si", b"</sst>")))
            except Unusual:
                found = list(_ahead(self._pool, items, rewritten(self._archive, part)))
            self._texts = pa.concat_arrays([self._texts, *found])
            self._lengths = pc.binary_length(self._texts)

    def _read(self, read: Callable[[Piece], Block | list[Piece]], pieces: Iterator[Cut]) -> Iterator[Block]:
        """Raises Unusual at the first piece that is not understood."""
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

    def _block(self, part: str, rows: Piece) -> Block | list[Piece]:
        """A piece as a block, or the smaller pieces to read in its place."""
        try:
            cells = read_rows(rows.markup, self._styles)
        except Unusual:
            cells = read_rows(mended(part, rows.markup), self._styles)
        shared = cells.shared()
        if pc.any(pc.or_(pc.less(shared, 0), pc.greater_equal(shared, len(self._texts)))).as_py():
            raise ValueError("the number of a text that there is not")
        text = pc.sum(self._lengths.take(shared)).as_py() or 0
        if (cells.size > _MAX_GRID or text > _MAX_TEXT) and len(halves := rows.halves()) > 1:
            return halves
        return Block(cells.lines, cells.table(self._texts, self._styles), cells.errors(), rows.end)


def _items(part: str, items: Cut) -> pa.Array:
    """Some of the texts that cells share."""
    try:
        return read_items(items.markup)
    except Unusual:
        return read_items(mended(part, items.markup))


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


def _in_order(pieces: Iterator[Cut]) -> Iterator[Piece]:
    last = 0
    for rows in pieces:
        found = piece(rows)
        if not last < found.first <= found.last <= LAST_ROW:
            raise Unusual
        yield found
        last = found.last
