"""How many rows a CSV file is likely to have, as those that were read so far say."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.load.rows import Source, SourceChunk


class Expectation:
    """A source, whose rows are weighed as they pass, against the ``size`` of its file in bytes.

    Where its stream stands would say less: what reads it is ahead by many rows.
    """

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._size = size
        self._rows = 0
        self._bytes = 0

    def chunks(self) -> Iterator[SourceChunk]:
        """See ``rows.Source``."""
        for chunk in self._source.chunks():
            self._rows += len(chunk)
            self._bytes += _written(chunk.cells)
            yield chunk

    def expected(self) -> int | None:
        """How many rows are likely; None before the first."""
        return round(self._size * self._rows / self._bytes) if self._rows else None


def _written(cells: pa.Table) -> int:
    """How many bytes the cells take in a file: their own, and one behind each. Quotes and blanks about them are few."""
    own: int = sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in cells.columns)
    separators: int = cells.num_rows * cells.num_columns
    return own + separators
