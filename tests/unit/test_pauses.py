"""Tries are spread over time, and have an end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.work.pauses import growing, spread

LONGEST_OF_SQS = 900


@given(st.floats(-1e6, 600))
def test_a_pause_is_as_long_as_asked_for_and_at_most_half_as_long_again(seconds: float) -> None:
    pause = spread(seconds)
    assert round(max(0, seconds)) <= pause <= round(max(0, seconds) * 1.5)
    assert 0 <= pause <= LONGEST_OF_SQS


def test_who_failed_together_does_not_come_back_together() -> None:
    assert len({growing(6) for _ in range(100)}) > 20


@given(st.integers(0, 10**6))
def test_pauses_grow_up_to_some_minutes(tries: int) -> None:
    assert min(300, 5 * 2 ** min(tries, 6)) <= growing(tries) <= 450
