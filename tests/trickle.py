"""A stream that comes slowly."""

from __future__ import annotations

import io


class Trickle(io.BytesIO):
    """A stream that gives at most a few bytes at a time, as sockets do."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, self._most) if size and size > 0 else self._most)
