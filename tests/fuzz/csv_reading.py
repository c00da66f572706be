"""Reading CSV: any bytes are read as the model says, whatever the blocks and parts, or refused with a reason."""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterator
from itertools import accumulate

from chalicelib.errors import FileError
from chalicelib.load.csv_source import CsvSource
from chalicelib.load.record_scan import State, after, first_record
from tests import csv_model
from tests.fuzz.target import Target
from tests.pairs import pairs
from tests.trickle import Trickle

PAIRS = pairs("string")
_BLOCK = 2**20


def check(content: bytes) -> None:
    """Read some bytes as a file of pairs."""
    chance = zlib.crc32(content)
    read = _read(content, _BLOCK)
    block = 64 + chance % 200
    in_blocks = _read(Trickle(content, 1 + chance % 50), block)
    text = _text(content)
    if text is None:
        assert read == in_blocks == "undecodable-bytes"
        return
    records = list(csv_model.records(text))
    # The first half of a line end may be left to the next block.
    width = max(len(PAIRS.columns), next((len(each.cells) for each in records if any(map(str.strip, each.cells))), 0))
    # Behind the last record stands one of ours that is wider; one whose quote is not closed takes it in.
    behind = len("\n") + width + 1 + len("0123456789abcdef")
    longest = max([behind, *(_size(record) + behind * record.open for record in records)])
    assert in_blocks == read or (in_blocks == "cell-too-long" and longest >= block - 1), (in_blocks, read)
    _check_parts(content.removeprefix(b"\xef\xbb\xbf"), records, chance)
    if "decant_" not in text.lower():
        assert read == csv_model.outcome(text), (read, csv_model.outcome(text))
    if not any(record.open for record in records):
        assert list(csv.reader(io.StringIO(text, newline=""))) == [_as_csv_has(record) for record in records]


def _size(record: csv_model.Record) -> int:
    """How many bytes of a block it takes; a control character takes two."""
    return len(re.sub("[\0\1]", "..", record.source).encode())


def _read(content: bytes | io.BytesIO, block: int) -> list[csv_model.Row] | str:
    stream = content if isinstance(content, io.BytesIO) else io.BytesIO(content)
    try:
        return sorted(_rows(CsvSource(PAIRS, stream, block)))
    except FileError as error:
        assert error.hint, error
        return str(error.code)


def _rows(source: CsvSource) -> Iterator[csv_model.Row]:
    for chunk in source.chunks():
        for index, cells in enumerate(chunk.cells.to_pylist()):
            codes = [reason.code.value for reason in chunk.faults.get(index, ())]
            yield chunk.rows[index].as_py(), chunk.lines[index].as_py(), cells["id"], cells["label"], codes


def _text(content: bytes) -> str | None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None


def _as_csv_has(record: csv_model.Record) -> list[str]:
    """The module csv tells an empty line by no cell."""
    return record.cells if record.source.strip("\r\n") else []


def _check_parts(content: bytes, records: list[csv_model.Record], chance: int) -> None:
    """Wherever a file is cut, the next part begins with the next record."""
    if not content:
        return
    begins = list(accumulate((len(record.source.encode()) for record in records), initial=0))
    if not content.endswith((b"\r", b"\n")) or records[-1].open:
        begins.pop()
    cut = 1 + chance % len(content)
    found = first_record(after(State.OPENS, content[:cut]), content[cut - 1 : cut], [content[cut:]])
    expected = next((begin for begin in begins if begin >= cut), None)
    assert (found and found.bytes + cut) == expected, (cut, found, expected)


def _seeds() -> list[bytes]:
    return [
        b"1,a\n2,b\n",
        b"id,label\r\n1,a\r\n",
        b'\xef\xbb\xbfLABEL,ID,,\n"a ""x""",1\n',
        b'1,"a\nb"\r"2",c\n\n3\n',
        b"1,a,b\n,,\n2,\xc3\xa9\n",
        b'1,5" pipe\n"2"x,b',
        b'1,"a',
        b"\xff\xfe1\0",
        b"1;a\n2;b\n",
        b"1,a\0\n",
        b"id\n1\n",
        "1,\u2028\U0001f600\n".encode(),
        b"decant_csv_row_of_20261122T022045123456-4f2a9c1b,id,label\n7,1,'=x\n",
    ]


TARGET = Target(
    check,
    _seeds,
    [
        b'"',
        b'""',
        b",",
        b"\n",
        b"\r\n",
        b"\r",
        b"id",
        b"label",
        b"\xef\xbb\xbf",
        b"\0",
        b" ",
        "\u2028".encode(),
        b"\x1c",
        b',"',
        b'"\n',
    ],
    1_000,
)
