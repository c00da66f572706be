"""The container of an Avro file, read in memory that is bounded whatever the file holds.

https://avro.apache.org/docs/1.12.0/specification/#object-container-files: a header, then blocks of rows, each with its
size before it and the file's marker behind it. A size that is not true costs no memory, and a block that unfolds to
more than any that Decant writes is given up as soon as that is seen.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

# The most that the rows of a block may take. A block has more than 64 KiB only when a single row has.
BLOCK_BYTES = 256 * 1024 * 1024
_MAGIC = b"Obj\x01"
_MARKER_BYTES = 16
_HEADER_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_LONG_BYTES = 10
# fastavro leaves three of the four bytes of zlib's checksum behind the deflated rows.
_LEFT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Block:
    """So many rows in Avro's binary encoding, and the byte of the file where their block begins."""

    rows: int
    content: bytes
    at: int


class Container:
    """An Avro file of the codec deflate. ``metadata`` is what its header tells. Raises ValueError, here and in blocks.

    ``source`` needs no more than ``read``.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._at = 0
        if self._read(len(_MAGIC)) != _MAGIC:
            raise ValueError("it does not begin as an Avro file does")
        self.metadata = self._header()
        self._marker = self._read(_MARKER_BYTES)
        codec = self.metadata.get("avro.codec", b"null")
        if codec != b"deflate":
            raise ValueError(f"its codec is {codec!r}, not deflate")

    def blocks(self) -> Iterator[Block]:
        """The blocks, one after the other."""
        while True:
            at = self._at
            if not (first := self._source.read(1)):
                return
            self._at += 1
            try:
                yield self._block(at, first)
            except ValueError as error:
                raise ValueError(f"of the block at byte {at}, {error}") from error

    def _block(self, at: int, first: bytes) -> Block:
        rows, size = self._long(first), self._long()
        if size > BLOCK_BYTES:
            raise ValueError(f"it claims {size} bytes")
        content = _inflated(self._read(size))
        if self._read(_MARKER_BYTES) != self._marker:
            raise ValueError("the file's marker does not follow it")
        return Block(rows, content, at)

    def _header(self) -> dict[str, bytes]:
        metadata: dict[str, bytes] = {}
        while count := self._long():
            if count < 0:
                count = -count
                self._long()
            for _ in range(count):
                name = self._bytes().decode()
                metadata[name] = self._bytes()
        return metadata

    def _bytes(self) -> bytes:
        size = self._long()
        if self._at + size > _HEADER_BYTES:
            raise ValueError(f"its header claims more than {_HEADER_BYTES} bytes")
        return self._read(size)

    def _long(self, first: bytes = b"") -> int:
        number = 0
        for place in range(_LONG_BYTES):
            [octet] = first if place == 0 and first else self._read(1)
            number |= (octet & 0x7F) << 7 * place
            if octet < 0x80:
                return (number >> 1) ^ -(number & 1)
        raise ValueError("a number has more than 64 bits")

    def _read(self, size: int) -> bytes:
        if size < 0:
            raise ValueError(f"a size is {size}")
        pieces = []
        while size and (piece := self._source.read(min(size, _PIECE_BYTES))):
            pieces.append(piece)
            size -= len(piece)
            self._at += len(piece)
        if size:
            raise ValueError(f"{size} bytes are missing at the end of the file")
        return b"".join(pieces)


def _inflated(content: bytes) -> bytes:
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflating.decompress(content, BLOCK_BYTES)
        # An end that comes exactly with the last byte is only seen by looking once more.
        more = inflating.decompress(inflating.unconsumed_tail, 1) if not inflating.eof else b""
    except zlib.error as error:
        raise ValueError(f"the rows can't be decompressed ({error})") from error
    if more:
        raise ValueError(f"the rows take more than {BLOCK_BYTES} bytes")
    if not inflating.eof or len(inflating.unused_data) > _LEFT_BYTES:
        raise ValueError("the rows end before or behind their block")
    return inflated
