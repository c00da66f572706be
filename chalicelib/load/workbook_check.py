"""A look at a workbook before the native reader gets it: what it is, and whether it would cost more than it should."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from xml.parsers import expat

from chalicelib.errors import FileCode, FileError

# A compound file (OLE2) is what Excel wrote before 2007, and what it wraps an encrypted workbook in.
_COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# A full sheet of 1,048,576 rows unpacks to some 300 MB; XML of data packs about 10 to 20 times.
MAX_WORKBOOK = 256 * 2**20
_MAX_UNPACKED = 2 * 2**30
_MAX_RATIO = 100
_RATIO_COUNTS_FROM = 50 * 2**20
_MAX_ENTRIES = 10_000
# The reader holds the rectangle from the first cell to the last, some 40 bytes a cell, however few are filled.
_MAX_GRID = 2**24
_LAST_ROW, _LAST_COLUMN = 2**20, 2**14
_READ = 2**20
# A cell as the usual programs write it, its reference first and within A1:P1048576, a rectangle of _MAX_GRID; and a
# part in which bytes are what they seem. What is not of this kind is looked at cell by cell, which takes its time.
_UNUSUAL_CELL = re.compile(
    rb"<(?:[^\s<>/:]+:)?c(?=[\s/>])(?!\s+r=\"[A-P](?:[1-9][0-9]{0,5}|"
    rb"1(?:0[0-3][0-9]{4}|04[0-7][0-9]{3}|048[0-4][0-9]{2}|0485[0-6][0-9]|04857[0-6]))\")"
)
_USUAL_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?!\?xml[^>]*encoding=[\"'](?!utf-8[\"']))", re.IGNORECASE)
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")
REPAIR = "Open it in Excel, save it as a new workbook (.xlsx) and drop that."


def check_workbook(content: bytes) -> None:
    """Look at what can be told without unpacking. Raises FileError with what the file's owner can do."""
    again = "Save it as an Excel workbook (.xlsx) and drop it again."
    if content.startswith(_COMPOUND_FILE):
        if _ENCRYPTED in content:
            hint = "Take the password off in Excel (File, Info, Protect Workbook) and drop it again."
            raise FileError(FileCode.ENCRYPTED_FILE, "The workbook is protected by a password.", hint=hint)
        raise FileError(FileCode.OLD_WORKBOOK, "The file is a workbook of Excel 97 to 2003 (.xls).", hint=again)
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _BROKEN_ZIP as error:
        raise FileError(FileCode.NOT_A_WORKBOOK, "The file is no workbook, or it was cut off.", hint=again) from error
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if "xl/workbook.bin" in names:
        raise FileError(FileCode.OLD_WORKBOOK, "The file is a binary workbook (.xlsb).", hint=again)
    if "xl/workbook.xml" not in names and "[Content_Types].xml" not in names:
        raise FileError(FileCode.NOT_A_WORKBOOK, "The file is a zip archive but no workbook.", hint=again)
    unpacked = sum(entry.file_size for entry in entries)
    bomb = unpacked > max(_RATIO_COUNTS_FROM, _MAX_RATIO * len(content))
    if bomb or unpacked > _MAX_UNPACKED or len(entries) > _MAX_ENTRIES:
        raise FileError(
            FileCode.DANGEROUS_WORKBOOK,
            f"The workbook of {len(content):,} bytes would unpack to {unpacked:,} in {len(entries):,} parts.",
            hint="Copy its rows into a new workbook, or save them as CSV.",
        )
    for entry in entries:
        if entry.filename.lower().endswith(".xml"):
            _check_part(archive, entry)


# What zipfile and zlib raise for bytes that are none of theirs, and expat for markup and encodings that it can't read.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
_BROKEN_XML = (expat.ExpatError, LookupError)


def _check_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Look at the cells of a part, if it has any, before the reader makes room for all that lie between them."""
    try:
        if not _look(archive, entry, _Markup(entry.filename)).usual:
            _look(archive, entry, _Grid(entry.filename))
    except (*_BROKEN_ZIP, *_BROKEN_XML) as error:
        detail = f"The workbook can't be read: its part {entry.filename} is damaged."
        raise FileError(FileCode.NOT_A_WORKBOOK, detail, hint=REPAIR) from error


def _look(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, markup: _Markup) -> _Markup:
    with archive.open(entry) as part:
        while content := part.read(_READ):
            markup.feed(content)
        markup.feed(b"", final=True)
    return markup


class _Markup:
    """Whether a part is well-formed XML without a document type, and all its cells are ``usual``."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._tail: bytes | None = None
        self.usual = True

    def feed(self, content: bytes, *, final: bool = False) -> None:
        """Take the next bytes. Raises FileError or an error of expat's for what no workbook holds."""
        self._parser.Parse(content, final)
        if self._tail is None:
            self.usual = _USUAL_BEGINNING.match(content) is not None
        text = (self._tail or b"") + content
        # What is behind the last < may be half an element.
        end = len(text) if final else max(text.rfind(b"<"), 0)
        self._tail = text[end:]
        self.usual = self.usual and b"\0" not in content and _UNUSUAL_CELL.search(text, 0, end) is None

    def _doctype(self, *_: object) -> None:
        raise FileError(
            FileCode.DANGEROUS_WORKBOOK,
            f"The part {self._part} of the workbook has a document type declaration, which no workbook needs.",
            hint=REPAIR,
        )


class _Grid(_Markup):
    """From which row and column of a sheet to which there are cells with a value, told from its XML."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self._parser.StartElementHandler = self._start
        self._parser.ordered_attributes = True
        self._row = self._column = 0
        self._rows = [2**31, 0]
        self._columns = [2**31, 0]

    def feed(self, content: bytes, *, final: bool = False) -> None:
        """Take the next bytes. Raises FileError too when the cells lie too far apart."""
        self._parser.Parse(content, final)
        height, width = (max(0, last - first + 1) for first, last in (self._rows, self._columns))
        if height * width > _MAX_GRID:
            raise FileError(
                FileCode.DANGEROUS_WORKBOOK,
                f"The cells of a sheet ({self._part}) are spread over {height:,} rows and {width:,} columns.",
                hint="Delete what stands far from its rows (Ctrl+End finds it) or save the rows as CSV.",
            )

    def _start(self, name: str, attributes: list[str]) -> None:
        local = name.rpartition(":")[2]
        if local == "c":
            self._place(dict(zip(attributes[::2], attributes[1::2], strict=True)).get("r"))
        elif local in ("v", "is"):
            if self._row > _LAST_ROW or self._column > _LAST_COLUMN:
                raise ValueError("a cell outside of what a sheet can have")
            _extend(self._rows, self._row)
            _extend(self._columns, self._column)
        elif local == "row":
            number = dict(zip(attributes[::2], attributes[1::2], strict=True)).get("r")
            self._row = int(number) if number else self._row + 1
            self._column = 0

    def _place(self, reference: str | None) -> None:
        self._column += 1
        if reference is None:
            return
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise ValueError(reference)
        column = 0
        for letter in match[1].upper():
            column = 26 * column + ord(letter) - 64
        self._row, self._column = int(match[2]), column


def _extend(span: list[int], position: int) -> None:
    span[:] = min(span[0], position), max(span[1], position)
