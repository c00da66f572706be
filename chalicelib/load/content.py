"""The content of a file while it is read: hashed on its way, and fetched ahead where others would wait for it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import BinaryIO

from chalicelib.load.bytes_seen import count_byte
from chalicelib.load.digest import Leaves, content_digest
from chalicelib.load.spool import Spool

_BLOCK = 2**20


class Content:
    """A stream that hashes what is read of it. It may be read by another thread than the one that has it fetched."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._leaves = Leaves()
        self._lines = 0
        self._reading = Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fetch")
        self._rest: Spool | None = None
        self._fetched: Future[int] | None = None
        self._closed = False

    def read(self, size: int = -1) -> bytes:
        """As a file does."""
        with self._reading:
            if self._rest is None or self._fetched is None:
                return self._take(size)
            content = self._rest.read(size)
            if not 0 <= size <= len(content):
                self._fetched.result()  # raises what kept the rest from coming
            return content

    def fetch(self) -> Future[int]:
        """Begin to get what is left into a temporary file; what is there may be read meanwhile.

        When all is there, so that reading it waits for nobody, the future tells how many lines the file has: line ends
        inside cells count as well. It raises what the stream raises, and Unavailable when the worker's disk is full.
        """
        with self._reading:
            if self._rest is None or self._fetched is None:
                self._rest = Spool()
                self._fetched = self._thread.submit(self._fetch, self._rest)
            return self._fetched

    def digest(self) -> str:
        """What the whole stream is known by, which is read to its end first; see ``digest``."""
        if self._fetched:
            self._fetched.result()
        while self._take(_BLOCK):
            pass
        return content_digest(self._leaves.digests())

    def close(self) -> None:
        """Close the stream below, and give up what was fetched, or is being fetched."""
        self._closed = True
        self._thread.shutdown()
        self._raw.close()
        if self._rest:
            self._rest.close()

    def _fetch(self, rest: Spool) -> int:
        try:
            while not self._closed and (content := self._take(_BLOCK)):
                rest.write(content)
        finally:
            rest.end()
        return self._lines + 1

    def _take(self, size: int) -> bytes:
        content = self._raw.read(size)
        self._leaves.feed(content)
        self._lines += _line_ends(content)
        return content


def _line_ends(content: bytes) -> int:
    """How many there are, of any kind; one more where a pair is cut in two."""
    feeds = count_byte(content, b"\n")
    return feeds + (content.count(b"\r") - content.count(b"\r\n") if b"\r" in content else 0)
