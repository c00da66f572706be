"""Wait until a stack has come to rest, so that what a test deletes then stays deleted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from chalicelib.ports import RunState
from tests.e2e.conftest import Call


def settle(call: Call, begun: str, seconds: float = 120) -> None:
    """Wait until every run whose id comes after ``begun`` has ended; fail when some don't in this time.

    One that awaits its upload is none: nobody may ever send the file.
    """
    deadline = time.monotonic() + seconds
    while left := [
        run
        for run in runs_since(call, begun)
        if not RunState(run["state"]).final and run["phase"] != "awaiting the upload"
    ]:
        assert time.monotonic() < deadline, left
        time.sleep(0.3)


def runs_since(call: Call, begun: str) -> Iterator[Any]:
    """The runs whose ids come after one, newest first."""
    path = "/runs?limit=1000"
    while True:
        page = call("GET", path).json
        for run in page["runs"]:
            if run["id"] < begun:
                return
            yield run
        if page["next"] is None:
            return
        path = f"/runs?limit=1000&after={page['next']}"
