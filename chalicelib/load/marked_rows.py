"""A new workbook of rejected rows alone: the table's columns, then their reasons and their numbers."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from chalicelib.dictionary.model import Table
from chalicelib.load.marked_sheets import LONGEST_CELL, mark, write_summary, write_text
from chalicelib.load.marked_summary import Summary
from chalicelib.load.returned import REASONS, reasons_text, row_column
from chalicelib.load.rows import RejectedRow
from chalicelib.load.sheet_titles import sheet_title

# 8 s on a whole core and 330 MB; the API has about half a core, and 29 s.
MOST_ROWS = 20_000
_BOLD = Font(bold=True)


def fits(row: RejectedRow) -> bool:
    """Whether a workbook can hold the row's cells whole."""
    return all(cell is None or len(cell) <= LONGEST_CELL for cell in row.cells.values())


def workbook_of(rejected: Mapping[str, Iterable[RejectedRow]], tables: Mapping[str, Table], summary: Summary) -> bytes:
    """A workbook with a sheet for each table, of its rejected rows, their bad cells marked. All cells are text."""
    workbook = Workbook(write_only=True)
    for name, rows in rejected.items():
        _write_sheet(workbook, tables[name], rows, summary.run)
    write_summary(workbook, summary)
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def _write_sheet(workbook: Any, table: Table, rows: Iterable[RejectedRow], run: str) -> None:
    sheet = workbook.create_sheet(sheet_title(table.name))
    sheet.freeze_panes = "A2"
    names = [*table.column_names, REASONS, row_column(run)]
    for position, name in enumerate(names, 1):
        sheet.column_dimensions[get_column_letter(position)].width = 70 if name == REASONS else 22
    header = [_text(sheet, name) for name in names]
    for cell in header:
        cell.font = _BOLD
    sheet.append(header)
    for row in rows:
        sheet.append(_cells(sheet, table, row))


def _cells(sheet: Any, table: Table, row: RejectedRow) -> list[Any]:
    cells = [_text(sheet, row.cells.get(name)) for name in table.column_names]
    messages: dict[int, list[str]] = defaultdict(list)
    for reason in row.reasons:
        position = table.column_names.index(reason.column) if reason.column in table.column_names else 0
        messages[position].append(f"{reason.message} ({reason.code.value})")
    for position, told in messages.items():
        mark(cells[position], told)
    return [*cells, _text(sheet, reasons_text(row.reasons)[:LONGEST_CELL]), row.row]


def _text(sheet: Any, text: str | None) -> Any:
    cell = WriteOnlyCell(sheet)
    write_text(cell, text)
    return cell
