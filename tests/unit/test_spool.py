"""A file that is read while it is written: nothing is left out, and who reads is never told of an end too early."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Unavailable
from chalicelib.load.spool import Spool


@given(written=st.lists(st.binary(max_size=5), max_size=8), sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_it_is_read_as_a_file_that_was_there_before(written: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(written)
    with closing(Spool()) as spool, ThreadPoolExecutor() as threads:

        def read() -> list[bytes]:
            pieces: list[bytes] = []
            asked = 0
            while not pieces or len(pieces[-1]) == sizes[(asked - 1) % len(sizes)]:
                pieces.append(spool.read(sizes[asked % len(sizes)]))
                asked += 1
            return pieces

        reading = threads.submit(read)
        for content in written:
            spool.write(content)
        spool.end()
        pieces = reading.result()
    assert b"".join(pieces) == whole
    assert [len(piece) for piece in pieces[:-1]] == [sizes[n % len(sizes)] for n in range(len(pieces) - 1)]


def test_who_asks_for_all_waits_for_the_end() -> None:
    with closing(Spool()) as spool, ThreadPoolExecutor() as threads:
        spool.write(b"a")
        reading = threads.submit(spool.read)
        with pytest.raises(TimeoutError):
            reading.result(timeout=0.05)
        spool.write(b"b")
        spool.end()
        assert reading.result() == b"ab"


def test_a_worker_whose_folder_takes_no_file_leaves_it_to_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(Unavailable, match=r"is full, or can't be used \(ENOENT\)"):
        Spool()
