"""The checksum of rows that several files hold, one after the other, and the table that they are of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import pyarrow as pa

from chalicelib.backup.content import ContentChecksum


class FilesChecksum:
    """The checksum of rows in chunks of one schema, cut where the files of a backup are, however the chunks are.

    ``sizes`` tells how many rows each file has. What comes beyond the last row is counted and hashed with the last.
    """

    def __init__(self, schema: pa.Schema, sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._checksums = [ContentChecksum(schema) for _ in sizes]
        self._at = 0

    @property
    def rows(self) -> int:
        """The rows so far."""
        return sum(each.rows for each in self._checksums)

    def add(self, chunk: pa.Table) -> None:
        """Take the next rows, with the columns of the schema in its order."""
        while self._at < len(self._sizes) - 1:
            checksum = self._checksums[self._at]
            room = self._sizes[self._at] - checksum.rows
            if len(chunk) < room:
                break
            checksum.add(chunk.slice(0, room))
            chunk = chunk.slice(room)
            self._at += 1
        self._checksums[self._at].add(chunk)

    def hexdigest(self) -> str:
        """The checksum of all rows so far."""
        return joint(each.hexdigest() for each in self._checksums)


def joint(digests: Iterable[str]) -> str:
    """One digest as it is; of several, the SHA-256 over them, each in a line of its own."""
    first, *others = digests
    if not others:
        return first
    return hashlib.sha256("".join(f"{each}\n" for each in (first, *others)).encode()).hexdigest()
