"""CSV files as people's programs write them: which rows they hold, on which lines, and what can't be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import FileError
from chalicelib.load.csv_source import CsvSource
from chalicelib.load.rows import SourceChunk
from tests import csv_model
from tests.pairs import pairs
from tests.trickle import Trickle

PAIRS = pairs("string")
BLOCKS = [64, 4 * 2**20]


def read(content: bytes, block: int = 4 * 2**20) -> list[SourceChunk]:
    """All chunks of a file of pairs."""
    return list(CsvSource(PAIRS, io.BytesIO(content), block).chunks())


def rows(content: bytes, block: int = 4 * 2**20) -> list[tuple[int, int, str | None, str | None, list[str]]]:
    """Row number, line, both cells and the codes of what is wrong, by row number."""
    return _listed(read(content, block))


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


Row = tuple[int, int, str | None, str | None, list[str]]

_TEXTS = st.text(st.sampled_from('ab1",,,,\n\n\r  \u2028\ufeffé🙂\0'), max_size=250)


@settings(max_examples=500, deadline=None)
@given(text=_TEXTS, block=st.integers(100, 600), most=st.sampled_from([1, 7, 2**20]))
@example(text='1,"a\n"\n2\n', block=100, most=1)
@example(text='1,a\n"2\n', block=100, most=1)
@example(text=" \n,\n1\n2,b,,\n,,c\n", block=100, most=1)
@example(text="\ufeff1,a\n\ufeff2,b\r3,c", block=100, most=1)
def test_any_text_reads_as_one_record_after_the_other_whatever_the_blocks(text: str, block: int, most: int) -> None:
    records = list(csv_model.records(text.removeprefix("\ufeff")))
    assume(all(len(source.encode()) < block for *_, source in records))
    chunks = CsvSource(PAIRS, Trickle(text.encode(), most), block).chunks()
    code = _file_code(records)
    if code is None:
        assert _listed(chunks) == _rows_of(records)
    else:
        with pytest.raises(FileError) as caught:
            list(chunks)
        assert caught.value.code == code


def _file_code(records: list[csv_model.Record]) -> str | None:
    rows_found = _rows_of(records)
    if not rows_found:
        return "empty-file"
    if records[-1].open:
        return "unbalanced-quote"
    return None if any(not codes for *_, codes in rows_found) else "wrong-columns"


def _rows_of(records: list[csv_model.Record]) -> list[Row]:
    found: list[Row] = []
    for line, cells, _, _ in records:
        if any(map(_trimmed, cells)):
            codes = ["missing-cell"] * (2 - len(cells)) + ["extra-cell"] * any(map(_trimmed, cells[2:]))
            found.append((len(found) + 1, line, _trimmed(cells[0]), _trimmed([*cells, ""][1]), codes))
    return found


def _listed(chunks: Iterable[SourceChunk]) -> list[Row]:
    """Row number, line, both cells and the codes of what is wrong, by row number."""
    found = []
    for chunk in chunks:
        for index, cells in enumerate(chunk.cells.to_pylist()):
            codes = [reason.code.value for reason in chunk.faults.get(index, ())]
            found.append((chunk.rows[index].as_py(), chunk.lines[index].as_py(), cells["id"], cells["label"], codes))
    return sorted(found)


@pytest.mark.parametrize("most", [1, 2, 3, 70_000])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_stream_may_give_fewer_bytes_than_asked(most: int, mark: bytes) -> None:
    content = mark + b"label,id\n" + b"".join(b'"%d\n",%d\n' % (n, n) for n in range(300))
    found = _listed(CsvSource(PAIRS, Trickle(content, most), 128).chunks())
    assert found == [(n + 1, 2 + 2 * n, str(n), str(n), []) for n in range(300)]


def test_blank_cells_behind_the_last_column_of_every_row_cost_nothing() -> None:
    assert rows(b"1,a,,\n2,b,, \n3,c,x,\n4,d\n") == [
        (1, 1, "1", "a", []),
        (2, 2, "2", "b", []),
        (3, 3, "3", "c", ["extra-cell"]),
        (4, 4, "4", "d", []),
    ]


def test_a_row_with_nothing_but_a_cell_too_many_is_a_row() -> None:
    assert rows(b"1,a\n,,x\n")[1] == (2, 2, None, None, ["extra-cell"])


@pytest.mark.parametrize("block", BLOCKS)
def test_a_file_may_be_ragged_almost_throughout(block: int) -> None:
    found = rows(b"1\n2\n\n" * 200 + b"3,c\n" + b"4,d,x\n" * 200, block)
    assert [codes for *_, codes in found] == [["missing-cell"]] * 400 + [[]] + [["extra-cell"]] * 200
    assert found[400][:2] == (401, 601)


def test_a_file_without_a_fitting_row_at_its_long_beginning_is_refused_early() -> None:
    late = b"1;a\n" * 10_000 + b"2,b\n"
    for block in (64, 4 * 2**20):
        with pytest.raises(FileError) as caught:
            rows(late, block)
        assert caught.value.code == "wrong-columns"
        assert len(rows(b"1;a\n" * 9_999 + b"2,b\n", block)) == 10_000


def test_a_cell_of_a_ragged_row_may_be_as_long_as_any() -> None:
    [_, row] = rows(b'1,a\n2,b,"' + b"x" * 200_000 + b'"\n')
    assert row[4] == ["extra-cell"]


def test_a_cell_almost_as_long_as_a_block_is_read_wherever_it_stands() -> None:
    for ahead in range(0, 64, 7):
        content = b"0," + b"y" * ahead + b"\n1," + b"x" * 60 + b"\n2,b\n"
        assert [row[3] for row in rows(content, 64)][1:] == ["x" * 60, "b"]


def test_a_row_that_looks_like_the_end_of_the_file_is_a_row() -> None:
    assert len(rows(b"1,a\n,,,end-of-file\n2,b\n,,,end-of-file")) == 4


def test_a_quote_behind_a_blank_is_text() -> None:
    assert rows(b'1, "a"\n') == [(1, 1, "1", '"a"', [])]


def test_lone_carriage_returns_end_lines_too() -> None:
    assert rows(b'1,"a\rb"\r2,c\r\n3,d\n') == [(1, 1, "1", "a\rb", []), (2, 3, "2", "c", []), (3, 4, "3", "d", [])]


def test_more_cells_than_a_sheet_has_columns_are_no_table() -> None:
    with pytest.raises(FileError) as caught:
        rows(b"1,a" + b"," * 20_000 + b"\n")
    assert caught.value.code == "wrong-columns"


def test_a_table_of_one_column() -> None:
    one = parse_dictionary(
        {"resources": [{"name": "ids", "schema": {"primaryKey": "id", "fields": [
            {"name": "id", "type": "integer", "constraints": {"required": True}}]}}]}
    ).table("ids")  # fmt: skip
    chunks = list(CsvSource(one, io.BytesIO(b"1\n\n2,\n3,x\n"), 64).chunks())
    assert [row for chunk in chunks for row in chunk.cells["id"].to_pylist()] == ["1", "2", "3"]
    assert [line for chunk in chunks for line in chunk.lines.to_pylist()] == [1, 3, 4]
    assert [len(chunk.faults) for chunk in chunks if chunk.faults] == [1]


def test_a_line_end_in_a_cell_stays_whole_wherever_a_block_ends() -> None:
    for ahead in range(20, 80):
        text = "x" * ahead + "\r\ny"
        assert [row[3] for row in rows(f'1,"{text}"\r\n2,b\r\n'.encode(), 128)] == [text, "b"]
        assert [row[3] for row in rows(f'0,{"x" * ahead}\n1,"a\r\nb"\r\n2,b\r\n'.encode(), 64)][1:] == ["a\r\nb", "b"]


@pytest.mark.parametrize("sign", ["\0", "\1", "\1n", "\1s", "\0\1s\0n"])
def test_a_control_character_is_text_and_costs_no_other_row(sign: str) -> None:
    lines = [f'{n},"{sign * 4}""{n}""`"' for n in range(40)] + ["40,b", f"41,{sign}", f"42,{sign},{sign}"]
    expected = [f'{sign * 4}"{n}"`' for n in range(40)] + ["b", sign, sign]
    for block in (64, 100, 2**20):
        found = rows("\n".join(lines).encode(), block)
        assert [(int(cells or -1), label) for _, _, cells, label, _ in found] == list(enumerate(expected))
        assert [codes for *_, codes in found if codes] == [["extra-cell"]]


@pytest.mark.parametrize("block", [64, 97])
@pytest.mark.parametrize("inside", ["\r\n", "\r\r\n\r\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_cells_are_whole_wherever_a_later_block_ends(
    block: int, inside: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.load.csv_source.PEEK", 16)  # what was peeked at is in no need of the stream
    for padding in range(12):
        cells = [("0", "a" * padding), *((str(key), f"x{inside}y") for key in range(1, 60))]
        content = "".join(f'{key},"{label}"{end}' for key, label in cells)
        for text in (content, content.removesuffix(end)):
            found = [(key, label or "") for _, _, key, label, _ in rows(text.encode(), block)]
            assert found == [tuple(record) for record in csv.reader(io.StringIO(text, newline=""))]
