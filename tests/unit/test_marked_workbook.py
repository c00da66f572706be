"""A loaded workbook with its rejected rows marked in it, as the loader reads it again."""

from __future__ import annotations

import io
from dataclasses import replace

import openpyxl
import pytest

from chalicelib.errors import FileError
from chalicelib.load.marked_rows import workbook_of
from chalicelib.load.marked_summary import Summary
from chalicelib.load.marked_workbook import marked
from chalicelib.load.rows import RejectedRow
from chalicelib.load.workbook_source import WorkbookSource
from tests.pairs import pairs

RUN = "20261122T022045123456-4f2a9c1b"
SUMMARY = Summary(RUN, "pairs.xlsx", {}, [])
PAIRS = pairs("integer")


def test_a_formula_in_an_optional_column_comes_back_as_no_value_and_never_as_a_blank() -> None:
    book = openpyxl.Workbook()
    for row in (["id", "label"], [1, "=1+1"], [2, None]):
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    [chunk] = WorkbookSource(PAIRS, marked(PAIRS, target.getvalue(), 0, [], SUMMARY)).chunks()
    told = "the formula was not computed: open the file in a spreadsheet program and save it"
    assert {row: [each.message for each in faults] for row, faults in chunk.faults.items()} == {0: [told]}
    assert chunk.cells["label"].to_pylist()[1] is None


LONG = "rows_of_the_twelve_months_of_a_year"
ALIKE = [f"{LONG}_first", f"{LONG}_last", "pairs"]
TABLES = {name: replace(PAIRS, name=name) for name in ALIKE}


def rejected_of(*names: str) -> bytes:
    """A workbook that gives back a rejected row of each of these tables, its label the name of the table."""
    rows = {name: [RejectedRow(1, 1, {"id": "1", "label": name}, [])] for name in names}
    return workbook_of(rows, TABLES, SUMMARY)


@pytest.mark.parametrize("name", ALIKE)
def test_each_table_gets_its_own_rows_from_a_workbook_of_several(name: str) -> None:
    [chunk] = WorkbookSource(TABLES[name], rejected_of(*ALIKE), ALIKE).chunks()
    assert chunk.cells["label"].to_pylist() == [name]
    assert len(chunk.unread) == 2


@pytest.mark.parametrize("name", ALIKE)
def test_a_table_without_a_sheet_gets_no_rows_of_others(name: str) -> None:
    others = [other for other in ALIKE if other != name]
    with pytest.raises(FileError, match=f"no sheet with rows of {name}, but of other tables: "):
        list(WorkbookSource(TABLES[name], rejected_of(*others), ALIKE).chunks())


def test_a_sheet_may_be_called_by_what_its_title_has_room_for() -> None:
    book = openpyxl.Workbook()
    book.active.append([1, "cover"])
    book.create_sheet(ALIKE[0][:31]).append([2, "row"])
    target = io.BytesIO()
    book.save(target)
    [chunk] = WorkbookSource(TABLES[ALIKE[0]], target.getvalue()).chunks()
    assert chunk.cells["label"].to_pylist() == ["row"]
