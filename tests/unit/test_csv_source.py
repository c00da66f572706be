"""CSV files as people's programs write them: which rows they hold, on which lines, and what can't be read."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import FileError
from chalicelib.load.csv_source import CsvSource
from chalicelib.load.rows import SourceChunk

TWO: Dictionary = parse_dictionary(
    {
        "resources": [
            {
                "name": "pairs",
                "schema": {
                    "fields": [
                        {"name": "id", "type": "string", "constraints": {"required": True}},
                        {"name": "label", "type": "string"},
                    ],
                    "primaryKey": "id",
                },
            }
        ]
    }
)
BLOCKS = [64, 4 * 2**20]


def read(content: bytes, block: int = 4 * 2**20) -> list[SourceChunk]:
    """All chunks of a file of pairs."""
    return list(CsvSource(TWO.table("pairs"), io.BytesIO(content), block).chunks())


def rows(content: bytes, block: int = 4 * 2**20) -> list[tuple[int, int, str | None, str | None, list[str]]]:
    """Row number, line, both cells and the codes of what is wrong, by row number."""
    found = []
    for chunk in read(content, block):
        for index, cells in enumerate(chunk.cells.to_pylist()):
            codes = [reason.code.value for reason in chunk.faults.get(index, ())]
            found.append((chunk.rows[index].as_py(), chunk.lines[index].as_py(), cells["id"], cells["label"], codes))
    return sorted(found)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("header", ["", "id,label", "LABEL,Id,,"])
def test_ends_marks_headers_and_blank_lines_make_no_difference(end: str, mark: bytes, header: str, block: int) -> None:
    lines = [header] if header else []
    swapped = header.startswith("LABEL")
    lines += ["a,1" if swapped else "1,a", "", " , ", 'b," 2"' if swapped else '" 2",b']
    first = 2 if header else 1
    expected: list[tuple[int, int, str | None, str | None, list[str]]] = [
        (1, first, "1", "a", []),
        (2, first + 3, "2", "b", []),
    ]
    for last in ("", end):
        assert rows(mark + (end.join(lines) + last).encode(), block) == expected


@pytest.mark.parametrize("block", BLOCKS)
def test_rows_keep_their_lines_when_cells_hold_line_breaks(block: int) -> None:
    content = b'1,"a\nb"\n2,"c\r\n\r\nd"\n3\n4,e\n'
    assert rows(content, block) == [
        (1, 1, "1", "a\nb", []),
        (2, 3, "2", "c\r\n\r\nd", []),
        (3, 6, "3", None, ["missing-cell"]),
        (4, 7, "4", "e", []),
    ]


def test_too_many_cells_are_told_unless_they_are_blank() -> None:
    assert rows(b"1,a\n2,b,c,d\n3,c,, \n") == [
        (1, 1, "1", "a", []),
        (2, 2, "2", "b", ["extra-cell"]),
        (3, 3, "3", "c", []),
    ]


def test_a_column_that_need_not_be_there_may_lack_in_the_header() -> None:
    assert rows(b"id\n1\n2\n") == [(1, 2, "1", None, []), (2, 3, "2", None, [])]


def test_a_quote_inside_a_bare_cell_is_text() -> None:
    assert rows(b'1,5" pipe\n2,b\n') == [(1, 1, "1", '5" pipe', []), (2, 2, "2", "b", [])]


def test_a_header_without_rows_is_no_row() -> None:
    assert rows(b"id,label\n") == []


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "empty-file", "empty"),
        (b"\n \n,\n", "empty-file", "empty"),
        (b"1,a\n2,\xe9t\xe9\n", "undecodable-bytes", "line 2"),
        (b"1,a\n2,\xc3", "undecodable-bytes", "line 2"),
        ("1,a\n".encode("utf-16"), "undecodable-bytes", "UTF-16"),
        (b'1,a\n2,"b\n3,c\n', "unbalanced-quote", "line 2"),
        (b'1,a\n2,b\n3,"', "unbalanced-quote", "line 3"),
        (b"1;a\n2;b\n", "wrong-columns", "semicolons"),
        (b"1\ta\n2\tb\n", "wrong-columns", "tabs"),
        (b"1,a,x\n2,b,y\n", "wrong-columns", "3 cells where the table has 2"),
        (b"id,name\n1,a\n", "wrong-columns", "'name'"),
        (b"label\na\n", "wrong-columns", "lacks 'id'"),
        (b"id,label,id\n1,a,2\n", "wrong-columns", "'id' more than once"),
        (b'1,"' + b"x" * 300 + b'"\n', "cell-too-long", "longer than 64 bytes"),
    ],
)
def test_what_can_not_be_read_is_told_with_its_place(content: bytes, code: str, said: str) -> None:
    with pytest.raises(FileError) as caught:
        read(content, 64)
    assert caught.value.code == code
    assert said in str(caught.value)


_CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), max_size=8)


@given(
    cells=st.lists(st.lists(_CELLS, min_size=2, max_size=2), min_size=1, max_size=20),
    block=st.sampled_from([512, 4 * 2**20]),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_back(cells: list[list[str]], block: int, ends: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ends).writerows(cells)
    kept: list[Any] = []
    line = 1
    for pair in cells:
        if any(_trimmed(cell) for cell in pair):
            kept.append((len(kept) + 1, line, _trimmed(pair[0]), _trimmed(pair[1]), []))
        line += 1 + sum(cell.count("\n") for cell in pair)
    if kept and not {cell.lower() for cell in kept[0][2:4] if cell} & {"id", "label"}:
        assert rows(text.getvalue().encode(), block) == kept


def _trimmed(cell: str) -> str | None:
    return cell.strip() or None
