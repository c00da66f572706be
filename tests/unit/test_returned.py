"""The two columns with which rejected rows are given back and come again, and cells that no spreadsheet runs."""

from __future__ import annotations

import io
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dictionary.model import Dictionary
from chalicelib.load.csv_source import CsvSource
from chalicelib.load.harmless import as_meant, harmless
from chalicelib.load.returned import REASONS, ours, row_column
from chalicelib.load.rows import SourceChunk

RUN = "20261122T022045123456-4f2a9c1b"
CELLS = st.one_of(
    st.text(), st.from_regex(r"'{0,3}[=+\-@\t\r]?.{0,3}", fullmatch=True), st.decimals(allow_nan=False).map(str)
)


def chunk(dictionary: Dictionary, content: str) -> SourceChunk:
    [only] = CsvSource(dictionary.table("jobs"), io.BytesIO(content.encode())).chunks()
    return only


@given(CELLS)
def test_a_cell_begins_no_formula_and_comes_back_as_it_was(text: str) -> None:
    told = harmless(text)
    assert not re.match(r"[=+\-@\t\r]", told) or re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", told)
    encodable = "".join(each for each in told if not "\ud800" <= each <= "\udfff")
    if encodable == told:
        assert as_meant(pa.chunked_array([[told]])).to_pylist() == [text]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        (REASONS, REASONS),
        (" Decant_Reasons ", REASONS),
        ("decant_row", "decant_row"),
        (row_column(RUN).upper(), row_column(RUN)),
        (row_column(RUN, csv=True).upper(), row_column(RUN, csv=True)),
        ("decant_rows", None),
        ("decant_row_of_x", None),
        ("reasons", None),
    ],
)
def test_the_columns_are_known_however_a_program_writes_them(name: str, known: str | None) -> None:
    assert ours(name) == known


def test_they_may_stand_anywhere_and_a_row_may_end_before_them(dictionary: Dictionary) -> None:
    rows = chunk(dictionary, f"{row_column(RUN, csv=True)},id,job,{REASONS}\n3,1,'=1+1,why\n,2,Cook\n007,3,Clerk,\n")
    assert rows.faults == {}
    assert rows.origins is not None
    numbers = rows.rows.to_pylist()
    assert dict(zip(numbers, rows.cells["job"].to_pylist(), strict=True)) == {1: "=1+1", 2: "Cook", 3: "Clerk"}
    assert dict(zip(numbers, rows.origins.numbers.to_pylist(), strict=True)) == {1: 3, 2: None, 3: None}


def test_of_two_runs_the_newest_is_told_and_cells_are_as_meant_when_either_says_so(dictionary: Dictionary) -> None:
    older = row_column("20251122T022045123456-4f2a9c1b", csv=True)
    rows = chunk(dictionary, f"{older},id,job,{row_column(RUN)}\n7,1,'=1,3\n")
    assert rows.origins is not None
    assert (rows.origins.run, rows.origins.numbers.to_pylist()) == (RUN, [3])
    assert rows.cells["job"].to_pylist() == ["=1"]
    [row] = chunk(dictionary, f"id,job,{row_column(RUN)}\n1,'=1,3\n").cells.to_pylist()
    assert row["job"] == "'=1", "a workbook that was saved as CSV has no apostrophes of ours"


def test_a_file_without_them_says_nothing_and_keeps_its_apostrophes(dictionary: Dictionary) -> None:
    rows = chunk(dictionary, "id,job\n1,'=1+1\n")
    assert rows.cells.to_pylist() == [{"id": "1", "job": "'=1+1"}]
    assert rows.origins is None
