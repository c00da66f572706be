"""The generated files, made once and kept: clean and dirty CSV, and workbooks of the same rows."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from sample_data.generate import write_employees_csv
from sample_data.workbook import workbook_bytes

BAD_SHARE = 0.01
_SHEET = "xl/worksheets/sheet1.xml"
_STRINGS = "xl/sharedStrings.xml"
_ROWS_PER_WRITE = 10_000


@dataclass(frozen=True, slots=True)
class DirtyFile:
    """A file, and how many of its rows are bad."""

    path: Path
    rows: int
    bad: int


class Data:
    """The files in one folder, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clean(self, rows: int) -> Path:
        """Give a CSV file of good employees."""
        return self._made(f"clean-{rows}.csv", lambda path: write_employees_csv(path, rows))

    def dirty(self, rows: int) -> DirtyFile:
        """Give a CSV file of employees, of which one in a hundred is bad."""
        path = self._made(f"dirty-{rows}.csv", lambda path: write_employees_csv(path, rows, BAD_SHARE))
        return DirtyFile(path, rows, round(rows * BAD_SHARE))

    def workbook(self, rows: int) -> Path:
        """Give a workbook of the clean CSV file's rows; its moments are ISO text, as in the sample workbooks."""
        return self._made(f"clean-{rows}.xlsx", lambda path: write_workbook(path, self.clean(rows)))

    def _made(self, name: str, make: Callable[[Path], object]) -> Path:
        path = self._folder / name
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part")
            make(unfinished)
            unfinished.rename(path)
        return path


def write_workbook(path: Path, source: Path) -> None:
    """Write the rows of a CSV file of employees as a workbook, in bounded memory but for its shared strings."""
    frame = ZipFile(BytesIO(workbook_bytes({"hired_employees": []})))
    strings: dict[str, int] = {}
    with frame, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=6) as book:
        head, tail = frame.read(_SHEET).decode().split("<sheetData></sheetData>")
        with book.open(_SHEET, "w", force_zip64=True) as sheet:
            sheet.write(f"{head}<sheetData>".encode())
            for rows in _sheet_rows(source, strings):
                sheet.write(rows.encode())
            sheet.write(f"</sheetData>{tail}".encode())
        for name in frame.namelist():
            if name not in (_SHEET, _STRINGS):
                book.writestr(name, frame.read(name))
        head, _, tail = frame.read(_STRINGS).decode().partition('uniqueCount="0">')
        items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
        book.writestr(_STRINGS, f'{head}uniqueCount="{len(strings)}">{items}{tail}')


def _sheet_rows(source: Path, strings: dict[str, int]) -> Iterator[str]:
    with source.open(encoding="utf-8", newline="") as file:
        rows: list[str] = []
        for number, (key, name, moment, department, job) in enumerate(csv.reader(file), 1):
            texts = [strings.setdefault(text, len(strings)) for text in (name, moment)]
            rows.append(
                f'<row r="{number}"><c r="A{number}"><v>{key}</v></c>'
                f'<c r="B{number}" t="s"><v>{texts[0]}</v></c><c r="C{number}" t="s"><v>{texts[1]}</v></c>'
                f'<c r="D{number}"><v>{department}</v></c><c r="E{number}"><v>{job}</v></c></row>'
            )
            if len(rows) == _ROWS_PER_WRITE:
                yield "".join(rows)
                rows.clear()
        yield "".join(rows)
