"""What `make deploy` and `make destroy` show: what is planned, each resource as it is done, and how long it took."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.status import Status

from infra.deployment.changes import Change
from infra.deployment.watching import Event

_SHOWN_UNDER_WAY = 3


class Progress:
    """Tells a console of stacks, as a `Watcher`. On a terminal a line at the bottom names what is under way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._under_way: dict[str, float] = {}
        self._status: AbstractContextManager[Any] = console.status("") if console.is_terminal else nullcontext()

    def __enter__(self) -> Self:
        """Start to draw."""
        self._status.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the line at the bottom away."""
        self._status.__exit__(kind, error, at)

    def say(self, line: str) -> None:
        """Print a line."""
        self._print(line)

    def heading(self, line: str) -> None:
        """Print a line that stands out, with the time since the beginning: something else is under way now."""
        self._under_way.clear()
        self._draw()
        self._print(f"{self._elapsed(self._began)} {line}", "bold")

    def began(self, stack: str) -> None:
        """See ``Reporter``."""
        self.heading(stack)

    def ended(self, _stack: str, changed: bool) -> None:
        """See ``Reporter``."""
        self.say("         up to date now" if changed else "         nothing to do")

    def planned(self, _stack: str, changes: Sequence[Change]) -> None:
        """See ``Watcher``."""
        counted = {action: sum(change.action == action for change in changes) for action in ("Add", "Modify", "Remove")}
        self.say(f"         {counted['Add']} to make, {counted['Modify']} to change, {counted['Remove']} to delete")
        for change in changes:
            if change.action != "Add":
                self.say(f"           {change}")

    def happened(self, stack: str, event: Event) -> None:
        """See ``Watcher``."""
        where = f"{stack}/{event.resource}"
        if event.state.endswith("_IN_PROGRESS"):
            self._under_way.setdefault(where, time.monotonic())
        else:
            taken = self._elapsed(self._under_way.pop(where, time.monotonic()))
            line = f"{self._elapsed(self._began)}   {event.state:<24} {event.resource} ({event.kind}), {taken.strip()}"
            failed = event.state.endswith("_FAILED")
            self._print(f"{line}: {event.reason}" if failed else line, "red" if failed else None)
        self._draw()

    def _print(self, line: str, style: str | None = None) -> None:
        # As it is: names of AWS hold what rich takes for markup and emoji.
        self._console.print(line, style=style, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def _draw(self) -> None:
        if isinstance(self._status, Status):
            names = [where.rpartition("/")[2] for where in self._under_way]
            more = f" and {len(names) - _SHOWN_UNDER_WAY} more" if len(names) > _SHOWN_UNDER_WAY else ""
            self._status.update(f"{', '.join(names[:_SHOWN_UNDER_WAY])}{more}" if names else "")

    @staticmethod
    def _elapsed(since: float) -> str:
        seconds = int(time.monotonic() - since)
        return f"{seconds // 60:>3}m{seconds % 60:02}s "
