"""The markup of sheets and shared strings: how the usual programs write it, and any other way written as they do.

What is in the usual form can be cut between rows and searched by its bytes: nothing in it is a comment, a document
type or an entity of its own, and a < always begins an element.
"""

from __future__ import annotations

import re
import sys
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.errors import FileCode, FileError
from chalicelib.load.workbook_check import REPAIR

LAST_ROW = 2**20
# Columns A to P and A to ZZ. The reader makes room for the whole rectangle from the first cell to the last.
NARROW, WIDE = 16, 702
_LAST_COLUMN = 2**14
_ATTRIBUTES = r'(?: [A-Za-z][A-Za-z0-9:_.]*="[^"<&]*")*'
_TEXT = r"(?:[^<&\x00-\x08\x0b\x0c\x0e-\x1f]|&(?:amp|lt|gt|quot|apos|#9|#10|#13);)*"
_T = f"(?:<t{_ATTRIBUTES}>{_TEXT}</t>|<t{_ATTRIBUTES}/>)"
_STYLE = f"<rPr>(?:<[A-Za-z]+{_ATTRIBUTES}/>)*</rPr>"
_RICH = f"(?:{_T}|<r>(?:{_STYLE})?{_T}</r>|<rPh{_ATTRIBUTES}>{_T}</rPh>|<phoneticPr{_ATTRIBUTES}/>)*"
_FORMULA = f"(?:<f{_ATTRIBUTES}>{_TEXT}</f>|<f{_ATTRIBUTES}/>)?"
_VALUE = (
    '(?:/>|></c>| t="s"><v>[0-9]{1,9}</v></c>'
    f'| t="inlineStr"><is>{_RICH}</is></c>'
    f'|(?: t="(?:n|b|e|str|d)")?>{_FORMULA}(?:<v(?: xml:space="preserve")?>{_TEXT}</v>)?</c>)'
)
_STRINGS = rf"^(?:\s*(?:<si>{_RICH}</si>|<si/>))*\s*$"


_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")
_COLUMNS = {NARROW: "[A-P]", WIDE: "[A-Z]{1,2}"}
_TYPES = {"s", "n", "b", "e", "str", "d", "inlineStr"}
# The parser keeps each name that it meets, and the elements that it is in. Sheets have some 200 names, 10 deep.
_MAX_NAMES = 10_000
_DEEPEST = 100


def usual_rows(markup: bytes, first: int, last: int) -> int | None:
    """In how many columns, NARROW or WIDE, all cells of these rows stand; None when the form is not the usual one.

    Rows and cells are somewhat near the ``first`` and the ``last`` row: their numbers begin with digits between theirs.
    """
    number = _number(str(first), str(last))
    return next((width for width, column in _COLUMNS.items() if _matches(markup, _rows(column, number))), None)


def _rows(column: str, number: str) -> str:
    cell = f'<c r="{column}{number}"(?: s="[0-9]+")?{_VALUE}'
    return rf'^(?:\s*<row r="{number}"{_ATTRIBUTES}(?:/>|>(?:{cell})*</row>))*\s*$'


def _number(first: str, last: str) -> str:
    """An expression for the numbers between two, and some around them."""
    if len(first) < len(last):
        between = f"|[1-9][0-9]{{{len(first)},{len(last) - 2}}}" if len(last) - len(first) > 1 else ""
        return f"(?:[{first[0]}-9][0-9]{{{len(first) - 1}}}{between}|[1-{last[0]}][0-9]{{{len(last) - 1}}})"
    if first == last:
        return first
    same = next(place for place, digit in enumerate(first) if digit != last[place])
    return f"{first[:same]}[{first[same]}-{last[same]}][0-9]{{{len(first) - same - 1}}}"


def usual_strings(markup: bytes) -> bool:
    """Whether these items of the shared strings have the usual form."""
    return _matches(markup, _STRINGS)


def _matches(markup: bytes, grammar: str) -> bool:
    try:
        text = pa.array([markup], pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return bool(pc.match_substring_regex(text, grammar)[0].as_py())


def check_markup(part: str, content: bytes) -> None:
    """Raise FileError or an expat error unless a part is well-formed XML without a document type."""
    _parser(part).Parse(content, True)


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


class Rewriter:
    """Writes rows and shared strings in the usual form, from XML of any other. It takes its time.

    ``held`` is about how many bytes it was fed that it still holds: they have not come to the end of a row or an item.
    """

    def __init__(self, part: str) -> None:
        self.held = 0
        self._part = part
        self._parser = _parser(part)
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._character_data
        self._done: list[str] = []
        self._cells: list[str] = []
        self._row = self._last = self._column = self._depth = 0
        self._ended = False
        self._cell: dict[str, str] = {}
        self._value: str | None = None
        self._rich: list[str] | None = None
        self._text: list[str] | None = None

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
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("markup deeper than a sheet has")
        local = name.rpartition(":")[2]
        if local == "row":
            number = attributes.get("r")
            self._row, self._column = int(number) if number else self._row + 1, 0
        elif local == "c":
            self._cell, self._value = attributes, None
            self._place(attributes.get("r"))
        elif local == "v" and self._rich is None:
            self._text = []
        elif local in ("is", "si"):
            self._rich = []
        elif self._rich is not None and local in ("t", "r", "rPh"):
            self._open(local, attributes)

    def _open(self, local: str, attributes: dict[str, str]) -> None:
        kept = {"t": ' xml:space="preserve"', "rPh": ' sb="0" eb="0"'}.get(local, "")
        if local == "t":
            kept = kept if attributes.get("xml:space") == "preserve" else ""
            self._text = []
        _told(self._rich).append(sys.intern(f"<{local}{kept}>"))

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._ended = True
        local = name.rpartition(":")[2]
        if local == "row":
            self._end_row()
        elif local == "c" and self._value is not None:
            self._end_cell(self._value)
        elif local == "v" and self._rich is None:
            self._value = f"<v>{self._taken_text()}</v>"
        elif local == "is":
            self._value = f"<is>{self._taken_rich()}</is>"
        elif local == "si":
            self._done.append(f"<si>{self._taken_rich()}</si>")
        elif self._rich is not None and local in ("t", "r", "rPh"):
            text = self._taken_text() if local == "t" else ""
            self._rich += text, sys.intern(f"</{local}>")

    def _character_data(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _taken_text(self) -> str:
        text, self._text = _told(self._text), None
        return escape("".join(text), {"\r": "&#13;"})

    def _taken_rich(self) -> str:
        rich, self._rich = _told(self._rich), None
        return "".join(rich)

    def _place(self, reference: str | None) -> None:
        self._column += 1
        if reference is None:
            return
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise ValueError(reference)
        self._column = column_number(match[1].upper())
        if int(match[2]) != self._row and self._column <= WIDE:
            raise ValueError(f"the cell {reference} in row {self._row}")

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
        kind = "inlineStr" if value.startswith("<is>") else kind
        written = f' s="{int(style)}"' if style else ""
        written += f' t="{kind}"' if kind else ""
        self._cells.append(f'<c r="{_letters(self._column)}{self._row}"{written}>{value}</c>')

    def _end_row(self) -> None:
        if not self._cells:
            return
        if self._row <= self._last:
            raise ValueError(f"row {self._row} behind row {self._last}")
        self._last = self._row
        self._done.append(f'<row r="{self._row}">{"".join(self._cells)}</row>')
        self._cells.clear()


def _told(found: Any) -> list[str]:
    if not isinstance(found, list):
        raise ValueError("markup that is no sheet's")  # noqa: TRY004
    return found


def column_number(letters: str) -> int:
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
