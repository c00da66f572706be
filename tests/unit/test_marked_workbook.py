"""A loaded workbook with its rejected rows marked in it, as the loader reads it again."""

from __future__ import annotations

import io

import openpyxl

from chalicelib.dictionary.package import parse_dictionary
from chalicelib.load.marked_summary import Summary
from chalicelib.load.marked_workbook import marked
from chalicelib.load.workbook_source import WorkbookSource

RUN = "20261122T022045123456-4f2a9c1b"
SUMMARY = Summary(RUN, "pairs.xlsx", {}, [])
PAIRS = parse_dictionary(
    {"resources": [{"name": "pairs", "schema": {"primaryKey": "id", "fields": [
        {"name": "id", "type": "integer", "constraints": {"required": True}}, {"name": "label", "type": "string"}]}}]}
).table("pairs")  # fmt: skip


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
