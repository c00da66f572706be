"""A parser's thread reads little ahead of a parser that does not get on, and nothing once the reading has ended."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition, Event
from typing import Any, BinaryIO, ClassVar, cast

import pytest

from chalicelib.errors import FileError
from chalicelib.load import csv_records, read_ahead
from chalicelib.load.csv_source import CsvSource
from chalicelib.load.read_ahead import ReadAhead
from chalicelib.load.utf8_stream import Utf8Stream
from tests.unit.test_json_source import PAIRS


class Stream(io.RawIOBase):
    """Rows without end; how often they were read, and whether somebody is reading."""

    def __init__(self) -> None:
        self.read_ = 0
        self.goes_on = Event()
        self.goes_on.set()

    def read(self, size: int = -1, /) -> bytes:
        self.read_ += 1
        assert self.goes_on.wait(10)
        return b"1,a\n" * (size // 4 or 1)


def ahead_of(raw: Stream, blocks: int) -> ReadAhead:
    ahead = ReadAhead(Utf8Stream(cast(BinaryIO, raw), lines=0), blocks)
    ahead.opened()
    return ahead


def is_waiting(work: Future[Any]) -> bool:
    with pytest.raises(TimeoutError):
        work.result(timeout=0.05)
    return True


def test_so_many_blocks_are_read_and_more_when_the_parser_gets_on() -> None:
    ahead = ahead_of(Stream(), blocks=2)
    with ThreadPoolExecutor() as threads:
        assert all(ahead.read(8) for _ in range(2))
        third = threads.submit(ahead.read, 8)
        assert is_waiting(third)
        ahead.go_on()
        assert third.result() == b"1,a\n1,a\n"


def test_a_parser_that_cannot_begin_is_waited_for_shortly() -> None:
    """It waits for the thread that reads, which would wait for a sign of it."""
    ahead = ReadAhead(Utf8Stream(cast(BinaryIO, Stream()), lines=0), blocks=1)
    with ThreadPoolExecutor() as threads:
        try:
            assert threads.submit(lambda: [ahead.read(8) for _ in range(3)]).result(timeout=10) == [b"1,a\n1,a\n"] * 3
        finally:
            ahead.end()


class Impatient(Condition):
    """Never waits, and writes down whether it would have, and for how long."""

    asked: ClassVar[list[tuple[bool, float | None]]] = []

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        Impatient.asked.append((not predicate(), timeout))
        return predicate()


def test_each_block_more_waits_before_the_parser_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "Condition", Impatient)
    Impatient.asked.clear()
    ahead = ReadAhead(Utf8Stream(cast(BinaryIO, Stream()), lines=0), blocks=1)
    assert all(ahead.read(8) for _ in range(3))
    assert Impatient.asked == [(would_wait, read_ahead._SOON_SECONDS) for would_wait in (False, True, True)]


def test_who_waits_is_told_of_the_end() -> None:
    raw = Stream()
    ahead = ahead_of(raw, blocks=1)
    with ThreadPoolExecutor() as threads:
        ahead.read(8)
        second = threads.submit(ahead.read, 8)
        assert is_waiting(second)
        asked = raw.read_
        ahead.end()
        assert (second.result(), ahead.read(8), raw.read_) == (b"", b"", asked)


def test_the_end_waits_for_the_block_that_is_being_read() -> None:
    raw = Stream()
    ahead = ahead_of(raw, blocks=9)
    raw.goes_on.clear()
    with ThreadPoolExecutor() as threads:
        reading = threads.submit(ahead.read, 8)
        while not raw.read_:
            pass
        ended = threads.submit(ahead.end)
        assert is_waiting(ended)
        raw.goes_on.set()
        ended.result()
        assert reading.result() == b"1,a\n1,a\n"


class Noted(ReadAhead):
    """Writes down what it is told of."""

    told: ClassVar[list[str]] = []

    def opened(self) -> None:
        super().opened()
        Noted.told.append("opened")

    def go_on(self) -> None:
        super().go_on()
        Noted.told.append("goes on")

    def end(self) -> None:
        super().end()
        Noted.told.append("ended")


@pytest.mark.parametrize("why", ["all is read", "it is given up", "a record has no end"])
def test_reading_a_file_ends_with_its_rows(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """Or a thread of pyarrow would wait for ever, and keep others from theirs."""
    monkeypatch.setattr(csv_records, "ReadAhead", Noted)
    Noted.told.clear()
    content = b"1,a\n" * 5000 + (b'2,"' + b"x" * 5000 if why == "a record has no end" else b"")
    chunks = CsvSource(PAIRS, io.BytesIO(content), block=1000).chunks()
    if why == "it is given up":
        next(chunks)
        del chunks
        gc.collect()
    elif why == "all is read":
        assert sum(map(len, chunks)) == 5000
    else:
        with pytest.raises(FileError, match="never closed"):
            list(chunks)
    assert Noted.told[:2] == ["opened", "goes on"]
    assert "ended" in Noted.told


@pytest.mark.parametrize(
    ("left", "code"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise ValueError", 1),
        ("chunks.close()", 0),
        ("again.append(again); del chunks", 0),
    ],
)
def test_a_program_ends_though_a_file_is_half_read(left: str, code: int) -> None:
    """It would wait for pyarrow's thread, or abort, for that thread is in Python."""
    program = f"""
import io, sys
from chalicelib.load.csv_source import CsvSource
from tests.unit.test_json_source import PAIRS
chunks = CsvSource(PAIRS, io.BytesIO(b"1,a\\n" * 50_000), block=1000).chunks()
again = [chunks]
next(chunks)
{left}
"""
    ended = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, check=False)
    assert ended.returncode == code, ended.stderr.decode()
