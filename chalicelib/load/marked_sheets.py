"""What is written into workbooks: marks on bad cells, text that is never a formula, and the sheet that sums it up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import Border, Font, PatternFill, Protection, Side

from chalicelib.load.marked_summary import Summary
from chalicelib.load.routing import INTAKE_PREFIX
from chalicelib.load.sheet_titles import SUMMARY

AUTHOR = "Decant"
# What a workbook's cell holds at most; openpyxl would cut the rest off.
LONGEST_CELL = 32_767
_LONGEST_COMMENT = 2_000
_BETWEEN = "\n\n"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
# XML has no such characters, so a workbook spells them out; what is spelt so already gets its _ spelt out (ISO 29500-1,
# 22.9.2.19).
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
# Told by the border as well as by the colour, for whoever does not see that.
_EDGE = Side("thick", color="FF9C0006")
_MARKED = {
    "fill": PatternFill("solid", fgColor="FFFFC7CE"),
    "border": Border(_EDGE, _EDGE, _EDGE, _EDGE),
    "protection": Protection(locked=False),
}
_BOLD = Font(bold=True)
_TITLE = Font(bold=True, size=14)


def mark(cell: Any, messages: Sequence[str]) -> None:
    """Mark a cell as bad, with a comment that says why; it may be edited though its sheet be protected."""
    for name, value in _MARKED.items():
        setattr(cell, name, value)
    theirs = cell.comment.text + _BETWEEN if cell.comment else ""
    text = "\n".join(messages)
    text = _spelt_out(f"{AUTHOR}: {text[:_LONGEST_COMMENT]}{'…' if len(text) > _LONGEST_COMMENT else ''}")
    comment = Comment(theirs[: LONGEST_CELL - len(text)] + text, AUTHOR)
    comment.width, comment.height = 360, 40 + 18 * min(20, len(text) // 50 + text.count("\n") + 1)
    cell.comment = comment


def unmark(cell: Any) -> None:
    """Take off what ``mark`` did before; the comment of the file's owner stays.

    It is known by its words and the border, for LibreOffice forgets who wrote a comment.
    """
    theirs, found, _ = cell.comment.text.rpartition(f"{AUTHOR}: ")
    edge = cell.border.left
    if not found or edge is None or edge.style != _EDGE.style:
        return
    cell.fill, cell.border = PatternFill(), Border(*[Side()] * 4)
    cell.comment = Comment(theirs.removesuffix(_BETWEEN), AUTHOR) if theirs else None


def write_text(cell: Any, text: str | None) -> None:
    """Write text as text: a formula, a number or a date it never becomes, neither now nor when it is edited."""
    cell.value = None if text is None else _spelt_out(text)
    if text is not None:
        cell.data_type = "s"
        cell.number_format = "@"
        cell.quotePrefix = text.startswith(_FORMULA)


def write_summary(workbook: Workbook, summary: Summary) -> None:
    """Put the summary behind the sheets there are, in the place of one from before.

    It stands last, for of several sheets the first with rows is loaded.
    """
    for sheet in [each for each in workbook.worksheets if each.title.startswith(SUMMARY)]:
        workbook.remove(sheet)
    sheet = workbook.create_sheet(SUMMARY)
    for letter, width in zip("ABCDE", (24, 24, 20, 10, 80), strict=True):
        sheet.column_dimensions[letter].width = width
    lines: list[tuple[Sequence[Any], Any]] = [
        ((f"Rejected rows of run {summary.run}",), _TITLE),
        ((summary.source,), None),
        ((), None),
        *(((name, count), None) for name, count in summary.counts.items()),
        ((), None),
        (("How to put them right",), _BOLD),
        *(((text,), None) for text in _advice(sorted({each.table for each in summary.tallies}))),
        *(((text,), None) for text in summary.notes),
        ((), None),
        (("Table", "Column", "Reason", "Rows", "For example"), _BOLD),
        *(((each.table, each.column or "(the row)", each.code, each.rows, each.example), None)
          for each in summary.tallies),
    ]  # fmt: skip
    for values, font in lines:
        sheet.append([_cell(sheet, value, font) for value in values])


_CORRECT = "1. Correct the cells with a thick red border. The comment of each says what is wrong with it."
_DROP = "2. Save the workbook, and drop or upload it as you did the first time."
_DROP_EACH = (
    "2. Save the workbook. It has rows of several tables, and one of them is loaded each time: drop it once for each, "
    "into {folders}. Or ask for a workbook of each table, with table=…."
)
_STAYS = (
    "Rows that are in the table already are recognised, and not loaded twice. The columns decant_reasons and "
    "decant_row_of_… may stay: they tell which rejected rows have been put right. This sheet is not loaded."
)


def _advice(tables: Sequence[str]) -> tuple[str, ...]:
    folders = " and ".join(f"{INTAKE_PREFIX}{table}/" for table in tables)
    return _CORRECT, _DROP_EACH.format(folders=folders) if len(tables) > 1 else _DROP, _STAYS


def _cell(sheet: Any, value: Any, font: Font | None) -> Any:
    cell = WriteOnlyCell(sheet)
    if isinstance(value, str):
        write_text(cell, value[:LONGEST_CELL])
    else:
        cell.value = value
    if font is not None:
        cell.font = font
    return cell


def _spelt_out(text: str) -> str:
    return _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
