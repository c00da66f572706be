"""The ports of ``chalicelib.ports``, each call of which may fail by a plan, before or after it was done."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

from chalicelib.errors import Unavailable
from chalicelib.ports import Catalog, Database, Queue, Storage, Transaction
from chalicelib.wiring import Services


@dataclass
class Plan:
    """Which calls fail, counted from 1 over all ports: before anything was done, or ``lost``, when all was.

    ``waits`` are the calls that have gone by.
    """

    faults: Mapping[int, str]
    calls: int = 0
    met: int = 0

    def next(self, what: str) -> Callable[[], None]:
        """Count a call. Raises Unavailable if it is to fail before; what is returned does if it is to fail after."""
        self.calls += 1
        fault = self.faults.get(self.calls)
        self.met += fault is not None
        error = Unavailable(f"Planned: {what} {fault} (call {self.calls}).")
        if fault == "down":
            raise error

        def after() -> None:
            if fault == "lost":
                raise error

        return after


class _Planned:
    def __init__(self, inner: Any, plan: Plan, port: type) -> None:
        self._inner = inner
        self._plan = plan
        self._methods = {name for name, each in vars(port).items() if callable(each) and not name.startswith("_")}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._methods:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            after = self._plan.next(name)
            answer = found(*arguments, **named)
            after()
            return answer

        return call


class _PlannedStorage(_Planned):
    def open(self, key: str, version: str | None = None, *, first: int = 0, last: int | None = None) -> BinaryIO:
        after = self._plan.next("open")
        stream = self._inner.open(key, version, first=first, last=last)
        return cast(BinaryIO, io.BufferedReader(_Breaking(stream, after), 64))

    @contextmanager
    def write(self, key: str) -> Iterator[BinaryIO]:
        after = self._plan.next("write")
        with self._inner.write(key) as stream:
            yield stream
        after()


class _Breaking(io.RawIOBase):
    """A body that breaks off after its first bytes, if that is the plan."""

    def __init__(self, stream: BinaryIO, after: Callable[[], None]) -> None:
        super().__init__()
        self._stream = stream
        self._after = after
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._read:
            self._after()
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        self._read += 1
        return len(content)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _PlannedDatabase:
    def __init__(self, inner: Database, plan: Plan) -> None:
        self._inner = inner
        self._plan = plan

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        after = self._plan.next("transaction")
        with self._inner.transaction(snapshot=snapshot) as transaction:
            yield transaction
            self._plan.next("commit")()  # not heard in either case
        after()


def planned(services: Services, plan: Plan) -> Services:
    """The services, each part of which fails by the plan."""
    parts: dict[str, Any] = {
        "database": _PlannedDatabase(services.database, plan),
        "intake": _PlannedStorage(services.intake, plan, Storage),
        "backups": _PlannedStorage(services.backups, plan, Storage),
        "catalog": _Planned(services.catalog, plan, Catalog),
        "queue": _Planned(services.queue, plan, Queue),
    }
    return replace(services, **parts)
