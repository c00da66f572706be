"""Stops a server when the process that needs it has gone, however it went (SIGKILL included)."""

import os
import subprocess

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
