"""How long work may go on: the one rule that everything which stops in time follows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import OutOfTime
from chalicelib.time_left import TimeLeft

SECONDS = st.floats(0, 100_000, allow_nan=False)


class Clock:
    """Stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@given(whole=st.floats(0.1, 900), passed=st.floats(0, 1_000))
def test_work_stops_before_its_function_is_ended_and_cleaning_up_does_too(whole: float, passed: float) -> None:
    clock = Clock()
    time_left = TimeLeft(clock)
    with time_left.ends_in(whole):
        clock.now += passed
        until_killed = whole - passed
        work = time_left.seconds
        with time_left.to_clean_up():
            cleaning = time_left.seconds
            assert cleaning + time_left.grace < until_killed
        assert time_left.seconds == work
        # Whoever waits for others outlasts these, and is done before the cleaning up has to be.
        assert work < work + time_left.grace < cleaning
        assert 0 < until_killed - work <= whole / 4 + 1e-6
        assert until_killed - work <= 30 + 1e-6


@given(whole=st.floats(120, 900))
def test_of_a_long_time_half_a_minute_is_kept_back(whole: float) -> None:
    time_left = TimeLeft(Clock())
    with time_left.ends_in(whole):
        assert time_left.seconds == pytest.approx(whole - 30)


@given(whole=SECONDS, passed=SECONDS)
def test_the_check_raises_exactly_when_nothing_is_left(whole: float, passed: float) -> None:
    clock = Clock()
    time_left = TimeLeft(clock)
    with time_left.ends_in(whole):
        clock.now += passed
        if time_left.seconds > 0:
            time_left.check()
        else:
            with pytest.raises(OutOfTime):
                time_left.check()
    time_left.check()  # what comes after has no end


@pytest.mark.parametrize("context", [None, SimpleNamespace(aws_request_id="r")])
def test_without_a_context_that_tells_there_is_no_end(context: object) -> None:
    clock = Clock()
    time_left = TimeLeft(clock)
    with time_left.ends_with(context):
        clock.now += 10**9
        time_left.check()


def test_the_context_of_lambda_tells_the_end() -> None:
    clock = Clock()
    time_left = TimeLeft(clock)
    with time_left.ends_with(SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)):
        assert time_left.seconds == pytest.approx(870)
        clock.now += 870
        with pytest.raises(OutOfTime, match="time was over"):
            time_left.check()
