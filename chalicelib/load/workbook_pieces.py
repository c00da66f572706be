"""A part of a workbook cut into pieces between its rows, or between its shared strings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, NamedTuple

from chalicelib.errors import FileCode, FileError
from chalicelib.load.workbook_archive import Archive
from chalicelib.load.workbook_check import BROKEN_XML
from chalicelib.load.workbook_markup import Rewriter, Unusual

_READ = 2**20
_HEAD_SIZE = 2**20
_PIECE = 2 * 2**20
# What is not cut is held whole, several times while it is read. 702 cells of 32,767 letters are 23 MB.
_LONGEST = 32 * 2**20
_HEAD = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*(?:<\?xml version="1\.0"(?: encoding="utf-8")?(?: standalone="(?:yes|no)")?\s*\?>\s*)?'
    rb"(?:<[a-z/][^<>]*>\s*)*?<(?:sheetData|sst\b[^<>]*?)(/?)>",
    re.IGNORECASE,
)
_FIRST_ROW = re.compile(rb'\s*<row r="([0-9]{1,7})"')


class Cut(NamedTuple):
    """Some elements of a part, and behind which of its bytes they end; where it was rewritten, about there."""

    markup: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a sheet, from the ``first`` to the ``last``, counted from 1. ``end`` is as in ``Cut``."""

    first: int
    last: int
    markup: bytes
    end: int

    def halves(self) -> list[Piece]:
        """The same rows in two pieces, or in one when there is but one row."""
        cut = self.markup.find(b"<row ", len(self.markup) // 2)
        cut = cut if cut > 0 else self.markup.rfind(b"<row ")
        return [piece(Cut(part, self.end)) for part in (self.markup[:cut], self.markup[cut:]) if part.strip()]


def piece(rows: Cut) -> Piece:
    """A piece of these rows, one at least. Raises Unusual when they don't tell where they stand."""
    markup = rows.markup
    first, last = _FIRST_ROW.match(markup), _FIRST_ROW.match(markup, max(markup.rfind(b"<row "), 0))
    if first is None or last is None:
        raise Unusual
    return Piece(int(first[1]), int(last[1]), markup, rows.end)


def usual(archive: Archive, part: str, element: bytes, end: bytes) -> Iterator[Cut]:
    """What stands between the head of a part and its ``end``, cut before an ``element``.

    Raises Unusual when the head has not the usual form; the pieces must be looked at by whoever takes them.
    """
    with archive.open(part) as stream:
        left = stream.read(_HEAD_SIZE)
        head = _HEAD.match(left)
        if head is None:
            raise Unusual
        left = b"" if head[1] else left[head.end() :]
        looked = 0
        while not head[1] and (found := left.find(end, looked)) < 0:
            content = stream.read(_READ)
            if not content or len(left) > _LONGEST:
                raise Unusual
            looked = max(len(left) - len(end), 0)
            left += content
            cut = left.rfind(element) if len(left) > _PIECE else 0
            if cut > 0:
                rest = left[cut:]
                yield Cut(left[:cut], stream.tell() - len(rest))
                left = rest
                looked = 0
        if not head[1] and left[:found].strip():
            yield Cut(left[:found], stream.tell() - len(left) + found)
        while stream.read(_READ):
            pass


def mended(part: str, markup: bytes) -> bytes:
    """A piece of a part in the usual form. Raises Unusual when it can't be read for itself, and FileError."""
    try:
        return Rewriter(part, whole=False).feed(b"<piece>" + markup + b"</piece>", final=True)
    except (ValueError, *BROKEN_XML) as error:
        raise Unusual from error


def rewritten(archive: Archive, part: str) -> Iterator[Cut]:
    """The rows or shared strings of a part, in the usual form. Raises FileError, ValueError or an expat error."""
    rewriter = Rewriter(part)
    with archive.open(part) as stream:
        yield from _gathered(rewriter, stream, part)


def _gathered(rewriter: Rewriter, stream: IO[bytes], part: str) -> Iterator[Cut]:
    gathered = b""
    while content := stream.read(_READ):
        gathered += rewriter.feed(content)
        if max(len(gathered), rewriter.held) > _LONGEST:
            raise FileError(
                FileCode.DANGEROUS_WORKBOOK,
                f"The part {part} of the workbook has {_LONGEST:,} bytes or more in a few rows, texts or comments.",
                hint="Look whether so much is meant, and save its rows as CSV.",
            )
        if len(gathered) > _PIECE:
            yield Cut(gathered, stream.tell())
            gathered = b""
    gathered += rewriter.feed(b"", final=True)
    if gathered:
        yield Cut(gathered, stream.tell())
