"""Where records of a CSV begin, told from a stretch of its bytes: what lets a file be read in parts.

Whether a byte stands inside a quoted cell depends on all the bytes before it, so a part alone can't tell. It can tell
what becomes of each state that it may begin in, and those answers, put one after the other, tell the state at the
beginning of every part. Parity of the quotes would not do: as pyarrow and Python's ``csv`` read them, a quote opens a
cell only where a cell begins, and is text elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

# An opening quote where a cell begins, up to its closing one or, if that is not here, to the end.
_QUOTED = re.compile(rb'[,\r\n]"(?:[^"]++|"")*+("?)')
_CLOSING = re.compile(rb'(?:[^"]++|"")*+"')
_LINE_END = re.compile(rb"\r\n?|\n")
_SEPARATORS = b",\r\n"
_QUOTE = ord('"')


class State(StrEnum):
    """What a quote that comes next would be: the opening of a cell, text, or the end of a quoted cell.

    Behind a quote that closed a cell the next one says that it did not: the two stand for one, and the cell goes on. So
    that place is ``OPENS`` as the beginning of a cell is.
    """

    OPENS = "o"
    TEXT = "t"
    QUOTED = "q"


def after(state: State, content: bytes) -> State:
    """The state behind some bytes, before which it was ``state``."""
    if not content:
        return state
    if b'"' not in content:
        return state if state is State.QUOTED else _outside(content)
    at = 0
    if state is State.QUOTED or (state is State.OPENS and content[0] == _QUOTE):
        closing = _CLOSING.match(content, int(state is State.OPENS))
        if closing is None:
            return State.QUOTED
        at = closing.end()
        if at == len(content):
            return State.OPENS
    for cell in _QUOTED.finditer(content, at):
        if cell.end() == len(content):
            return State.OPENS if cell[1] else State.QUOTED
    return _outside(content)


def _outside(content: bytes) -> State:
    return State.OPENS if content[-1] in _SEPARATORS else State.TEXT


class Scan:
    """What a stretch of a file tells without what comes before it; fed with its bytes, block by block.

    ``previous`` is the byte before its first one. ``outcomes`` maps each state it may begin in to the one it then ends
    in; ``line_ends`` counts those of any kind, inside cells too: ``\\r\\n`` counts once, where its ``\\r`` stands.
    """

    def __init__(self, previous: bytes = b"") -> None:
        self.outcomes: Mapping[State, State] = {state: state for state in State}
        self.line_ends = 0
        self._previous = previous

    def feed(self, content: bytes) -> None:
        """Take the bytes that come next."""
        found = {state: after(state, content) for state in set(self.outcomes.values())}
        self.outcomes = {begin: found[end] for begin, end in self.outcomes.items()}
        self.line_ends += count_line_ends(content, self._previous)
        self._previous = content[-1:] or self._previous


def count_line_ends(content: bytes, previous: bytes = b"") -> int:
    """How many line ends of any kind the bytes hold; a ``\\n`` that completes the ``\\r`` before them is none."""
    ends = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
    return ends - (previous == b"\r" and content.startswith(b"\n"))


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a record begins: so many bytes and line ends behind the place that was asked for."""

    bytes: int
    line_ends: int


def first_record(state: State, previous: bytes, blocks: Iterable[bytes]) -> Beginning | None:
    """The first beginning of a record in the blocks, or right behind them; None when there is none.

    ``state`` and the byte ``previous`` are what is before the blocks. A record begins behind a line end outside of a
    quoted cell; the one behind a file's last line end is empty.
    """
    passed = line_ends = 0
    for content in blocks:
        at = _record_in(state, previous, content)
        line_ends += count_line_ends(content[:at], previous)
        if at is not None:
            return Beginning(passed + at, line_ends)
        state = after(state, content)
        previous = content[-1:] or previous
        passed += len(content)
    return Beginning(passed, line_ends) if _ended(state, previous) else None


def _record_in(state: State, previous: bytes, content: bytes) -> int | None:
    """Where a record surely begins in some bytes; behind a last ``\\r`` it may be further on."""
    if content and _ended(state, previous):
        return int(previous == b"\r" and content.startswith(b"\n"))
    at = 0
    while end := _LINE_END.search(content, at):
        state = after(state, content[at : end.end()])
        at = end.end()
        if at == len(content) and end[0] == b"\r":
            return None
        if state is State.OPENS:
            return at
    return None


def _ended(state: State, previous: bytes) -> bool:
    return state is State.OPENS and previous in (b"\r", b"\n")
