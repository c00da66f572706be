"""What passes as UTF-8 is what Python takes for it, however it comes in pieces."""

from __future__ import annotations

import io

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
        assert read == content
