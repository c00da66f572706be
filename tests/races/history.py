"""What several clients did and were told, and whether it could have come about one operation after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.races.model import Operation, State


@dataclass(frozen=True)
class Event:
    """An operation that a client began at one tick of a common clock, and whose answer it had at another."""

    client: int
    operation: Operation
    told: Any
    begun: int
    ended: int

    def __str__(self) -> str:
        return f"client {self.client} [{self.begun}, {self.ended}] {self.operation}\n    was told {self.told}"


def explain(start: State, events: Sequence[Event], is_so: Callable[[State], bool] = lambda _: True) -> State | None:
    """The state after some order of the events that explains all they were told; None when there is no such order.

    What had ended before another began comes before it. ``is_so`` tells whether a state is what is there when all have
    ended: of two clients that changed one row at once, no answer tells who was the last. See Herlihy and Wing,
    Linearizability (1990).
    """
    return _explain([start], [], events, is_so)


def _explain(
    states: list[State], order: list[Event], left: Sequence[Event], is_so: Callable[[State], bool]
) -> State | None:
    if not left:
        return states[-1] if is_so(states[-1]) else None
    for event in left:
        if any(other.ended < event.begun for other in left):
            continue
        # A state lasts until the next event takes effect, which it has done when it ended.
        window = [
            state
            for state, following in zip(states, [*order, None], strict=True)
            if following is None or following.ended > event.begun
        ]
        rest = [other for other in left if other is not event]
        for after in event.operation.outcomes(window, event.told):
            if (explained := _explain([*states, after], [*order, event], rest, is_so)) is not None:
                return explained
    return None
