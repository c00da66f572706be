"""The zip archive of a workbook: the parts that say what it holds, and those that hold it as streams."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from chalicelib.errors import FileCode, FileError
from chalicelib.load.workbook_check import BROKEN_XML, BROKEN_ZIP, MAX_SMALL_PARTS, REPAIR, SHARED_TEXTS, check_workbook
from chalicelib.load.workbook_markup import Element, elements
from chalicelib.load.workbook_styles import Styles, date_styles

_WORKBOOK, _RELATIONS, _STYLES = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"
_NEEDED = (_WORKBOOK, _RELATIONS)
_SMALL = (*_NEEDED, _STYLES)


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
        self._parts = {name.lower(): name for name in self._zip.namelist()}
        entries = {entry.filename.lower(): entry for entry in self._zip.infolist()}
        small = [entries[name] for name in _SMALL if name in entries]
        if not set(_NEEDED) <= set(self._parts):
            raise FileError(FileCode.NOT_A_WORKBOOK, "The workbook lacks the part that lists its sheets.", hint=REPAIR)
        _check_size(small)
        self._said: dict[str, list[Element]] = {name: [] for name in _SMALL}
        for entry in small:
            with damage_told(entry.filename):
                self._said[entry.filename.lower()] = list(elements(entry.filename, self._zip.read(entry)))

    @property
    def texts(self) -> str | None:
        """The part with the texts that cells share, if there is one."""
        return self._parts.get(SHARED_TEXTS)

    def open(self, part: str) -> IO[bytes]:
        """A part, as a stream."""
        return self._zip.open(part)

    def sheets(self) -> Iterator[Sheet]:
        """The sheets of cells in their order. Raises FileError."""
        targets = {
            each.attributes.get("Id"): each.attributes.get("Target", "")
            for each in self._said[_RELATIONS]
            if each.attributes.get("Type", "").endswith("/worksheet")
        }
        for each in self._said[_WORKBOOK]:
            key = next((value for name, value in each.attributes.items() if name.endswith(":id")), None)
            if each.name == "sheet" and key in targets:
                with damage_told(_WORKBOOK):
                    yield Sheet(
                        each.attributes.get("name", ""),
                        self._part(targets[key]),
                        each.attributes.get("state", "visible") == "visible",
                    )

    def styles(self) -> Styles:
        """How its cells show numbers. Raises FileError."""
        said = self._said[_STYLES]
        with damage_told(_STYLES):
            formats = {
                int(each.attributes["numFmtId"]): each.attributes.get("formatCode", "")
                for each in said
                if each.name == "numFmt" and each.parent == "numFmts" and "numFmtId" in each.attributes
            }
            used = [
                int(each.attributes.get("numFmtId", 0))
                for each in said
                if each.name == "xf" and each.parent == "cellXfs"
            ]
        since = [each.attributes.get("date1904") for each in self._said[_WORKBOOK] if each.name == "workbookPr"]
        return Styles(date_styles(used, formats), any(each in ("1", "true") for each in since))

    def _part(self, target: str) -> str:
        name = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
        if name.lower() not in self._parts:
            raise ValueError(f"no part {name}")
        return self._parts[name.lower()]


def _check_size(small: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in small)
    if size > MAX_SMALL_PARTS:
        longest = max(small, key=lambda entry: entry.file_size).filename
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
    except (*BROKEN_ZIP, *BROKEN_XML) as error:
        detail = f"The workbook can't be read: its part {part} is damaged."
        raise FileError(FileCode.NOT_A_WORKBOOK, detail, hint=REPAIR) from error
