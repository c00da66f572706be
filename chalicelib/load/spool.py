"""A temporary file that one thread writes while another reads it."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from chalicelib.errors import Unavailable

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Spool:
    """Bytes in the order they are written: who reads waits for those that are not there yet.

    To make and to write one raise Unavailable when the worker's disk does not take it: another worker has one of its
    own.
    """

    def __init__(self) -> None:
        with _another_disk_may_do():
            # Without a buffer, in which what a full disk does not take would wait, and fail whoever reads.
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close
        self._written = self._read = 0
        self._ended = False
        self._changed = Condition()

    def write(self, content: bytes) -> None:
        """Put it behind what is there."""
        with self._changed:
            with _another_disk_may_do():
                self._file.seek(self._written)
                rest = memoryview(content)
                while rest:
                    rest = rest[self._file.write(rest) :]
            self._written += len(content)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more is written."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def read(self, size: int = -1) -> bytes:
        """As a file does: fewer bytes than asked are the last ones."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or 0 <= size <= self._written - self._read)
            there = self._written - self._read
            self._file.seek(self._read)
            content = self._file.read(there if size < 0 else min(size, there))
            self._read += len(content)
            return content

    def close(self) -> None:
        """Give up what was written."""
        self._file.close()


@contextmanager
def _another_disk_may_do() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # The first temporary file of a process looks for a folder that takes one: where all are full, it finds none.
        code = errno.errorcode.get(error.errno or 0, "unknown")
        reason = "is full" if error.errno in _FULL else f"is full, or can't be used ({code})"
        raise Unavailable(
            f"The worker's disk for temporary files {reason}.",
            hint="It is tried again; a smaller file may go through.",
        ) from error
