"""What a CSV file of pairs (``id``, required, and ``label``) holds, told character by character, slowly.

It shares no code with the reader that is held against it, and must not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

# Row number, line, both cells, and the codes of what is wrong.
Row: TypeAlias = tuple[int, int, str | None, str | None, list[str]]

_STEP = re.compile("\r\n|.", re.DOTALL)
_LINE_END = re.compile("\r\n|\r|\n")
_COLUMNS = ("id", "label")


class Record(NamedTuple):
    """The line it begins on, its cells, whether a quote stays open in it, and its source."""

    line: int
    cells: list[str]
    open: bool
    source: str


def records(text: str) -> Iterator[Record]:
    """The records of a text, one after the other."""
    line = 1
    position = 0
    while position < len(text):
        start, cells, quoted = position, [""], False
        bare = True
        while position < len(text):
            found = _STEP.match(text, position)
            assert found
            step = found[0]
            position = found.end()
            if quoted:
                if step != '"':
                    cells[-1] += step
                elif text[position : position + 1] == '"':
                    cells[-1] += step
                    position += 1
                else:
                    quoted = False
            elif step in ("\n", "\r", "\r\n"):
                break
            elif step == ",":
                cells.append("")
                bare = True
                continue
            elif step == '"' and bare:
                quoted = True
            else:
                cells[-1] += step
            bare = False
        source = text[start:position]
        yield Record(line, cells, quoted, source)
        line += len(_LINE_END.findall(source))


def outcome(text: str) -> list[Row] | str:
    """The rows that the text has, or the code of the error that it is refused with."""
    filled = [record for record in records(text) if any(map(trimmed, record.cells))]
    if not filled:
        return "empty-file"
    columns = header(filled[0].cells)
    if isinstance(columns, str):
        return columns
    rows = [
        row_of(number, record, columns or list(_COLUMNS)) for number, record in enumerate(filled[bool(columns) :], 1)
    ]
    if any(record.open for record in records(text)):
        return "unbalanced-quote"
    return "wrong-columns" if rows and all(codes for *_, codes in rows) else rows


def header(cells: list[str]) -> list[str] | str | None:
    """The columns that a header names, None where the record is a row of data, or the code of what is wrong with it."""
    names = [cell.strip().lower() for cell in cells]
    while not names[-1]:
        names.pop()
    if not set(names) & set(_COLUMNS) or not all(names) or any(re.search("[0-9]", name) for name in names):
        return None
    fits = set(names) <= set(_COLUMNS) and len(set(names)) == len(names) and "id" in names
    return names if fits else "wrong-columns"


def row_of(number: int, record: Record, columns: list[str]) -> Row:
    """A record as a row of data of these columns."""
    found = dict(zip(columns, map(trimmed, record.cells), strict=False))
    codes = ["missing-cell"] * (len(columns) - len(record.cells))
    codes += ["extra-cell"] * any(map(trimmed, record.cells[len(columns) :]))
    return number, record.line, found.get("id"), found.get("label"), codes


def trimmed(cell: str) -> str | None:
    """A cell without the white space around it; None when there is nothing else."""
    return cell.strip() or None
