"""A stretch of a stream."""

from __future__ import annotations

import io
from typing import Any, BinaryIO


class UpTo(io.RawIOBase):
    """The next bytes of a stream, and no more of them than that."""

    def __init__(self, stream: BinaryIO, left: int) -> None:
        super().__init__()
        self._stream = stream
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(max(0, min(self._left, len(buffer))))
        buffer[: len(content)] = content
        self._left -= len(content)
        return len(content)

    def close(self) -> None:
        self._stream.close()
        super().close()
