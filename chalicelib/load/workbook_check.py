"""A look at a workbook before its parts are read: what it is, and whether it would cost more than it should."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections import Counter
from xml.parsers import expat

from chalicelib.errors import FileCode, FileError

# A compound file (OLE2) is what Excel wrote before 2007, and what it wraps an encrypted workbook in.
_COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# A full sheet of 1,048,576 rows unpacks to some 300 MB; XML of data packs about 10 to 20 times.
MAX_WORKBOOK = 256 * 2**20
MAX_UNPACKED = 2 * 2**30
# The texts that cells share are held whole, twice for a moment, beside the workbook: see docs/decisions/0451.
_MAX_TEXTS = 512 * 2**20
_MAX_RATIO = 100
_RATIO_COUNTS_FROM = 50 * 2**20
_MAX_ENTRIES = 10_000
# What is read besides rows and texts, styles for the most part, goes through a parser in Python.
MAX_SMALL_PARTS = 8 * 2**20
SHARED_TEXTS = "xl/sharedstrings.xml"
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
    except BROKEN_ZIP as error:
        raise FileError(FileCode.NOT_A_WORKBOOK, "The file is no workbook, or it was cut off.", hint=again) from error
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if "xl/workbook.bin" in names:
        raise FileError(FileCode.OLD_WORKBOOK, "The file is a binary workbook (.xlsb).", hint=again)
    if "xl/workbook.xml" not in names and "[Content_Types].xml" not in names:
        raise FileError(FileCode.NOT_A_WORKBOOK, "The file is a zip archive but no workbook.", hint=again)
    [(name, times)] = Counter(entry.filename.lower() for entry in entries).most_common(1)
    if times > 1:
        # The standard forbids it (ISO 29500-2, M1.12): each program would take another one of them.
        raise FileError(FileCode.NOT_A_WORKBOOK, f"The workbook has {times} parts of the name {name}.", hint=REPAIR)
    texts = sum(entry.file_size for entry in entries if entry.filename.lower() == SHARED_TEXTS)
    if texts > _MAX_TEXTS:
        raise FileError(
            FileCode.DANGEROUS_WORKBOOK,
            f"The texts of the workbook take {texts:,} bytes, of {_MAX_TEXTS:,} at most.",
            hint="Save its rows as CSV, which may be of any size.",
        )
    unpacked = sum(entry.file_size for entry in entries)
    bomb = unpacked > max(_RATIO_COUNTS_FROM, _MAX_RATIO * len(content))
    if bomb or unpacked > MAX_UNPACKED or len(entries) > _MAX_ENTRIES:
        raise FileError(
            FileCode.DANGEROUS_WORKBOOK,
            f"The workbook of {len(content):,} bytes would unpack to {unpacked:,} in {len(entries):,} parts.",
            hint="Copy its rows into a new workbook, or save them as CSV.",
        )


def unpacked_size(content: bytes) -> int:
    """How many bytes the parts of a workbook unpack to, as it says itself. Raises BadZipFile."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return sum(entry.file_size for entry in archive.infolist())


# What zipfile and zlib raise for bytes that are none of theirs, and expat for markup and encodings that it can't read.
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
BROKEN_XML = (expat.ExpatError, LookupError)
