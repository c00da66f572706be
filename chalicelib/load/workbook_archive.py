"""The zip archive of a workbook, and small workbooks made of its parts for a reader that wants one whole."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import fastexcel
import pyarrow as pa

from chalicelib.errors import FileCode, FileError
from chalicelib.load.workbook_check import BROKEN_XML, BROKEN_ZIP, MAX_SMALL_PARTS, REPAIR, SHARED_TEXTS, check_workbook
from chalicelib.load.workbook_markup import check_markup

_KEPT = ("[content_types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml")
_SHEET = b"<worksheet><sheetData>%b</sheetData></worksheet>"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of rows: its name, the part of the archive that holds it, and whether people see it."""

    name: str
    part: str
    visible: bool


class Archive:
    """The parts of one workbook. Raises FileError for what is no workbook, or costs more than it should."""

    def __init__(self, content: bytes) -> None:
        check_workbook(content)
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        kept = [entry for entry in self._zip.infolist() if entry.filename.lower() in _KEPT]
        _check_size(kept)
        self._kept: dict[str, bytes] = {}
        for entry in kept:
            with damage_told(entry.filename):
                self._kept[entry.filename] = self._zip.read(entry)
                check_markup(entry.filename, self._kept[entry.filename])

    @property
    def texts(self) -> str | None:
        """The part with the texts that cells share, if there is one."""
        return next((name for name in self._zip.namelist() if name.lower() == SHARED_TEXTS), None)

    def open(self, part: str) -> IO[bytes]:
        """A part, as a stream."""
        return self._zip.open(part)

    def sheets(self) -> Iterator[Sheet]:
        """The sheets in their order. The reader tells which part each is: it is asked what it finds in its place."""
        told = {
            name: _SHEET % f'<row><c t="str"><v>{index}</v></c></row>'.encode()
            for index, name in enumerate(self._zip.namelist())
            if name.lower().endswith(".xml") and name not in self._kept and name.lower() != SHARED_TEXTS
        }
        parts = self._zip.namelist()
        with damage_told("xl/workbook.xml"):
            workbook = fastexcel.read_excel(_stored(self._kept | told))
            for name in workbook.sheet_names:
                sheet = workbook.load_sheet(name, header_row=None, dtypes="string")
                index = int(pa.table(sheet.to_arrow()).column(0)[0].as_py())
                yield Sheet(name, parts[index], sheet.visible == "visible")

    def workbook_of(self, sheet: Sheet, rows: bytes) -> bytes:
        """A workbook in which this sheet has only these rows."""
        return _stored(self._kept | {sheet.part: _SHEET % rows})


def _check_size(kept: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in kept)
    if size > MAX_SMALL_PARTS:
        longest = max(kept, key=lambda entry: entry.file_size).filename
        raise FileError(
            FileCode.DANGEROUS_WORKBOOK,
            f"The parts of the workbook that hold no rows take {size:,} bytes, {longest} most of all.",
            hint="Copy its rows into a new workbook, or save them as CSV.",
        )


@contextmanager
def damage_told(part: str) -> Iterator[None]:
    """Tell whose part it is that can't be read. Raises FileError."""
    try:
        yield
    except fastexcel.FastExcelError as error:
        first_line = str(error).splitlines()[0]
        raise FileError(FileCode.NOT_A_WORKBOOK, f"The workbook can't be read: {first_line}.", hint=REPAIR) from error
    except (*BROKEN_ZIP, *BROKEN_XML) as error:
        detail = f"The workbook can't be read: its part {part} is damaged."
        raise FileError(FileCode.NOT_A_WORKBOOK, detail, hint=REPAIR) from error


def _stored(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return target.getvalue()
