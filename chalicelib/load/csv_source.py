"""A CSV file as a source: streamed, so that memory does not grow with the file.

RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180) as people's programs write it: comma separated, any line end, with or
without a header, a byte order mark, a final newline. pyarrow parses the records; what it can't tell is found here:
which line a record stands on, whether a quote was left open, where bytes are no UTF-8.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from chalicelib.dictionary.model import Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.cells import blank_rows, blank_to_null
from chalicelib.load.header import header_columns, wrong_width
from chalicelib.load.rows import Reason, ReasonCode, SourceChunk

BLOCK = 4 * 2**20
_PEEK = 2**16
_END = "end-of-file"


class CsvSource:
    """The rows of one CSV stream, which the caller closes."""

    def __init__(self, table: Table, stream: BinaryIO, block: int = BLOCK) -> None:
        self._table = table
        self._stream = _Utf8Stream(stream)
        self._block = block

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``."""
        first = _first_record(self._stream.peek(_PEEK))
        if first is None:
            raise FileError(FileCode.EMPTY_FILE, "The file is empty.", hint="Drop it again with its rows.")
        header = header_columns(self._table, first)
        columns = header or list(self._table.column_names)
        self._stream.end_with(("\n" + "," * (len(columns) + 1) + _END).encode())
        count = _Count(header_ahead=header is not None)
        ragged: list[pa_csv.InvalidRow] = []
        for batch in self._batches(columns, ragged):
            chunk = self._chunk(columns, blank_to_null(batch), ragged, count)
            if len(chunk):
                yield chunk
        if not count.ended:
            raise FileError(
                FileCode.UNBALANCED_QUOTE,
                f'A cell of the record on line {count.last_line} opens with a quote (") that is never closed.',
                hint="Close the quote, or double each quote that belongs to the text, and drop the file again.",
            )

    def _batches(self, columns: list[str], ragged: list[pa_csv.InvalidRow]) -> Iterator[pa.Table]:
        """The whole records, block by block, ragged ones put aside; an empty block at last, to take what is left."""

        def skip(row: pa_csv.InvalidRow) -> str:
            ragged.append(row)
            return "skip"

        def straddling(error: pa.ArrowInvalid) -> FileError:
            return FileError(
                FileCode.CELL_TOO_LONG,
                f"A record of the file is longer than {self._block} bytes, or a quote in it is never closed ({error}).",
                hint='Look for a cell with an opening quote (") but no closing one.',
            )

        options = {
            "read_options": pa_csv.ReadOptions(column_names=columns, use_threads=False, block_size=self._block),
            "parse_options": pa_csv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=skip
            ),
            # What is UTF-8 has been checked on the way in.
            "convert_options": pa_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), check_utf8=False
            ),
        }
        try:
            with pa_csv.open_csv(self._stream, **options) as reader:
                for batch in reader:
                    if batch.num_rows:
                        yield pa.table(batch)
                yield reader.schema.empty_table()
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            raise straddling(error) from error

    def _chunk(
        self, columns: list[str], whole: pa.Table, ragged: list[pa_csv.InvalidRow], count: _Count
    ) -> SourceChunk:
        """The rows of data among the records of a block: the whole ones first, then the ragged ones among them."""
        before = count.rows
        taken = count.take(len(whole), ragged)
        mended = [self._mend(columns, row.text or "") for row in taken]
        cells = pa.concat_tables(
            [whole, blank_to_null(pa.Table.from_pylist([m[0] for m in mended], schema=whole.schema))]
        )
        places = count.place(whole=whole, ragged=taken, blank=blank_rows(cells))
        if before == 0 and taken and not places.data[: len(whole)].any() and places.data.any():
            raise wrong_width(self._table, taken[0].actual_columns, taken[0].text or "")
        index = np.flatnonzero(places.data)
        faults = {len(whole) + position: reasons for position, (_, reasons) in enumerate(mended) if reasons}
        moved = {old: new for new, old in enumerate(index.tolist())} if faults else {}
        return SourceChunk(
            rows=pa.array(places.rows[index], pa.int64()),
            lines=pa.array(places.lines[index], pa.int64()),
            cells=_all_columns(self._table, cells.take(pa.array(index))),
            faults={moved[old]: reasons for old, reasons in faults.items() if old in moved},
        )

    def _mend(self, columns: list[str], text: str) -> tuple[dict[str, str | None], list[Reason]]:
        """The cells of a record that is too short or too long, and what is wrong with it.

        Blank cells behind the last column are what spreadsheets leave there, and no fault.
        """
        found = next(csv.reader(io.StringIO(text, newline=""), strict=False), [])
        cells = dict(zip(columns, [*found, *[None] * len(columns)], strict=False))
        reasons = [
            Reason(name, ReasonCode.MISSING_CELL, f"the row ends before {name}") for name in columns[len(found) :]
        ]
        extra = [cell for cell in found[len(columns) :] if cell.strip()]
        if extra:
            message = f"the row has {len(found)} cells where there are {len(columns)} columns"
            reasons.append(Reason(None, ReasonCode.EXTRA_CELL, message, ",".join(extra)))
        return cells, reasons


