"""Processes that outlive the command which started them: recorded, recognized, stopped by id."""

import contextlib
import json
import time
from pathlib import Path

import psutil


class ProcessRecord:
    """A file that names one process by id and time of birth, so that a recycled id is never taken for it."""

    def __init__(self, file: Path) -> None:
        self._file = file.absolute()

    def write(self, pid: int) -> None:
        """Record a process; one that has ended already is not found again."""
        try:
            born = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return
        self._file.write_text(json.dumps({"pid": pid, "born": born, "file": str(self._file)}))

    def find(self) -> psutil.Process | None:
        """Give the recorded process if it still runs."""
        try:
            record = json.loads(self._file.read_text())
            process = psutil.Process(record["pid"])
            # A copied checkout holds a copied record: the process is the original's.
            same = record["file"] == str(self._file) and abs(process.create_time() - record["born"]) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
            return None

    def stop(self, seconds: float) -> bool:
        """Ask the process to end, wait, then end it and its children by force; tell whether it ended by itself."""
        process = self.find()
        orderly = True
        if process is not None:
            children = process.children(recursive=True)
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
            orderly = not _wait([process], seconds)
            for left in _wait([process, *children], 2 if orderly else 0):
                with contextlib.suppress(psutil.NoSuchProcess):
                    left.kill()
            _wait([process, *children], 5)
        self._file.unlink(missing_ok=True)
        return orderly


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for processes to end; give those that did not. A zombie has ended: its parent may never ask."""
    deadline = time.monotonic() + seconds
    while alive := [process for process in processes if process.is_running() and not _is_zombie(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return alive


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
