"""Runs, watched until they end: bars on a terminal, a line for each change of state elsewhere."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from decant.client import ENDED, POLL_SECONDS, Client, Run
from decant.failures import Unreachable

PATIENCE_SECONDS = 180
_LONGEST_PAUSE = 2.0
# Rows are for whom the run waits; all else is taken up within seconds.
_PATIENT = "waiting"
Runs = dict[str, Run]


class Watch:
    """Shows what becomes of files by their names: how far each is uploaded, and then its run.

    On a terminal the bars go away at the end, for the result tells the same.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start to draw."""
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop drawing."""
        if self._console.is_terminal:
            self._bars.stop()

    def sent(self, name: str, sent: int, size: int) -> None:
        """Show how many bytes of a file are sent."""
        self._say(name, "uploading", f"uploading, {sent * 100 // size if size else 100} %", sent, size)

    def show(self, runs: Mapping[str, Run]) -> None:
        """Show the runs as they are now."""
        for name, run in runs.items():
            over = run["state"] in ENDED
            state = run["state"] if over else run.get("phase") or run["state"]
            rows, expected = run.get("progress"), run.get("expected")
            more = f"{state}, {rows:,} rows" if rows and not over else state
            done, total = (1, 1) if over else (rows or 0, expected) if expected else (0, None)
            self._say(name, state, more, done, total)

    def _say(self, name: str, state: str, more: str, done: int, total: int | None) -> None:
        if self._console.is_terminal:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(_short(name), total=None, state="")
            self._bars.update(self._tasks[name], total=total, completed=done, state=more)
        elif self._said.get(name) != state:
            self._console.print(f"  {name}: {state}", highlight=False, markup=False, soft_wrap=True)
        self._said[name] = state


def follow(client: Client, runs: Mapping[str, str], show: Callable[[Runs], object]) -> Runs:
    """Wait until runs, ids by name, have ended, showing all of them at each look. Raises CommandError."""
    over: Runs = {}

    def look() -> Runs:
        found = {name: over.get(name) or client.run(run_id) for name, run_id in runs.items()}
        over.update({name: run for name, run in found.items() if run["state"] in ENDED})
        return found

    return wait(look, len(runs), show)


def wait(look: Callable[[], Runs], count: int, show: Callable[[Runs], object]) -> Runs:
    """Look again and again until so many runs are found and have ended.

    Raises Unreachable when nothing moves for PATIENCE_SECONDS, unless a run says that it waits its turn.
    """
    seen: Runs = {}
    moved, pause = time.monotonic(), POLL_SECONDS
    while len(seen) < count or any(run["state"] not in ENDED for run in seen.values()):
        found = look()
        if found != seen:
            seen, moved, pause = found, time.monotonic(), POLL_SECONDS
            show(seen)
            continue
        waits = any(run["state"] == _PATIENT for run in seen.values())
        if not waits and time.monotonic() - moved > PATIENCE_SECONDS:
            open_runs = ", ".join(name for name, run in seen.items() if run["state"] not in ENDED)
            raise Unreachable(
                f"Nothing has moved for {PATIENCE_SECONDS} s ({open_runs or 'no run has begun'}).",
                hint="`decant dead-letters` tells why, and on the local stack `decant logs`.",
            )
        time.sleep(pause)
        pause = min(pause * 1.2, _LONGEST_PAUSE)
    return seen


def _short(name: str) -> str:
    return name if len(name) <= 32 else f"…{name[-31:]}"
