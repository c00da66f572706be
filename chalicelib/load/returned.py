"""What rejected rows are given back with, and told by when they come again: two columns beside those of the table.

One has the reasons; the other the row's number, and in its name the run that rejected it. A file may keep them, lose
them or have them in any order: they are no columns of the table, whose names never begin as theirs do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.model import Table
from chalicelib.load.ledger import mark_returned
from chalicelib.load.rows import Origins, Reason, Source, SourceChunk
from chalicelib.ports import Transaction

REASONS = "decant_reasons"
_ROW = "decant_row"
_NAMES = re.compile(rf"{REASONS}|{_ROW}(?:_of_([0-9]{{8}}T[0-9]{{12}}-[0-9a-f]{{8}}))?", re.IGNORECASE)
_NUMBER = r"^[1-9][0-9]{0,17}$"
# What a spreadsheet takes for a formula, and no plain number; with any apostrophes before it, so that it can be undone.
# https://owasp.org/www-community/attacks/CSV_Injection
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_MADE_HARMLESS = "^'('*[=+\\-@\t\r])"


def row_column(run: str) -> str:
    """The name of the column with the numbers that rows had in a run."""
    return f"{_ROW}_of_{run}"


def ours(name: str) -> str | None:
    """The name, as it is written, of one of the two columns; None for any other."""
    match = _NAMES.fullmatch(name.strip())
    if match is None:
        return None
    return row_column(match[1].lower().replace("t", "T")) if match[1] else match[0].lower()


def reasons_text(reasons: Sequence[Reason]) -> str:
    """The reasons of a row on one line, each with its column and code."""
    return "; ".join(f"{each.column or 'row'}: {each.message} ({each.code.value})" for each in reasons)


def harmless(text: str) -> str:
    """A cell of a CSV that no spreadsheet will run: an apostrophe goes before what begins as a formula does.

    Before what begins so behind apostrophes of its own as well, so that ``as_meant`` can undo it.
    """
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text) else text


def as_meant(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells of a CSV that came back, without the apostrophes that ``harmless`` put there."""
    return pc.replace_substring_regex(cells, _MADE_HARMLESS, r"\1")


def origins(cells: Mapping[str, pa.ChunkedArray]) -> Origins | None:
    """What the columns of a file, by name, say of its rows' origins; None when they say nothing."""
    run, column = next(
        ((match[1], cells[name]) for name in cells if (match := _NAMES.fullmatch(name)) and match[1]), (None, None)
    )
    if run is None or column is None:
        return None
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
