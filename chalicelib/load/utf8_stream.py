"""The bytes of a text file on their way to a parser: without a byte order mark, and checked to be UTF-8."""

from __future__ import annotations

import codecs
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.errors import FileCode, FileError
from chalicelib.load.bytes_seen import count_byte

# Of UTF-8: the bytes of a character, what follows its first one, and that one where there are more.
_LONGEST, _GOES_ON, _BEGINS_MORE = 4, 0x80, 0xC0

# pyarrow loses quotes and line ends near U+0000 (https://github.com/apache/arrow/issues/50481), so it gets other bytes
# in its place. That nothing else is taken for them, the sign that they begin with has others as well.
_NUL, _SIGN = b"\0", b"\1"
_FOR_NUL, _FOR_SIGN = b"\1n", b"\1s"
_RETURN = ord("\r")


class Utf8Stream:
    """What pyarrow reads: the bytes without a byte order mark, checked to be UTF-8, between two records of our own.

    ``lines`` is how many are before the bytes when they don't begin the file, and so with no mark.
    """

    closed = False

    def __init__(self, raw: BinaryIO, lines: int | None = None) -> None:
        self._raw = raw
        self._cut = b""
        self._line = 1 + (lines or 0)
        self._ahead = bytearray()
        self._end = b""
        self._started = lines is not None
        self._exhausted = False
        self._hides = False
        self.quotes = False

    def peek(self, size: int) -> bytes:
        """The first bytes of the text, which ``read`` gives again."""
        self._fill(size)
        return bytes(self._ahead.replace(_FOR_NUL, _NUL).replace(_FOR_SIGN, _SIGN) if self._hides else self._ahead)

    def meant(self, texts: pa.Array) -> pa.Array:
        """Texts that were parsed from these bytes, with the U+0000 that the parser did not see."""
        if self._hides:
            for hidden, sign in ((_FOR_NUL, _NUL), (_FOR_SIGN, _SIGN)):
                texts = pc.replace_substring(texts, hidden.decode(), sign.decode())
        return texts

    def meant_text(self, text: str) -> str:
        """One such text."""
        return str(self.meant(pa.scalar(text)).as_py()) if self._hides else text

    def enclose(self, begin: bytes, end: bytes) -> None:
        """Give these bytes before the first and behind the last."""
        self._ahead[:0] = begin
        self._end = end

    def read(self, size: int = -1) -> bytes:
        """As a file does: fewer bytes than asked are the last ones. A socket may give fewer; pyarrow takes that for
        the size of its block, and takes a line end apart that lies in two of them, even inside a quoted cell
        (https://github.com/apache/arrow/issues/51368): its first half waits for the other.
        """
        self._fill(size + 1)
        if len(self._ahead) <= size:
            self._ahead += self._end
            self._end = b""
        if 1 < size < len(self._ahead) and self._ahead[size - 1] == _RETURN:
            size -= 1
        content = bytes(memoryview(self._ahead)[:size]) if size >= 0 else bytes(self._ahead[:size])
        del self._ahead[:size]
        return content

    def readable(self) -> bool:
        """As a file does."""
        return True

    def close(self) -> None:
        """Nothing: the caller closes the stream below."""

    def _fill(self, size: int) -> None:
        while len(self._ahead) < size and not self._exhausted:
            content = self._raw.read(size - len(self._ahead))
            self._exhausted = not content
            if not self._started:
                content = self._beginning(content)
            self._check(content)
            if _NUL in content or _SIGN in content:
                self._hides = True
                content = content.replace(_SIGN, _FOR_SIGN).replace(_NUL, _FOR_NUL)
            self._ahead += content

    def _beginning(self, content: bytes) -> bytes:
        while len(content) < len(codecs.BOM_UTF8) and (more := self._raw.read(len(codecs.BOM_UTF8))):
            content += more
        self._started = True
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise _undecodable("The file is in UTF-16.")
        return content.removeprefix(codecs.BOM_UTF8)

    def _check(self, content: bytes) -> None:
        content = self._cut + content
        whole = len(content) if self._exhausted else _last_begun(content)
        self._cut = content[whole:]
        content = content[:whole]
        if not _is_utf8(content):
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as error:
                line = self._line + error.object[: error.start].count(b"\n")
                raise _undecodable(f"The bytes on line {line} are no UTF-8 text.") from error
        self._line += count_byte(content, b"\n")
        self.quotes = self.quotes or b'"' in content


def _last_begun(content: bytes) -> int:
    """Where the last character begins, if it may go on behind the end; else the end."""
    for place in range(len(content) - 1, max(len(content) - _LONGEST, -1), -1):
        if content[place] >= _BEGINS_MORE:
            return place
        if content[place] < _GOES_ON:
            break
    return len(content)


def _is_utf8(content: bytes) -> bool:
    """What ``bytes.decode`` would tell, without making the text."""
    if content.isascii():
        return True
    ends = pa.py_buffer(np.array([0, len(content)], np.int32))
    text = pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(content)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _undecodable(what: str) -> FileError:
    hint = "Save the file as CSV UTF-8 (comma delimited) and drop it again."
    return FileError(FileCode.UNDECODABLE_BYTES, what, hint=hint)
