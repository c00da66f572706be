"""A CSV cut at any byte: its parts have the records, the rows and the lines of the whole."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import FileError
from chalicelib.load import digest, parts
from chalicelib.load.csv_source import CsvSource, Fit
from chalicelib.load.digest import Leaves, content_digest
from chalicelib.load.parts import part_source, scan_part, shape_of, stretch, what_is_ahead
from chalicelib.load.record_scan import Scan, State, after, first_record
from chalicelib.load.rows import SourceChunk
from tests.pairs import pairs

PAIRS = pairs("string")
Row = tuple[int, int, str | None, str | None, tuple[str, ...]]

# What makes a difference to where a record begins, as often as what does not.
texts = st.text(alphabet='",\r\n ab1é', max_size=60)
cells = st.text(alphabet='",\r\n ab1é', max_size=8)
ends = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A file as a program writes it: cells quoted where they must be, or all, with or without a header."""
    end = draw(ends)
    written = io.StringIO(newline="")
    writer = csv.writer(
        written, lineterminator=end, quoting=csv.QUOTE_ALL if draw(st.booleans()) else csv.QUOTE_MINIMAL
    )
    writer.writerows(draw(st.sampled_from([[], [["id", "label"]], [[], ["Label", "ID", ""]]])))
    writer.writerows(draw(st.lists(st.lists(cells, min_size=1, max_size=3), max_size=12)))
    content = written.getvalue() if draw(st.booleans()) else written.getvalue().removesuffix(end)
    return (draw(st.sampled_from(["", "\ufeff"])) + content).encode()


def listed(chunks: Iterator[SourceChunk], *, behind: int = 0) -> list[Row]:
    """Row number, line, both cells and the codes of what is wrong, by row number."""
    return sorted(
        (row + behind, line, *cells.values(), tuple(reason.code.value for reason in chunk.faults.get(index, ())))
        for chunk in chunks
        for index, (row, line, cells) in enumerate(
            zip(chunk.rows.to_pylist(), chunk.lines.to_pylist(), chunk.cells.to_pylist(), strict=True)
        )
    )


def read_whole(content: bytes) -> list[Row]:
    source = CsvSource(PAIRS, io.BytesIO(content))
    source.fit = Fit(PAIRS, last=False)  # that no row fits is told by all parts together
    return listed(source.chunks())


def read_in_parts(content: bytes, part_bytes: int) -> list[Row]:
    """The rows of a file, read in parts."""

    def open_(first: int, last: int) -> io.BytesIO:
        return io.BytesIO(content[first:last])

    shape = shape_of(PAIRS, len(content), part_bytes, open_)
    if shape is None:
        return read_whole(content)
    ahead = what_is_ahead(shape, [scan_part(shape, part, open_) for part in range(shape.parts)])
    rows: list[Row] = []
    for part in range(shape.parts):
        if found := stretch(shape, part, ahead[part], ahead[part + 1], open_):
            source = part_source(PAIRS, shape, found, open_(found.first, found.last))
            rows += listed(source.chunks(), behind=len(rows))
    return rows


@settings(deadline=None)
@given(st.one_of(texts.map(str.encode), tables()), st.integers(1, 40), st.integers(1, 40))
def test_the_parts_of_a_file_have_its_rows_on_its_lines(content: bytes, part_bytes: int, block: int) -> None:
    try:
        expected: list[Row] | FileError = read_whole(content)
    except FileError as error:
        expected = error
    with patch.multiple(parts, _BLOCK=block, _LOOK=block):
        if isinstance(expected, FileError):
            with pytest.raises(FileError) as caught:
                read_in_parts(content, part_bytes)
            assert (caught.value.code, caught.value.detail) == (expected.code, expected.detail)
        else:
            assert read_in_parts(content, part_bytes) == expected


def test_a_quote_that_is_never_closed_is_not_followed_to_the_end_of_the_file() -> None:
    content = b'1,a\n2,"b' + b"x" * 1000
    read = []

    def open_(first: int, last: int) -> io.BytesIO:
        read.append(last)
        return io.BytesIO(content[first:last])

    shape = shape_of(PAIRS, len(content), 10, open_)
    assert shape
    ahead = what_is_ahead(shape, [scan_part(shape, part, open_) for part in range(shape.parts)])
    read.clear()
    with patch.object(parts, "BLOCK", 20):
        found = stretch(shape, 0, ahead[0], ahead[1], open_)
    assert found
    assert (found.first, found.last) == (0, 10 + 2 * 20)
    assert max(read) == found.last


def test_a_beginning_that_is_no_utf_8_is_left_to_who_reads_the_file_whole() -> None:
    def shape(content: bytes) -> parts.Shape | None:
        return shape_of(PAIRS, len(content), 4, lambda first, last: io.BytesIO(content[first:last]))

    for content in (b"id\xff,label\n1,a\n", "id,label\n1,a\n".encode("utf-16"), "1,é".encode()[:-1]):
        assert shape(content) is None
    with patch.object(parts, "PEEK", 3):  # in the middle of a letter
        assert shape("1,éé\n".encode())


@given(st.binary(max_size=40), st.lists(st.integers(1, 9)))
def test_a_scan_is_the_same_however_its_bytes_come(content: bytes, sizes: list[int]) -> None:
    whole, pieces = Scan(), Scan()
    whole.feed(content)
    rest = content
    for size in sizes:
        pieces.feed(rest[:size])
        rest = rest[size:]
    pieces.feed(rest)
    assert (pieces.outcomes, pieces.line_ends) == (whole.outcomes, whole.line_ends)


@pytest.mark.parametrize(
    ("state", "content", "expected"),
    [
        (State.OPENS, b"", State.OPENS),
        (State.OPENS, b'"', State.QUOTED),
        (State.TEXT, b'"', State.TEXT),
        (State.QUOTED, b'"', State.OPENS),
        (State.OPENS, b'"a","', State.QUOTED),
        (State.OPENS, b'5" pipe,"', State.QUOTED),
        (State.QUOTED, b'""a\n', State.QUOTED),
        (State.QUOTED, b'"a"b\n', State.OPENS),
    ],
)
def test_what_a_quote_is_depends_on_the_place_of_it(state: State, content: bytes, expected: State) -> None:
    assert after(state, content) is expected


def test_no_record_begins_where_none_ends() -> None:
    assert first_record(State.TEXT, b"a", [b"b,c", b"d"]) is None
    assert first_record(State.QUOTED, b"\n", [b'a\n"']) is None


@given(st.binary(max_size=30), st.integers(1, 3))
def test_a_file_is_known_by_the_same_digest_whole_and_in_parts(content: bytes, leaves_a_part: int) -> None:
    with patch.object(digest, "LEAF", 4):
        whole = Leaves()
        whole.feed(content)
        found = b""
        for first in range(0, len(content), 4 * leaves_a_part):
            part = Leaves()
            part.feed(content[first : first + 4 * leaves_a_part])
            found += part.digests()
        assert content_digest(found) == content_digest(whole.digests())


def test_a_file_of_one_leaf_is_known_by_its_plain_sha_256() -> None:
    for content in (b"1,Sales\n", b""):
        leaves = Leaves()
        leaves.feed(content)
        assert content_digest(leaves.digests()) == hashlib.sha256(content).hexdigest()
