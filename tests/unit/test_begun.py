"""A source that was begun to be read gives all its chunks in their order, and keeps few of them."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.load.begun import Begun
from chalicelib.load.rows import SourceChunk


class Told:
    """A source that tells how many chunks were taken of it."""

    def __init__(self, sizes: list[int]) -> None:
        self.all = [
            SourceChunk(numbers := pa.array(range(size)), numbers, pa.table({"name": pa.array(["x" * 100] * size)}))
            for size in sizes
        ]
        self.taken = 0

    def chunks(self) -> Iterator[SourceChunk]:
        for chunk in self.all:
            self.taken += 1
            yield chunk


@given(sizes=st.lists(st.integers(1, 9), max_size=9), rows=st.integers(1, 40), size=st.integers(1, 4000))
def test_no_more_is_kept_than_so_many_rows_or_bytes_and_a_chunk(sizes: list[int], rows: int, size: int) -> None:
    source = Told(sizes)
    begun = Begun.of(source, rows, size)
    kept = source.all[: source.taken]
    assert (begun.rows, begun.size) == (sum(map(len, kept)), sum(chunk.cells.nbytes for chunk in kept))
    before = kept[:-1]
    assert sum(map(len, before)) < rows
    assert sum(chunk.cells.nbytes for chunk in before) < size
    assert source.taken == len(sizes) or begun.rows >= rows or begun.size >= size
    assert [id(chunk) for chunk in begun.chunks()] == [id(chunk) for chunk in source.all]
