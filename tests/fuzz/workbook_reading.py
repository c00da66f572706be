"""Reading workbooks: any markup in a sound archive, and any archive, is read in one way only, or refused with a reason.

An input is the parts of a workbook, so that mutations meet its markup and not deflated bytes; what begins as a zip
archive does is taken as it is.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, TypeAlias
from unittest.mock import patch
from xml.parsers import expat

from chalicelib.errors import FileError
from chalicelib.load import workbook_pieces, workbook_reader
from chalicelib.load.workbook_markup import Unusual
from chalicelib.load.workbook_source import WorkbookSource
from sample_data.workbook import BlankCell, ErrorCell, workbook_bytes
from tests.fuzz.target import Target
from tests.pairs import pairs

PAIRS = pairs("integer")
_CUT = b"\n<!--PART-->\n"
_PARTS = (
    "xl/worksheets/sheet1.xml",
    "xl/sharedStrings.xml",
    "xl/styles.xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
)
# Every row: its number, its line, its cells and its faults.
Row: TypeAlias = tuple[int, int, dict[str, str | None], list[Any]]


def check(content: bytes) -> None:
    """Read a workbook, whole, in small pieces, and by the reader of any markup."""
    book = content if content.startswith(b"PK") else _zipped(content)
    read = _read(book)
    size = 1 + zlib.crc32(content) % 200
    with patch.multiple(workbook_pieces, _PIECE=size, _READ=size, _HEAD_SIZE=4096):
        in_pieces = _read(book)
    assert _agree(in_pieces, read) or not _well_formed(book), (in_pieces, read)
    with patch.object(workbook_reader, "usual", _unusual):
        slowly = _read(book)
    assert _agree(slowly, read) or not _well_formed(book), (slowly, read)


def _agree(one: list[Row] | str, other: list[Row] | str) -> bool:
    """Of several things that are wrong with a workbook, it depends on the way of reading which is met first."""
    return one == other or (isinstance(one, str) and isinstance(other, str))


def _read(book: bytes) -> list[Row] | str:
    try:
        return list(_rows(WorkbookSource(PAIRS, book)))
    except FileError as error:
        assert error.hint, error
        return str(error.code)


def _rows(source: WorkbookSource) -> Iterator[Row]:
    number = 0
    for chunk in source.chunks():
        for index, cells in enumerate(chunk.cells.to_pylist()):
            number += 1
            assert chunk.rows[index].as_py() == number
            yield number, chunk.lines[index].as_py(), cells, list(chunk.faults.get(index, ()))


def _unusual(*_: object) -> Iterator[bytes]:
    raise Unusual


def _zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, usual, given in zip(_PARTS, _USUAL, [*content.split(_CUT), *_NOTHING], strict=False):
            archive.writestr(name, given if given.strip() else usual)
    return target.getvalue()


def _parts(book: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return [archive.read(name) if name in archive.namelist() else b"" for name in _PARTS]


def _well_formed(book: bytes) -> bool:
    """Whether it is XML. What is none may be read as far as it goes, and how far that is depends on how."""
    try:
        for part in filter(None, _parts(book)):
            expat.ParserCreate().Parse(part, True)
    except (expat.ExpatError, LookupError, ValueError, zipfile.BadZipFile, KeyError, OSError, RuntimeError, zlib.error):
        return False
    return True


_NOTHING = [b""] * len(_PARTS)
_BOOK = workbook_bytes(
    {"Sheet1": [["id", "label"], [1, "a"], [BlankCell(), " b "], [2.5, True], [3, ErrorCell("#N/A")], [4, "a"]]}
)
_USUAL = _parts(_BOOK)


def _seeds() -> list[bytes]:
    sheet = '<worksheet xmlns="x"><sheetData>{}</sheetData></worksheet>'
    rows = [
        '<row r="1"><c r="A1"><v>1.0</v></c><c r="B1" t="inlineStr"><is><t>a</t></is></c></row>',
        '<row r="1"><c r="A1"><f>1+1</f></c><c r="B1" t="str"><f>A1</f><v>x</v></c></row>\n<row r="3"/>',
        '<row><c><v>1</v></c><c t="s"><v>0</v></c></row><!-- --><row r="9"><c r="B9" s="1"><v>60</v></c></row>',
        "<row r='2' spans='1:2'><c r='A2' t='b'><v>1</v></c><c r='B2' t='e'><v>#N/A</v></c></row>",
        '<row r="1"><c r="A1"><v>1e3</v></c><c r="B1" t="inlineStr"><is><r><t xml:space="preserve"> a</t></r>'
        "<r><t>b</t></r></is></c></row>",
        '<row r="1"><c r="A1" t="d"><v>2021-07-27</v></c><c r="ZZ1"><v>1</v></c></row><row r="1048576"/>',
        '<row r="1"><c r="A1"><v>&#49;</v></c><c r="B1" t="str"><v>&amp;_x0041_</v></c></row><extLst><v>1</v></extLst>',
    ]
    whole = _CUT.join(_USUAL)
    return [whole, _CUT.join([_USUAL[0], *_USUAL[1:2]]), _BOOK, *(sheet.format(each).encode() for each in rows)]


TARGET = Target(
    check,
    _seeds,
    [
        b"<row ",
        b'r="2"',
        b'<c r="A2"',
        b"<v>",
        b"</v>",
        b"</c>",
        b"</row>",
        b"<is><t>",
        b"</t></is>",
        b' t="s"',
        b' t="inlineStr"',
        b' t="str"',
        b' t="b"',
        b' t="e"',
        b' s="1"',
        b"<f>",
        b"</f>",
        b"<f/>",
        b"<!-- -->",
        b"<![CDATA[",
        b"]]>",
        b"&#10;",
        b"&amp;",
        b"&lt;",
        b"<!DOCTYPE a>",
        b' xml:space="preserve"',
        b"<x:",
        b"'",
        b"/>",
        b"<si>",
        b"</si>",
        b"<rPh ",
        b"_x000D_",
        b"1904",
        b'"1048576"',
        b"XFD",
        b'encoding="utf-16"',
    ],
    4_000,
)
