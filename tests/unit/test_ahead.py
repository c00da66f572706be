"""Items that are made ahead of their use."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from chalicelib.backup.ahead import ahead


def test_all_items_come_in_their_order_made_in_another_thread() -> None:
    makers = set()

    def items() -> Iterator[int]:
        for number in range(5):
            makers.add(threading.current_thread())
            yield number

    with ahead(items()) as made:
        assert list(made) == [0, 1, 2, 3, 4]
    assert threading.current_thread() not in makers


def test_one_item_is_made_while_the_one_before_is_used() -> None:
    asked = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(asked):
            event.set()
            yield number

    with ahead(items()) as made:
        assert next(made) == 0
        assert asked[1].wait(10)
        assert not asked[2].is_set()


def test_what_goes_wrong_is_raised_where_the_item_is_asked_for() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with ahead(items()) as made:
        assert next(made) == 1
        with pytest.raises(ValueError, match="broken"):
            next(made)


def test_who_stops_early_finds_nothing_running() -> None:
    running = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        running.set()
        threading.Event().wait(0.05)
        running.clear()
        yield 2

    def use() -> None:
        with ahead(items()) as made:
            next(made)
            assert running.wait(10)
            raise LookupError

    with pytest.raises(LookupError):
        use()
    assert not running.is_set()
