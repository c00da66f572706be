"""Doing the next piece of work while the last one is being used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
_END: Any = object()


@contextmanager
def ahead(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """The same items, each made in another thread while the caller works on the one before.

    ``items`` is never asked by two threads at once, and no longer when the context ends: a connection that it reads
    from is then free.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as thread:

        def made() -> Iterator[Item]:
            coming: Future[Item] = thread.submit(next, items, _END)
            while (item := coming.result()) is not _END:
                coming = thread.submit(next, items, _END)
                yield item

        yield made()
