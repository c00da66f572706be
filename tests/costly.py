"""Reads costly files below limits that kill: `python -m tests.costly NAME=BYTES=SECONDS…`.

Each is read in a process of its own that has read a good file before, so that what is loaded once does not count.
Prints how each process ended, 0 for well, as JSON; how much it took goes to standard error.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api.body import read_json
from chalicelib.errors import BadRequest, FileError
from chalicelib.load.csv_source import CsvSource
from chalicelib.load.workbook_source import WorkbookSource
from tests.unit.test_workbook_source import GOOD, PAIRS, ROW, bomb, cell, raw, rows, with_parts


class Endless(io.RawIOBase):
    """A CSV whose second record is one cell of 100 MB; ``given`` is how much of it was asked for."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, 100 * 2**20 - self.given)
        begin = b"" if self.given else b'1,a\n2,"'
        self.given += size
        return (begin + b"x" * size)[:size]


def zip_bomb() -> Any:
    """1.3 MB that unpack to 284 MiB of rows like others."""
    content = bomb(284)
    return lambda: _refused(content, "dangerous-workbook", "would unpack to")


def entries() -> Any:
    """More parts than any workbook has."""
    content = with_parts({f"xl/{number}.bin": b"" for number in range(10_001)})
    return lambda: _refused(content, "dangerous-workbook")


def laughs() -> Any:
    """Entities that grow tenfold eleven times."""
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    content = raw(ROW.replace("<t>a", "<t>&e11;"), f'<!DOCTYPE l [<!ENTITY e0 "ha">{entities}]>')
    return lambda: _refused(content, "dangerous-workbook")


def columns() -> Any:
    """A cell in the last column that a sheet has."""
    content = raw(ROW + "".join(f'<row r="{n}">{cell(f"XFD{n}", 1)}</row>' for n in range(2, 20_000)))
    return lambda: _refused(content, "dangerous-workbook")


def tail() -> Any:
    """A million rows that hold nothing but a format."""
    content = raw(ROW + "".join(f'<row r="{n}"><c r="A{n}" s="1"/></row>' for n in range(2, 2**20 + 1)))
    return lambda: _same(rows(content), GOOD)


def field() -> Any:
    """A cell of 100 MB, of which a block or so is read."""
    stream: Any = Endless()

    def read() -> None:
        with pytest.raises(FileError) as caught:
            list(CsvSource(PAIRS, stream).chunks())
        _same(caught.value.code, "cell-too-long")
        _same(stream.given < 10 * 2**20, True)

    return read


def depth() -> Any:
    """Ten thousand arrays in each other, and a million."""

    def read() -> None:
        for deep in (10_000, 1_000_000):
            with pytest.raises(BadRequest):
                read_json(b"[" * deep + b"]" * deep, "application/json", None)

    return read


def memory() -> Any:
    """What takes too much memory."""
    return lambda: bytearray(300 * 2**20)


def eternity() -> Any:
    """What takes too long."""
    return lambda: sum(1 for _ in itertools.count())


def _refused(content: bytes, code: str, words: str = "") -> None:
    with pytest.raises(FileError, match=words) as caught:
        list(WorkbookSource(PAIRS, content).chunks())
    _same(caught.value.code, code)


def _same(found: object, expected: object) -> None:
    assert found == expected


def addresses() -> int:
    """How many bytes of addresses the process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _held() -> int:
    """How many bytes of memory the process held at most."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return 1024 * int(line.split()[1])


def main() -> None:
    """Read each file in a process of its own."""
    ended = {}
    for name, size, seconds in (asked.split("=") for asked in sys.argv[1:]):
        child = os.fork()
        if not child:
            _read(name, int(size), int(seconds))
            os._exit(0)
        ended[name] = os.waitpid(child, 0)[1]
    print(json.dumps(ended))


def _read(name: str, size: int, seconds: int) -> None:
    """Make the file, read a good one, set the limits, and read it."""
    costly = COSTLY[name]()
    _same(rows(raw(ROW)), GOOD)
    list(CsvSource(PAIRS, io.BytesIO(b"1,a\n")).chunks())
    Path("/proc/self/clear_refs").write_text("5")  # what was held at most is counted anew
    held = _held()
    resource.setrlimit(resource.RLIMIT_AS, (addresses() + size, -1))
    # The limit is in whole seconds of the process, which has used some: those that were begun are added.
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, -1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    begun = time.process_time()
    costly()
    took, grown = time.process_time() - begun, _held() - held
    print(f"{name}: {took:.3f} s, {grown / 2**20:.1f} MiB", file=sys.stderr)
    _same(took < seconds and grown < size, True)


COSTLY: dict[str, Callable[[], Any]] = {
    "zip bomb": zip_bomb,
    "thousands of entries": entries,
    "DTD / billion laughs": laughs,
    "16,384 columns": columns,
    "blank tail of a million rows": tail,
    "one 100 MB field": field,
    "depth 10,000": depth,
    "too much memory": memory,
    "too much time": eternity,
}

if __name__ == "__main__":
    main()
