"""A source that was begun to be read, to see how many rows it has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from chalicelib.load.rows import Source, SourceChunk


class Begun:
    """A source of which some chunks have been read already: ``rows`` rows of it, all of them where it has no more."""

    def __init__(self, ahead: list[SourceChunk], rest: Iterator[SourceChunk]) -> None:
        self.ahead = ahead
        self._rest = rest

    @staticmethod
    def of(source: Source, rows: int) -> Begun:
        """Read so many rows of a source, or a few more."""
        chunks = source.chunks()
        begun = Begun([], chunks)
        while begun.rows < rows and (chunk := next(chunks, None)) is not None:
            begun.ahead.append(chunk)
        return begun

    @property
    def rows(self) -> int:
        """How many rows have been read."""
        return sum(map(len, self.ahead))

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``."""
        return chain(self.ahead, self._rest)