@dataclass(frozen=True, slots=True)
class _Places:
    """For each record, the whole ones before the ragged ones: is it a row of data, which one, and on which line."""

    data: np.ndarray[Any, Any]
    rows: np.ndarray[Any, Any]
    lines: np.ndarray[Any, Any]


@dataclass(slots=True)
class _Count:
    """Where in the file the next record stands. Records count blank lines and the header, rows of data do not."""

    header_ahead: bool
    record: int = 1
    line: int = 1
    last_line: int = 1
    rows: int = 0
    ended: bool = False
    _numbers: np.ndarray[Any, Any] = field(default_factory=lambda: np.empty(0, np.int64))

    def take(self, whole: int, ragged: list[pa_csv.InvalidRow]) -> list[pa_csv.InvalidRow]:
        """Take from ``ragged`` the records that stand among the next ``whole`` others; a last call takes all."""
        numbers = np.array([row.number for row in ragged], np.int64)
        candidates = np.arange(self.record, self.record + whole + len(ragged))
        self._numbers = candidates[~np.isin(candidates, numbers)][:whole]
        taken = [row for row in ragged if whole == 0 or row.number < self._numbers[-1]]
        del ragged[: len(taken)]
        if taken and taken[-1].text is not None and taken[-1].text.endswith(_END):
            self.ended = True
            taken.pop()
        self._numbers = np.concatenate([self._numbers, np.array([row.number for row in taken], np.int64)])
        return taken

    def place(self, *, whole: pa.Table, ragged: list[pa_csv.InvalidRow], blank: np.ndarray[Any, Any]) -> _Places:
        """Number the records that ``take`` took, and go on behind them."""
        in_file_order = np.argsort(self._numbers, kind="stable")
        inside = np.concatenate([_newlines(whole), [(row.text or "").count("\n") for row in ragged]]).astype(np.int64)
        data = ~blank
        if self.header_ahead and data.any():
            data[in_file_order[np.flatnonzero(data[in_file_order])[0]]] = False
            self.header_ahead = False
        lengths = 1 + inside[in_file_order]
        rows, lines = np.empty(len(data), np.int64), np.empty(len(data), np.int64)
        rows[in_file_order] = self.rows + np.cumsum(data[in_file_order])
        lines[in_file_order] = self.line + np.cumsum(lengths) - lengths
        if len(data):
            self.last_line = int(lines[in_file_order[-1]])
        self.record += len(data)
        self.line += int(lengths.sum())
        self.rows += int(data.sum())
        return _Places(data, rows, lines)


class _Utf8Stream:
    """What pyarrow reads: the bytes without a byte order mark, checked to be UTF-8, and an end of our own behind them.

    The end is a record too wide for the table. If pyarrow does not report it, a quote was open and swallowed it.
    """

    closed = False

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._line = 1
        self._ahead = b""
        self._end = b""
        self._started = False

    def peek(self, size: int) -> bytes:
        """The first bytes, which ``read`` gives again."""
        self._ahead = self._checked(size)
        return self._ahead

    def end_with(self, end: bytes) -> None:
        """Give these bytes behind the last."""
        self._end = end

    def read(self, size: int = -1) -> bytes:
        """As a file does, but for at most ``size`` bytes more than asked at the end."""
        if self._ahead:
            ahead, self._ahead = self._ahead[:size], self._ahead[size:]
            return ahead
        content = self._checked(size)
        if not content and self._end:
            self._ahead, self._end = self._end, b""
            return self.read(size)
        return content

    def readable(self) -> bool:
        """As a file does."""
        return True

    def close(self) -> None:
        """Nothing: the caller closes the stream below."""

    def _checked(self, size: int) -> bytes:
        content = self._raw.read(size)
        if not self._started:
            self._started = True
            if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise _undecodable("The file is in UTF-16.")
            content = content.removeprefix(codecs.BOM_UTF8)
        try:
            self._decoder.decode(content, final=not content)
        except UnicodeDecodeError as error:
            line = self._line + content[: error.start].count(b"\n")
            raise _undecodable(f"The bytes on line {line} are no UTF-8 text.") from error
        self._line += content.count(b"\n")
        return content


def _undecodable(what: str) -> FileError:
    hint = "Save the file as CSV UTF-8 (comma delimited) and drop it again."
    return FileError(FileCode.UNDECODABLE_BYTES, what, hint=hint)


def _first_record(content: bytes) -> list[str] | None:
    """The cells of the first record that is not blank; None when there is none."""
    text = content.decode("utf-8", errors="ignore")
    return next((record for record in csv.reader(io.StringIO(text, newline="")) if any(map(str.strip, record))), None)


def _newlines(cells: pa.Table) -> np.ndarray[Any, Any]:
    """How many line ends each record has inside its cells."""
    counts = np.zeros(len(cells), np.int64)
    for column in cells.columns:
        counts += pc.fill_null(pc.count_substring(column, "\n"), 0).to_numpy()
    return counts


def _all_columns(table: Table, cells: pa.Table) -> pa.Table:
    """The cells in the order of the table's columns; those that the file does not have are blank."""
    blank = pa.nulls(len(cells), pa.string())
    present = set(cells.column_names)
    return pa.table({name: cells[name] if name in present else blank for name in table.column_names})
