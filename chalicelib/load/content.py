"""The content of a file while it is read: hashed on its way, and fetched ahead where others would wait for it."""

from __future__ import annotations

import errno
import tempfile
from threading import Lock
from typing import IO, BinaryIO

from chalicelib.errors import Unavailable
from chalicelib.load.bytes_seen import count_byte
from chalicelib.load.digest import Leaves, content_digest

_BLOCK = 2**20


class Content:
    """A stream that hashes what is read of it. It may be read by another thread than the one that fetches its rest."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._leaves = Leaves()
        self._lines = 0
        self._rest: IO[bytes] | None = None
        self._reading = Lock()

    def read(self, size: int = -1) -> bytes:
        """As a file does."""
        with self._reading:
            return self._rest.read(size) if self._rest else self._take(size)

    def fetch(self) -> int:
        """Get what is left into a temporary file, so that reading it waits for nobody; return how many lines all has.

        Line ends are counted, so those inside cells as well. Raises Unavailable when the worker's disk is full: another
        worker has one of its own.
        """
        with self._reading:
            if self._rest is None:
                self._rest = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
                while content := self._take(_BLOCK):
                    _write(self._rest, content)
                self._rest.seek(0)
            return self._lines + 1

    def digest(self) -> str:
        """What the whole stream is known by, which is read to its end first; see ``digest``."""
        while self._take(_BLOCK):
            pass
        return content_digest(self._leaves.digests())

    def close(self) -> None:
        """Close the stream below, and give up what was fetched."""
        self._raw.close()
        if self._rest:
            self._rest.close()

    def _take(self, size: int) -> bytes:
        content = self._raw.read(size)
        self._leaves.feed(content)
        self._lines += _line_ends(content)
        return content


def _write(file: IO[bytes], content: bytes) -> None:
    try:
        file.write(content)
        file.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable(
            "The worker's disk for temporary files is full.", hint="It is tried again; a smaller file may go through."
        ) from error


def _line_ends(content: bytes) -> int:
    """How many there are, of any kind; one more where a pair is cut in two."""
    feeds = count_byte(content, b"\n")
    return feeds + (content.count(b"\r") - content.count(b"\r\n") if b"\r" in content else 0)
