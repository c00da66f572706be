"""Stops a server when the process that needs it has gone, however it went (SIGKILL included)."""

import os
import subprocess
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, ClassVar, Self

# `read` returns when the pipe's other end closes: at the owner's end of life, nothing is written to it.
_WATCH = 'read -r _; kill -s "$1" "$2"'


class Guard:
    """Sends `signal` to `pid` once this process has ended without `release()`."""

    def __init__(self, pid: int, signal: str) -> None:
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "decant-guard", signal, str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath},
            start_new_session=True,  # Ctrl-C at a terminal is for the owner, which then stops the server in order
        )

    def release(self) -> None:
        """Let the server be; to be called when it has been stopped."""
        self._watcher.kill()
        self._watcher.wait()
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()


class GuardedServer(ABC):
    """A server that as a context manager ends with the block, or with this process, whichever ends first."""

    _stop_signal: ClassVar[str]
    _guard: Guard | None = None

    @property
    @abstractmethod
    def pid(self) -> int | None:
        """The process of the running server; None when it does not run."""

    @abstractmethod
    def start(self) -> Any:
        """Start the server and wait until it answers; it outlives this process."""

    @abstractmethod
    def stop(self) -> Any:
        """Stop the server and `unguard` it; nothing happens when it does not run."""

    def __enter__(self) -> Self:
        """Start the server, and have it stopped should this process be killed."""
        try:
            self.start()
            if self.pid is not None:
                self._guard = Guard(self.pid, self._stop_signal)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop the server."""
        self.stop()

    def unguard(self) -> None:
        """Forget about the server, which has been stopped."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.release()
