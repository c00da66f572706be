"""How long a file waits for its turn, whole or in parts: up to a limit, behind which something else is wrong."""

from __future__ import annotations

import datetime as dt

from chalicelib.errors import Unavailable
from chalicelib.load.turns import InHand, NotItsTurn

# A load ends with its worker, within 15 minutes; so long a queue of them means that something else is wrong.
LONGEST_TURN = 6 * 3600


def waited(since: dt.datetime | None, moment: dt.datetime) -> float:
    """For how many seconds a task has waited; none when the clock of the worker before was ahead of this one's."""
    return max(0.0, (moment - (since or moment)).total_seconds())


def refuse_to_wait_on(error: NotItsTurn, seconds: float) -> None:
    """Raise Unavailable when the file has waited for as long as it may, so that its tries are counted from now on."""
    if seconds < LONGEST_TURN:
        return
    if isinstance(error, InHand):
        raise error
    raise Unavailable(
        f"For {LONGEST_TURN // 3600} hours it was not the file's turn. {error.detail}",
        hint="See what keeps the table (docs/runbook.md, A load waits), then redrive it.",
    ) from error
