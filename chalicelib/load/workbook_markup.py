"""The parsing of a workbook's XML, where it is small or is not written as the usual programs write it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from xml.parsers import expat
from xml.sax.saxutils import escape

from chalicelib.errors import FileCode, FileError
from chalicelib.load.workbook_check import REPAIR

LAST_ROW = 2**20
# Columns A to ZZ.
WIDE = 702
_LAST_COLUMN = 2**14
T = TypeVar("T")
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")
_TYPES = {"s", "n", "b", "e", "str", "d", "inlineStr"}
_SPACE = " \t\r\n"
# What programs keep for themselves: no part of a value, whatever it looks like (ISO 29500-1, 18.2.10).
_EXTENSIONS = "extLst"
_OF_CELLS = ("f", "v", "is")
# The parser keeps each name that it meets, and the elements that it is in. Sheets have some 200 names, 10 deep.
_MAX_NAMES = 10_000
_DEEPEST = 100


class Unusual(ValueError):
    """The markup is not in the usual form; when it was rewritten already, it is none that a workbook has."""


def walk(part: str, content: bytes, meet: Callable[[str, str, dict[str, str]], None]) -> None:
    """Meet each element of a small part: its name, the name of the one around it, both bare, and its attributes.

    Raises FileError for a document type, and expat's errors.
    """
    parser = _parser(part)
    around = [""]

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        meet(local, around[-1], attributes)
        around.append(local)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: around.pop()
    parser.Parse(content, True)


def _parser(part: str) -> expat.XMLParserType:
    def refuse(*_: object) -> None:
        raise FileError(
            FileCode.DANGEROUS_WORKBOOK,
            f"The part {part} of the workbook has a document type declaration, which no workbook needs.",
            hint=REPAIR,
        )

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    return parser


class _Element(NamedTuple):
    """An element that is open: its bare name, or that of the extensions where it is no part of a sheet; and whether
    white space is kept in it, None where that is not known.
    """

    meaning: str
    preserved: bool | None


class Rewriter:
    """Writes rows and shared strings in the usual form, from XML of any other. It takes its time.

    ``held`` is about how many bytes it was fed that it still holds: they have not come to the end of a row or an item.
    Of a part that is not ``whole`` it is not known what its head says of white space: Unusual, where that matters.
    """

    def __init__(self, part: str, *, whole: bool = True) -> None:
        self.held = 0
        self._part = part
        self._parser = _parser(part)
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._character_data
        self._done: list[str] = []
        self._cells: list[str] = []
        self._row = self._last = self._column = 0
        self._around = [_Element("", False if whole else None)]
        self._ended = False
        self._cell: dict[str, str] = {}
        self._value: str | None = None
        self._taken: set[int] = set()
        self._rich: list[tuple[str, bool | None]] | None = None
        self._text: list[str] | None = None
        self._spoken = self._formula = False

    def feed(self, content: bytes, *, final: bool = False) -> bytes:
        """Take the next bytes; return the rows or items that are complete. Raises FileError, ValueError or expat's."""
        self._ended = False
        self._parser.Parse(content, final)
        if len(self._parser.intern) > _MAX_NAMES:
            raise ValueError("markup with more names than a sheet has")
        done = "".join(self._done).encode()
        self._done.clear()
        gathering = self._cells or self._rich is not None or self._text is not None
        self.held = 0 if done or (self._ended and not gathering) else self.held + len(content)
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._around) > _DEEPEST:
            raise ValueError("markup deeper than a sheet has")
        if self._text is not None:
            raise ValueError(f"{name} in a text")
        element = _element(name, attributes, self._around[-1])
        self._around.append(element)
        local = element.meaning
        if local == "row":
            number = attributes.get("r")
            self._row, self._column = int(number) if number else self._row + 1, 0
            self._taken.clear()
        elif local == "c":
            self._cell, self._value, self._formula = attributes, None, False
            self._place(attributes.get("r"))
        elif local == "f":
            self._formula = True
        elif local == "v":
            self._text = []
        elif local in ("is", "si"):
            self._rich = []
        elif self._rich is not None and local == "t":
            self._text = []
        elif local == "rPh":
            self._spoken = True

    def _end(self, _: str) -> None:
        self._ended = True
        local, preserved = self._around.pop()
        if local == "row":
            self._end_row()
        elif local == "c":
            self._end_value()
        elif local == "v":
            self._value = f"<v>{self._taken_text()}</v>"
        elif local == "is":
            self._value = f"<is><t>{self._taken_rich()}</t></is>"
        elif local == "si":
            self._done.append(f"<si><t>{self._taken_rich()}</t></si>")
        elif self._rich is not None and local == "t":
            text = self._taken_text()
            if not self._spoken:
                self._rich.append((text, preserved))
        elif local == "rPh":
            self._spoken = False

    def _character_data(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _taken_text(self) -> str:
        text, self._text = _told(self._text), None
        return escape("".join(text), {"\r": "&#13;"})

    def _taken_rich(self) -> str:
        rich, self._rich = _told(self._rich), None
        if len(rich) > 1 and any(kept is None and text != text.strip(_SPACE) for text, kept in rich):
            raise Unusual("white space of which the head of the part tells")
        return "".join(text if kept else text.strip(_SPACE) for text, kept in rich)

    def _place(self, reference: str | None) -> None:
        self._column += 1
        if reference is None:
            return
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise ValueError(reference)
        self._column = _number(match[1].upper())
        if int(match[2]) != self._row and self._column <= WIDE:
            raise ValueError(f"the cell {reference} in row {self._row}")

    def _end_value(self) -> None:
        # What a formula without a value is, the reader of the usual form tells.
        without = self._value in (None, "<v></v>")
        value = "<f></f>" if self._formula and without else self._value
        if value is not None:
            self._end_cell(value)

    def _end_cell(self, value: str) -> None:
        if self._row > LAST_ROW or self._column > _LAST_COLUMN:
            raise ValueError("a cell outside of what a sheet can have")
        if self._column > WIDE:
            raise FileError(
                FileCode.DANGEROUS_WORKBOOK,
                f"The cells of a sheet ({self._part}) are spread over {self._column:,} columns.",
                hint="Delete what stands far from its rows (Ctrl+End finds it) or save the rows as CSV.",
            )
        style, kind = self._cell.get("s"), self._cell.get("t")
        if kind not in (None, *_TYPES):
            raise ValueError(f"a cell of the type {kind}")
        if value.startswith("<is>"):
            kind = "inlineStr"
        elif kind == "inlineStr":
            kind = "str"
        place = f"{_letters(self._column)}{self._row}"
        if self._column in self._taken:
            raise FileError(
                FileCode.NOT_A_WORKBOOK,
                f"A sheet of the workbook ({self._part}) has two values for the cell {place}.",
                hint=REPAIR,
            )
        self._taken.add(self._column)
        written = f' s="{int(style)}"' if style else ""
        written += f' t="{kind}"' if kind else ""
        self._cells.append(f'<c r="{place}"{written}>{value}</c>')

    def _end_row(self) -> None:
        if not self._cells:
            return
        if self._row <= self._last:
            raise ValueError(f"row {self._row} behind row {self._last}")
        self._last = self._row
        self._done.append(f'<row r="{self._row}">{"".join(self._cells)}</row>')
        self._cells.clear()


def _element(name: str, attributes: dict[str, str], around: _Element) -> _Element:
    local = name.rpartition(":")[2]
    foreign = around.meaning == _EXTENSIONS or (local in _OF_CELLS and around.meaning != "c")
    space = attributes.get("xml:space")
    preserved = around.preserved if space is None else space == "preserve"
    return _Element(_EXTENSIONS if foreign else local, preserved)


def _told(found: list[T] | None) -> list[T]:
    if found is None:
        raise ValueError("markup that is no sheet's")
    return found


def _number(letters: str) -> int:
    """The number of a column from 1, told from its capital letters."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return letters
