"""The records of a CSV stream: their cells, and where in the file each of them stands.

pyarrow parses them; what it can't tell is found here: which line a record stands on, and whether a quote was left open.
"""

from __future__ import annotations

import csv
import io
import re
import secrets
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from chalicelib.dictionary.lexical import text_buffers
from chalicelib.errors import FileCode, FileError
from chalicelib.load.cells import blank_rows, blank_to_null, extra_cells, extra_reason
from chalicelib.load.read_ahead import ReadAhead
from chalicelib.load.returned import ours
from chalicelib.load.rows import Reason, ReasonCode
from chalicelib.load.utf8_stream import Utf8Stream

_CHUNK_ROWS = 65_536
# pyarrow itself would take 32. One of them may be needed to see where a record of the one before ends.
_AHEAD_BLOCKS = 4
_LINE_END = re.compile("\r\n|\r|\n")
_LONGEST_CELL = 2**31 - 1


class Records:
    """The records of a stream, batch by batch: those of the expected width as cells, others put aside as text.

    A blank record stands before the first byte, so that pyarrow gives batches from the start even where no record is
    of the width, and a record that is too wide behind the last. If pyarrow does not report that one, a quote was open
    and has swallowed it; no file can know what it says.
    """

    def __init__(self, stream: Utf8Stream, width: int, block: int) -> None:
        self.ragged: list[pa_csv.InvalidRow] = []
        self.ended = False
        self._stream = stream
        self._ahead = ReadAhead(stream, _AHEAD_BLOCKS)
        self._reader: pa_csv.CSVStreamingReader | None = None
        self._names = [str(position) for position in range(width)]
        self._block = block
        self._end = "," * (width + 1) + secrets.token_hex(8)
        stream.enclose(("," * (width - 1) + "\n").encode(), ("\n" + self._end).encode())

    def __iter__(self) -> Iterator[pa.Table]:
        batches = self._batches()
        # At the end of the interpreter as well, which would otherwise wait for pyarrow's thread, or abort.
        weakref.finalize(batches, self._end_reading)
        return batches

    def _batches(self) -> Iterator[pa.Table]:
        options = {
            "read_options": pa_csv.ReadOptions(column_names=self._names, use_threads=False, block_size=self._block),
            "parse_options": pa_csv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=self._put_aside
            ),
            # What is UTF-8 has been checked on the way in.
            "convert_options": pa_csv.ConvertOptions(
                column_types=dict.fromkeys(self._names, pa.string()), check_utf8=False
            ),
        }
        try:
            self._reader = reader = pa_csv.open_csv(self._ahead, **options)
            self._ahead.opened()
            for batch in reader:
                self._ahead.go_on()
                yield pa.table([self._stream.meant(column) for column in batch.columns], names=self._names)
            yield reader.schema.empty_table()
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            raise FileError(
                FileCode.CELL_TOO_LONG,
                f"A record of the file is longer than {self._block} bytes, or a quote in it is never closed.",
                hint='Look for a cell with an opening quote (") but no closing one.',
            ) from error
        finally:
            self._end_reading()

    def _end_reading(self) -> None:
        """Have nothing more read, and pyarrow's thread gone: it goes when what it has read has been taken from it."""
        self._ahead.end()
        reader, self._reader = self._reader, None
        if reader is not None:
            with suppress(Exception):  # of rows that nobody wants any more
                for _ in reader:
                    pass
            reader.close()

    def pop_ragged(self, count: int) -> list[pa_csv.InvalidRow]:
        """The first of those that were put aside, which are then no longer."""
        popped = self.ragged[:count]
        del self.ragged[:count]
        return popped

    def _put_aside(self, row: pa_csv.InvalidRow) -> str:
        self._ahead.go_on()
        if row.text == self._end:
            self.ended = True
        else:
            self.ragged.append(row._replace(text=self._stream.meant_text(row.text or "")))
        return "skip"


class Window:
    """Some records that follow each other, the whole ones before the ragged ones.

    ``cells`` are trimmed and named as the columns of the table, ``faults`` are what is wrong with a record's width.
    Blank cells behind the last column are what spreadsheets leave there, and no fault.
    """

    def __init__(self, columns: list[str], whole: pa.Table, ragged: list[pa_csv.InvalidRow]) -> None:
        self.raw = whole
        self.ragged = ragged
        trimmed = blank_to_null(whole)
        self.faults = extra_cells(trimmed, len(columns))
        mended: dict[str, list[str | None]] = {name: [] for name in columns}
        for position, row in enumerate(ragged, len(whole)):
            found = next(parse_records(row.text or ""), [])
            for index, name in enumerate(columns):
                mended[name].append(found[index] if index < len(found) else None)
            if any(map(str.strip, found)):
                self.faults |= _width_faults(position, columns, found)
        named = trimmed.select(range(len(columns))).rename_columns(columns)
        short = pa.table({name: pa.array(cells, pa.string()) for name, cells in mended.items()})
        self.cells = pa.concat_tables([named, blank_to_null(short)])

    def __len__(self) -> int:
        return len(self.raw) + len(self.ragged)


