"""What passes as UTF-8 is what Python takes for it, however it comes in pieces."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import FileError
from chalicelib.load.utf8_stream import Utf8Stream

texts = st.text(st.sampled_from("aé€🙂\n\0ÿ퟿\ue000")).map(str.encode)
pieces = st.sampled_from(
    [b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x99", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"]
)
contents = st.lists(texts | pieces | st.binary(max_size=4), max_size=8).map(b"".join)


@given(contents, st.integers(1, 5))
def test_the_bytes_come_through_when_they_are_text_and_else_the_line_is_told(content: bytes, size: int) -> None:
    stream = Utf8Stream(io.BytesIO(content), lines=0)  # so that no byte order mark is looked for
    read = b""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = 1 + content[: error.start].count(b"\n")
        with pytest.raises(FileError, match=f"bytes on line {line} are"):
            while stream.read(size):
                pass
    else:
        while piece := stream.read(size):
            read += piece
        assert stream.meant_text(read.decode()).encode() == content


@given(
    st.text(st.sampled_from('\r\n\0a"')).map(str.encode),
    st.integers(2, 20),
    st.integers(0, 20),
    st.sampled_from([(b"", b""), (b",\n", b"\n,"), (b"\r", b"\n")]),
)
def test_no_piece_ends_within_a_line_end(content: bytes, size: int, peeked: int, around: tuple[bytes, bytes]) -> None:
    begin, end = around
    stream = Utf8Stream(io.BytesIO(content), lines=0)
    assert content.startswith(stream.peek(peeked)[:peeked])
    stream.enclose(begin, end)
    pieces = list(iter(lambda: stream.read(size), b""))
    assert [piece for piece, after in pairwise(pieces) if piece[-1:] == b"\r" and after[:1] == b"\n"] == []
    assert stream.meant_text(b"".join(pieces).decode()) == (begin + content + end).decode()
    assert all(size - 1 <= len(piece) <= size for piece in pieces[:-1])


@given(st.integers(1, 40), st.integers(0, 40))
def test_no_more_is_read_ahead_than_the_half_of_a_line_end_needs(size: int, peeked: int) -> None:
    raw = io.BytesIO(b"a\r\n" * 100)
    stream = Utf8Stream(raw, lines=0)
    stream.peek(peeked)
    read = 0
    while piece := stream.read(size):
        read += len(piece)
        assert raw.tell() - read <= max(peeked, 2)
