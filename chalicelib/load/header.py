"""Whether a file begins with a header, and which column of the table each of its columns is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.dictionary.model import Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.returned import ours

_DIGIT = re.compile(r"[0-9]")


def header_columns(table: Table, first_row: Sequence[str | None]) -> list[str] | None:
    """The table's column behind each cell of a header, in the file's order; None when the row is data.

    A header has a name in each cell, none with a digit that is no name of a column, and one at least that is the name
    of a column; letter case and order do not matter. Raises FileError when it names other columns than the table's, but
    for those that ``returned`` tells of.
    """
    by_name = {name.lower(): name for name in table.column_names}
    names = [ours(cell or "") or (cell or "").strip().lower() for cell in first_row]
    while names and not names[-1]:
        names.pop()
    if not any(name in by_name for name in names):
        return None
    if any(not name or (_DIGIT.search(name) and name not in by_name and not ours(name)) for name in names):
        return None
    unknown = [name for name in names if name not in by_name and not ours(name)]
    if unknown:
        raise _wrong(table, f"its header has {_listed(unknown)}, which the table has not")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _wrong(table, f"its header has {_listed(twice)} more than once")
    lacking = [column.name for column in table.columns if column.required and column.name.lower() not in names]
    if lacking:
        raise _wrong(table, f"its header lacks {_listed(lacking)}")
    return [by_name.get(name, name) for name in names]


def wrong_width(table: Table, found: int, text: str = "") -> FileError:
    """The error of a file in which no row has as many cells as the table has columns."""
    hint = None
    for delimiter, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if found == 1 and delimiter in text:
            hint = f"Its cells seem to be separated by {name}; save it with commas."
    return _wrong(table, f"its rows have {found} cells where the table has {len(table.columns)} columns", hint)


def _wrong(table: Table, what: str, hint: str | None = None) -> FileError:
    expected = f"The table {table.name} has the columns {', '.join(table.column_names)}."
    return FileError(FileCode.WRONG_COLUMNS, f"The columns of the file are wrong: {what}.", hint=hint or expected)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
