"""The workbook that a run has loaded, with its rejected rows marked in it: its sheets and formats stay as they were.

Its own formulas stay as well. What is not kept: macros, and what openpyxl does not read, shapes for one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from openpyxl.cell import MergedCell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.dimensions import ColumnDimension

from chalicelib.dictionary.model import Table
from chalicelib.load.marked_reading import NotMarkable, read_workbook, written
from chalicelib.load.marked_sheets import mark, unmark, write_summary, write_text
from chalicelib.load.marked_summary import Summary
from chalicelib.load.returned import REASONS, made_harmless, ours, reasons_text, row_column
from chalicelib.load.rows import Reason, ReasonCode, RejectedRow
from chalicelib.load.workbook_source import Layout, WorkbookSource

MOST_MARKED = 5_000
# The loader reads no value right of it.
_LAST_COLUMN = 702
_NOTES = (
    "This is your own workbook. Its macros, if it had any, and drawn shapes are not in it.",
    "Formulas are computed when a spreadsheet program opens and saves it: do so before you drop it.",
)


def marked(table: Table, content: bytes, count: int, rejected: Sequence[RejectedRow], summary: Summary) -> bytes:
    """The workbook ``content`` as it was loaded into the table, with these ``count`` rejected rows of it marked.

    Raises NotMarkable when it is too big to be, or holds what no spreadsheet program writes, and FileError.
    """
    if count > MOST_MARKED:
        raise NotMarkable(f"It has {count:,} rejected rows, and up to {MOST_MARKED:,} are marked.")
    workbook = read_workbook(content)
    source = WorkbookSource(table, content)
    next(source.chunks(), None)
    layout = source.layout
    if layout is None or layout.sheet not in workbook.sheetnames:
        raise NotMarkable("It has no rows to mark.")
    sheet = workbook[layout.sheet]
    _mark_rows(sheet, layout, rejected, summary.run)
    sheet.sheet_state = "visible"
    write_summary(workbook, replace(summary, notes=[*_NOTES, *summary.notes]))
    for each in workbook.worksheets:
        each.sheet_view.tabSelected = each is sheet
    workbook.active = sheet
    return written(workbook)


def _mark_rows(sheet: Any, layout: Layout, rejected: Sequence[RejectedRow], run: str) -> None:
    for cell in [each for each in _cells(sheet) if each.comment is not None]:
        unmark(cell)
    told = _told_in(sheet, layout, run)
    for row in rejected:
        line = row.line or 1
        for column, reasons in _by_column(sheet, layout, row).items():
            cell = sheet.cell(line, column)
            if isinstance(cell, MergedCell):
                span = next(each for each in sheet.merged_cells.ranges if cell.coordinate in each)
                cell = sheet.cell(span.min_row, span.min_col)
            mark(cell, [f"{each.message} ({each.code.value})" for each in reasons])
            _show(sheet, cell.column)
            sheet.row_dimensions[cell.row].hidden = False
        sheet.row_dimensions[line].hidden = False
        for name, column in told.items():
            if name == REASONS:
                write_text(sheet.cell(line, column), reasons_text(row.reasons))
            else:
                sheet.cell(line, column).value = row.row


def _by_column(sheet: Any, layout: Layout, row: RejectedRow) -> dict[int, list[Reason]]:
    """The reasons of a row by the sheet's column, from 1, that each is about.

    A cell too many is told by itself, and what is wrong with a column that the file lacks by the row's first cell.
    """
    found: dict[int, list[Reason]] = defaultdict(list)
    first, end = layout.left + 1, layout.left + len(layout.columns) + 1
    for reason in row.reasons:
        if reason.column in layout.columns:
            found[first + layout.columns.index(reason.column)].append(reason)
        elif reason.code is ReasonCode.EXTRA_CELL:
            behind = range(end, min(sheet.max_column, _LAST_COLUMN) + 1)
            found[next((at for at in behind if sheet.cell(row.line, at).value is not None), first)].append(reason)
        else:
            found[first].append(reason)
    return found


def _told_in(sheet: Any, layout: Layout, run: str) -> dict[str, int]:
    """The columns, by name, that take reasons and numbers: those of another time, or the next if they are free.

    A sheet without a header has none: more columns than the table's would be cells too many.
    """
    if layout.header is None:
        return {}
    names = (REASONS, row_column(run, csv=made_harmless(layout.columns)))
    end = layout.left + len(layout.columns)
    there: dict[str, int] = {}
    for column, name in enumerate(layout.columns, layout.left + 1):
        if ours(name):
            _empty(sheet, layout.header, column)
            there.setdefault(names[name != REASONS], column)
    if not there:
        if end + len(names) > _LAST_COLUMN or _in_use(sheet, end + 1, end + len(names)):
            return {}
        there = {name: end + position for position, name in enumerate(names, 1)}
    pattern = sheet.cell(layout.header, end)
    for name, column in there.items():
        header = sheet.cell(layout.header, column)
        write_text(header, name)
        header.font, header.fill, header.border = copy(pattern.font), copy(pattern.fill), copy(pattern.border)
        _column(sheet, column).width = 70 if name == REASONS else 14
        _show(sheet, column)
    return there


def _empty(sheet: Any, header: int, column: int) -> None:
    """Empty a column, whose header stays: without it, the row of the header would be none."""
    for cell in _cells(sheet):
        if cell.column == column and cell.row > header and not isinstance(cell, MergedCell):
            cell.value = None


def _show(sheet: Any, column: int) -> None:
    if any(each.hidden and each.min <= column <= each.max for each in _column_ranges(sheet)):
        _column(sheet, column).hidden = False


def _column(sheet: Any, column: int) -> ColumnDimension:
    """What is said of one column alone. The range that it stands in is parted, for ranges may not overlap."""
    around = next((each for each in _column_ranges(sheet) if each.min <= column <= each.max), None)
    if around is not None and around.min < around.max:
        for first, last in ((around.min, column - 1), (column, column), (column + 1, around.max)):
            if first <= last:
                part = ColumnDimension(
                    sheet, get_column_letter(first), around.width, around.bestFit, around.hidden,
                    around.outlineLevel, collapsed=around.collapsed, min=first, max=last,
                )  # fmt: skip
                part._style = copy(around._style)
                sheet.column_dimensions[part.index] = part
    found: ColumnDimension = sheet.column_dimensions[get_column_letter(column)]
    return found


def _column_ranges(sheet: Any) -> list[ColumnDimension]:
    ranges = list(sheet.column_dimensions.values())
    for each in ranges:
        each.reindex()
    return ranges


def _in_use(sheet: Any, first: int, last: int) -> bool:
    return any(
        first <= cell.column <= last and (cell.value is not None or isinstance(cell, MergedCell))
        for cell in _cells(sheet)
    )


def _cells(sheet: Any) -> list[Any]:
    """The cells that there are. ``iter_rows`` would make the others, up to a stray one in the last row of Excel's."""
    return list(sheet._cells.values())
