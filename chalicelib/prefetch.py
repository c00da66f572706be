"""Work ahead: while one item is used, the next ones are made in a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def prefetched(items: Iterable[Item], ahead: int) -> Iterator[Item]:
    """The same items in the same order, up to ``ahead`` of them made before they are asked for.

    They are made by one thread, one after the other. What making one raises is raised where it would be used.
    """
    iterator = iter(items)
    end = object()
    pending: deque[Future[Item | object]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as thread:
        try:
            for _ in range(ahead):
                pending.append(thread.submit(next, iterator, end))
            while (item := pending.popleft().result()) is not end:
                pending.append(thread.submit(next, iterator, end))
                yield item  # type: ignore[misc]
        finally:
            thread.shutdown(wait=True, cancel_futures=True)
