"""The zip archive of a workbook: the parts that say what it holds, and those that hold it as streams."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from chalicelib.errors import FileCode, FileError
from chalicelib.load.workbook_check import BROKEN_XML, BROKEN_ZIP, MAX_SMALL_PARTS, REPAIR, SHARED_TEXTS, check_workbook
from chalicelib.load.workbook_markup import walk
from chalicelib.load.workbook_styles import Styles, date_styles

_WORKBOOK, _RELATIONS, _STYLES = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"
_NEEDED = (_WORKBOOK, _RELATIONS)
_SMALL = (*_NEEDED, _STYLES)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of rows: its name, the part of the archive that holds it, whether people see it, and its bytes."""

    name: str
    part: str
    visible: bool
    size: int


class Archive:
    """The parts of one workbook. Raises FileError for what is no workbook, or costs more than it should."""

    def __init__(self, content: bytes) -> None:
        check_workbook(content)
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        self._entries = {entry.filename.lower(): entry for entry in self._zip.infolist()}
        if not set(_NEEDED) <= set(self._entries):
            raise FileError(FileCode.NOT_A_WORKBOOK, "The workbook lacks the part that lists its sheets.", hint=REPAIR)
        _check_size([self._entries[part] for part in _SMALL if part in self._entries])
        self._targets: dict[str, str] = {}
        self._listed: dict[str, tuple[str, bool]] = {}
        self._epoch_1904 = False
        self._formats: dict[int, str] = {}
        self._used: list[int] = []
        self._walk(_RELATIONS, self._meet_relation)
        self._walk(_WORKBOOK, self._meet_sheet)
        self._walk(_STYLES, self._meet_style)

    @property
    def texts(self) -> str | None:
        """The part with the texts that cells share, if there is one."""
        return self._entries[SHARED_TEXTS].filename if SHARED_TEXTS in self._entries else None

    @property
    def styles(self) -> Styles:
        """How its cells show numbers."""
        return Styles(date_styles(self._used, self._formats), self._epoch_1904)

    def open(self, part: str) -> IO[bytes]:
        """A part, as a stream."""
        return self._zip.open(part)

    def sheets(self) -> Iterator[Sheet]:
        """The sheets of cells in their order. Raises FileError."""
        given = set()
        for key, (name, visible) in self._listed.items():
            # A sheet that is a chart, or a macro of old, has no rows.
            if key in self._targets:
                part = posixpath.normpath(posixpath.join("/xl", self._targets[key])).lstrip("/").lower()
                with damage_told(_WORKBOOK):
                    if part not in self._entries or part in given:
                        raise ValueError(f"no part {part} of its own")
                given.add(part)
                yield Sheet(name, self._entries[part].filename, visible, self._entries[part].file_size)

    def _walk(self, part: str, meet: Callable[[str, str, dict[str, str]], None]) -> None:
        if part in self._entries:
            with damage_told(part):
                walk(part, self._zip.read(self._entries[part]), meet)

    def _meet_relation(self, name: str, _around: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            self._targets[attributes.get("Id", "")] = attributes.get("Target", "")

    def _meet_sheet(self, name: str, around: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr":
            self._epoch_1904 = attributes.get("date1904") in ("1", "true")
        elif name == "sheet" and around == "sheets":
            key = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            self._listed[key] = attributes.get("name", ""), attributes.get("state", "visible") == "visible"

    def _meet_style(self, name: str, around: str, attributes: dict[str, str]) -> None:
        if name == "numFmt" and around == "numFmts":
            self._formats[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif name == "xf" and around == "cellXfs":
            self._used.append(int(attributes.get("numFmtId", 0)))


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
