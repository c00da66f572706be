"""A big CSV in parts: cut at any byte, each part read from its first record to the first one behind its end.

A first pass over each part tells what it does to the state before it (``record_scan``), and hashes it; from all of
those together follow the state and the line at the beginning of each. A second pass then reads its records.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from chalicelib.dictionary.model import Table
from chalicelib.load.csv_records import parse_records
from chalicelib.load.csv_source import BLOCK, PEEK, Beginning, CsvSource, Layout, read_layout
from chalicelib.load.digest import Leaves
from chalicelib.load.record_scan import Scan, State, first_record

# Opens the bytes of a file from the first of these places up to the second.
Open = Callable[[int, int], BinaryIO]

_MARK = b"\xef\xbb\xbf"
_BLOCK = 2**20
_LOOK = 2**16
_LONGEST_LOOK = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file of ``size`` bytes is cut into parts of ``part_bytes``, the last one perhaps shorter.

    Its rows begin at ``offset``, behind ``lines`` lines: a header and the blank lines before it are no part's. The
    first pass hashes all bytes, and looks for records from there on.
    """

    size: int
    part_bytes: int
    offset: int
    lines: int
    layout: Layout

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.size // self.part_bytes)

    def bounds(self, part: int) -> tuple[int, int]:
        """The bytes of a part, counted from 0: from the first up to, and without, the second."""
        return part * self.part_bytes, min((part + 1) * self.part_bytes, self.size)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the first pass over a part tells: ``outcomes`` are letters of the states that those of ``State`` end in."""

    outcomes: str
    line_ends: int
    leaves: bytes


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is before a part: the state, and how many line ends."""

    state: State
    lines: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """The bytes of the records that begin in a part, and how many lines are before them."""

    first: int
    last: int
    lines: int


def shape_of(table: Table, size: int, part_bytes: int, open_: Open) -> Shape | None:
    """How to cut a file; None when it has to be read as a whole, which tells what is wrong with its beginning, or when
    its header does not end soon.

    Raises FileError as ``read_layout`` does.
    """
    with open_(0, min(size, PEEK)) as stream:
        beginning = stream.read()
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning, final=len(beginning) == size)
    except UnicodeDecodeError:
        return None
    marks = len(_MARK) if beginning.startswith(_MARK) else 0
    content = beginning[marks:]
    layout = read_layout(table, content)
    if not layout.header:
        return Shape(size, part_bytes, marks, 0, layout)
    at = lines = 0
    while found := first_record(State.OPENS, b"", [content[at:]]):
        record = next(parse_records(content[at : at + found.bytes].decode(errors="ignore")), [])
        at, lines = at + found.bytes, lines + found.line_ends
        if any(map(str.strip, record)):
            return Shape(size, part_bytes, marks + at, lines, layout)
    return None


def scan_part(shape: Shape, part: int, open_: Open) -> Scanned:
    """The first pass over a part."""
    first, last = shape.bounds(part)
    leaves = Leaves()
    with open_(max(0, first - 1), last) as stream:
        previous = stream.read(1 if first else 0)
        scan = Scan(previous if first > shape.offset else b"")
        while content := stream.read(_BLOCK):
            leaves.feed(content)
            scan.feed(content[max(0, shape.offset - first) :])
            first += len(content)
    return Scanned("".join(scan.outcomes[state] for state in State), scan.line_ends, leaves.digests())


def what_is_ahead(shape: Shape, scanned: Sequence[Scanned]) -> list[Ahead]:
    """What is before each part, and behind the last, from the first passes over all of them."""
    ahead = [Ahead(State.OPENS, shape.lines)]
    states = list(State)
    for part in scanned:
        before = ahead[-1]
        ahead.append(Ahead(State(part.outcomes[states.index(before.state)]), before.lines + part.line_ends))
    return ahead


def stretch(shape: Shape, part: int, ahead: Ahead, behind: Ahead, open_: Open) -> Stretch | None:
    """Where the records that begin in a part stand; None when none does.

    ``ahead`` and ``behind`` are what is before the part, and before the next one.
    """
    first, last = shape.bounds(part)
    begin, lines = _record_from(shape, first, last, ahead, open_)
    if begin >= last:
        return None
    # A record that ends nowhere near is too long to be read, and need not be followed to the end of the file.
    end, _ = _record_from(shape, last, min(shape.size, last + 2 * BLOCK), behind, open_)
    return Stretch(begin, end, lines)


def part_source(table: Table, shape: Shape, found: Stretch, stream: BinaryIO) -> CsvSource:
    """The rows of a part, from a stream of the bytes of its stretch. Rows are counted from 1, lines as in the file."""
    return CsvSource(table, stream, part=Beginning(shape.layout, found.lines, first=found.first == shape.offset))


def _record_from(shape: Shape, place: int, last: int, ahead: Ahead, open_: Open) -> tuple[int, int]:
    """The first beginning of a record at or behind a place, ``last`` when there is none before that, and its lines."""
    if place <= shape.offset:
        return shape.offset, shape.lines
    if place >= last:
        return place, ahead.lines
    previous, blocks = _behind_the_first(_look(place - 1, last, open_))
    found = first_record(ahead.state, previous, blocks)
    return (last, ahead.lines) if found is None else (place + found.bytes, ahead.lines + found.line_ends)


def _look(first: int, last: int, open_: Open) -> Iterator[bytes]:
    """The bytes between two places, little by little, for who hardly ever needs many."""
    size = _LOOK
    while first < last:
        with open_(first, min(first + size, last)) as stream:
            yield stream.read()
        first, size = first + size, min(4 * size, _LONGEST_LOOK)


def _behind_the_first(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    begin = next(blocks)
    return begin[:1], chain([begin[1:]], blocks)
