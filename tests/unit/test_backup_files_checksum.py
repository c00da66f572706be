"""The checksum of rows that several files hold."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.content import ContentChecksum
from chalicelib.backup.files_checksum import FilesChecksum, joint
from tests.contract.backup_support import stock, tables

SHELVES = stock().table("shelves")


def content(rows: pa.Table) -> str:
    checksum = ContentChecksum(SHELVES.arrow)
    checksum.add(rows)
    return checksum.hexdigest()


def in_files(rows: pa.Table, sizes: list[int], chunk: int) -> FilesChecksum:
    checksum = FilesChecksum(SHELVES.arrow, sizes)
    for at in range(0, len(rows), chunk):
        checksum.add(rows.slice(at, chunk))
    return checksum


@given(tables(SHELVES), st.lists(st.integers(0, 9), min_size=1, max_size=9), st.integers(1, 31))
def test_it_is_that_of_the_files_however_the_chunks_are(
    rows: list[dict[str, Any]], cuts: list[int], chunk: int
) -> None:
    whole = pa.Table.from_pylist(rows, schema=SHELVES.arrow)
    sizes: list[int] = []
    for size in cuts:
        sizes.append(min(size, len(whole) - sum(sizes)))
    sizes.append(len(whole) - sum(sizes))
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    expected = joint(content(whole.slice(start, size)) for start, size in zip(starts, sizes, strict=True))
    checksum = in_files(whole, sizes, chunk)
    assert (checksum.rows, checksum.hexdigest()) == (len(rows), expected)


@given(tables(SHELVES, max_size=5), tables(SHELVES, max_size=5), st.integers(0, 5))
def test_it_tells_any_two_tables_apart(one: list[dict[str, Any]], other: list[dict[str, Any]], cut: int) -> None:
    def told(rows: list[dict[str, Any]]) -> tuple[int, str]:
        checksum = in_files(pa.Table.from_pylist(rows, schema=SHELVES.arrow), [cut, len(one) - cut], 2)
        return checksum.rows, checksum.hexdigest()

    assert (told(one) == told(other)) == (one == other)


def test_one_file_s_checksum_is_its_own() -> None:
    assert joint(["a"]) == "a"
    assert joint(["a", "b"]) == hashlib.sha256(b"a\nb\n").hexdigest()
