"""What rejected rows are given back with, and told by when they come again: two columns beside those of the table.

One has the reasons; the other the row's number, and in its name the run that rejected it. A file may keep them, lose
them or have them in any order: they are no columns of the table, whose names never begin as theirs do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.model import Table
from chalicelib.load.rejections import mark_returned
from chalicelib.load.rows import Origins, Reason, Source, SourceChunk
from chalicelib.ports import Transaction

REASONS = "decant_reasons"
_ROW, _CSV_ROW = "decant_row", "decant_csv_row"
_RUN = "_of_([0-9]{8}T[0-9]{12}-[0-9a-f]{8})"
_NAMES = re.compile(rf"{REASONS}|{_ROW}|({_ROW}|{_CSV_ROW}){_RUN}", re.IGNORECASE)
_NUMBER = r"^[1-9][0-9]{0,17}$"


def row_column(run: str, *, csv: bool = False) -> str:
    """The name of the column with the numbers that rows had in a run. In a CSV it says that cells were made harmless,
    and goes on saying so when a spreadsheet program has saved it as a workbook.
    """
    return f"{_CSV_ROW if csv else _ROW}_of_{run}"


def ours(name: str) -> str | None:
    """The name, as it is written, of one of the two columns; None for any other."""
    match = _NAMES.fullmatch(name.strip())
    if match is None:
        return None
    return f"{match[1].lower()}_of_{match[2].lower().replace('t', 'T')}" if match[2] else match[0].lower()


def made_harmless(names: Iterable[str]) -> bool:
    """Whether a file with these columns has cells to be taken as ``harmless.as_meant`` does."""
    return any((ours(name) or "").startswith(f"{_CSV_ROW}_of_") for name in names)


def reasons_text(reasons: Sequence[Reason]) -> str:
    """The reasons of a row on one line, each with its column and code."""
    return "; ".join(f"{each.column or 'row'}: {each.message} ({each.code.value})" for each in reasons)


def origins(cells: Mapping[str, pa.ChunkedArray]) -> Origins | None:
    """What the columns of a file, by name, say of its rows' origins: those in the newest run that they name.

    None when they say nothing.
    """
    runs = {match[2]: cells[name] for name in cells if (match := _NAMES.fullmatch(name)) and match[2]}
    if not runs:
        return None
    run = max(runs)
    column = runs[run]
    text = column.combine_chunks()
    return Origins(run, pc.if_else(pc.match_substring_regex(text, _NUMBER), text, None).cast(pa.int64()))


class Returning:
    """A source, and which rejected rows come again in it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found: list[tuple[Origins, pa.Array]] = []
        self._unread: Sequence[str] = ()

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``."""
        for chunk in self._source.chunks():
            if chunk.origins is not None:
                self._found.append((chunk.origins, chunk.rows))
                self._unread = chunk.unread
            yield chunk

    def put_right(self, transaction: Transaction, table: Table, run: str) -> str | None:
        """Mark the rejected rows that came again in the run, and went in, as corrected; return what to tell of it.

        To be asked in the transaction of the run, once its rows are written and its rejections logged.
        """
        if not self._found:
            return None
        count = sum(mark_returned(transaction, table.name, run, *found) for found in self._found)
        rows = "one row" if count == 1 else f"{count} rows"
        told = [f"Puts right {rows} that run {self._found[0][0].run} rejected."] if count else []
        if self._unread:
            sheets = ", ".join(self._unread)
            told.append(f"Sheets of other tables were not read: {sheets}. Drop the file for those as well.")
        return " ".join(told) or None
