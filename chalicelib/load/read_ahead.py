"""How far a parser's own thread may read ahead of what it has parsed."""

from __future__ import annotations

from threading import Condition

from chalicelib.load.utf8_stream import Utf8Stream

_SOON_SECONDS = 0.1


class ReadAhead:
    """A stream that is read for so many ``blocks`` at most until there is a sign that the parser gets on.

    A record without an end is none, so little of it is read. Until the parser is ``opened`` its thread waits for a sign
    only shortly: one that can't begin waits for its thread before it tells why. Once reading has ended nobody is at the
    stream any more, which may then be closed.
    """

    closed = False

    def __init__(self, stream: Utf8Stream, blocks: int) -> None:
        self._stream = stream
        self._blocks = self._left = blocks
        self._opened = self._reading = self._ended = False
        self._changed = Condition()

    def read(self, size: int = -1) -> bytes:
        """As a file does; the end where reading has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._left or self._ended, None if self._opened else _SOON_SECONDS)
            if self._ended:
                return b""
            self._left = max(self._left - 1, 0)
            self._reading = True
        try:
            return self._stream.read(size)
        finally:
            with self._changed:
                self._reading = False
                self._changed.notify_all()

    def opened(self) -> None:
        """The parser has begun, and so will get on, or have the reading ended."""
        with self._changed:
            self._opened = True

    def go_on(self) -> None:
        """The parser has got on."""
        with self._changed:
            self._left = self._blocks
            self._changed.notify_all()

    def end(self) -> None:
        """Have nothing more read, and wait for the block that is."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._reading)

    def readable(self) -> bool:
        """As a file does."""
        return True

    def close(self) -> None:
        """Nothing: the caller closes the stream below."""
