"""A source that was begun to be read, to see how many rows it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chalicelib.load.rows import Source, SourceChunk


class Begun:
    """A source of which some chunks have been read already: ``rows`` rows of it, all of them where it has no more.

    Their cells take ``size`` bytes.
    """

    def __init__(self, ahead: list[SourceChunk], rest: Iterator[SourceChunk]) -> None:
        self.rows = sum(map(len, ahead))
        self.size = sum(chunk.cells.nbytes for chunk in ahead)
        self._ahead = ahead
        self._rest = rest

    @staticmethod
    def of(source: Source, rows: int, size: int) -> Begun:
        """Read so many rows of a source, or so many bytes of cells if they come first; at most a chunk more."""
        begun = Begun([], source.chunks())
        begun.read_on(lambda: begun.rows < rows, size)
        return begun

    def read_on(self, wanted: Callable[[], bool], size: int) -> None:
        """Read chunk by chunk while it is wanted, until the cells that were read take so many bytes."""
        while wanted() and self.size < size and (chunk := next(self._rest, None)) is not None:
            self._ahead.append(chunk)
            self.rows += len(chunk)
            self.size += chunk.cells.nbytes

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``. A chunk is kept no longer than until it is given."""
        while self._ahead:
            yield self._ahead.pop(0)
        yield from self._rest
