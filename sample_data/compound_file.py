"""The smallest OLE compound files (MS-CFB): what `.xls` and encrypted workbooks look like from outside."""

import struct
from collections.abc import Sequence

_END, _FAT, _FREE, _NONE = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF, 0xFFFFFFFF
_STORAGE, _STREAM = 5, 2


def compound_bytes(streams: Sequence[str]) -> bytes:
    """Return a compound file with up to three empty streams of these names, shortest first.

    It has a header, one sector of FAT and one of directory, as the specification asks of the smallest one.
    """
    header = struct.pack(
        "<8s16x5H6x9I",
        bytes.fromhex("d0cf11e0a1b11ae1"),
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, 4096, _END, 0, _END, 0),
    )
    fat_sectors = struct.pack("<109I", 0, *[_FREE] * 108)
    fat = struct.pack("<128I", _FAT, _END, *[_FREE] * 126)
    chain = [_entry(name, _STREAM, right=n + 1 if n < len(streams) else _NONE) for n, name in enumerate(streams, 1)]
    directory = _entry("Root Entry", _STORAGE, child=1) + b"".join(chain)
    return header + fat_sectors + fat + directory.ljust(512, b"\0")


def _entry(name: str, kind: int, right: int = _NONE, child: int = _NONE) -> bytes:
    text = name.encode("utf-16-le")
    return struct.pack("<64sHBB3I16xI16xIQ", text, len(text) + 2, kind, 1, _NONE, right, child, 0, _END, 0)