@dataclass(frozen=True, slots=True)
class Taken:
    """How many of the records that come next are whole and ragged, and their numbers, the whole ones first."""

    whole: int
    ragged: int
    numbers: np.ndarray[Any, Any]

    def __bool__(self) -> bool:
        return len(self.numbers) > 0


@dataclass(frozen=True, slots=True)
class Places:
    """For each record of a window: is it a row of data, which one, and on which line."""

    data: np.ndarray[Any, Any]
    rows: np.ndarray[Any, Any]
    lines: np.ndarray[Any, Any]


@dataclass(slots=True)
class Count:
    """Where in the file the next record stands. Records count blank lines and the header, rows of data do not.

    The record that ``Records`` puts before the first byte is number 1, and stands on line 0.
    """

    header_ahead: bool
    record: int = 1
    line: int = 0
    last_line: int = 0
    rows: int = 0

    def take(self, whole: int, ragged: list[pa_csv.InvalidRow]) -> Taken:
        """Which records come next, when so many whole ones are there.

        pyarrow numbers the ragged ones, and may have read ahead: those behind a whole one that is not there yet wait.
        """
        numbers = np.array([row.number for row in ragged[:_CHUNK_ROWS]], np.int64)
        candidates = np.arange(self.record, self.record + _CHUNK_ROWS)
        unmarked = np.ones(_CHUNK_ROWS, np.bool_)
        unmarked[numbers[numbers < self.record + _CHUNK_ROWS] - self.record] = False
        free = candidates[unmarked]
        end = free[whole] if whole < len(free) else candidates[-1] + 1
        taken = numbers[numbers < end]
        return Taken(min(whole, len(free)), len(taken), np.concatenate([free[:whole], taken]))

    def place(self, taken: Taken, window: Window, *, quotes: bool) -> Places:
        """Number the records that ``take`` took, and go on behind them. ``quotes``: a cell may hold a line break."""
        in_file_order = np.argsort(taken.numbers, kind="stable")
        inside = _line_ends(window) if quotes else np.zeros(len(window), np.int64)
        data = ~blank_rows(window.cells)
        data[list(window.faults)] = True
        if self.header_ahead and data.any():
            data[in_file_order[np.flatnonzero(data[in_file_order])[0]]] = False
            self.header_ahead = False
        lengths = 1 + inside[in_file_order]
        rows, lines = np.empty(len(data), np.int64), np.empty(len(data), np.int64)
        rows[in_file_order] = self.rows + np.cumsum(data[in_file_order])
        lines[in_file_order] = self.line + np.cumsum(lengths) - lengths
        self.last_line = int(lines[in_file_order[-1]])
        self.record += len(data)
        self.line += int(lengths.sum())
        self.rows += int(data.sum())
        return Places(data, rows, lines)


def parse_records(text: str) -> Iterator[list[str]]:
    """The cells of each record of a text, by Python's own parser, with cells of any length."""
    # The limit is one for the interpreter, and by default less than a cell of a file may be long.
    csv.field_size_limit(_LONGEST_CELL)
    return csv.reader(io.StringIO(text, newline=""), strict=False)


def _width_faults(position: int, columns: list[str], found: list[str]) -> dict[int, list[Reason]]:
    """What is wrong with the number of a record's cells, by its position; nothing when the cells too many are blank."""
    missing = [name for name in columns[len(found) :] if not ours(name)]
    if missing:
        return {position: [Reason(name, ReasonCode.MISSING_CELL, f"the row ends before {name}") for name in missing]}
    extra = [trimmed for cell in found[len(columns) :] if (trimmed := cell.strip())]
    return {position: [extra_reason(len(columns), extra)]} if extra else {}


def _line_ends(window: Window) -> np.ndarray[Any, Any]:
    """How many line ends each record of a window has inside its cells."""
    whole = np.zeros(len(window.raw), np.int64)
    for column in window.raw.columns:
        if _has_line_end(column):
            whole += pc.count_substring_regex(column, _LINE_END.pattern).to_numpy()
    return np.concatenate([whole, np.array([len(_LINE_END.findall(row.text or "")) for row in window.ragged], int)])


def _has_line_end(column: pa.ChunkedArray) -> bool:
    """Whether a cell may have one: a search through bytes, which most columns of most files end with."""
    contents = [text_buffers(chunk)[1].tobytes() for chunk in column.chunks]
    return any(end in content for content in contents for end in (b"\n", b"\r"))
