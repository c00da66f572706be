"""What every line is about: the request, its caller, and the run that is at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=_NOTHING)


def about(**keys: str | None) -> None:
    """Have all lines from here on name these, such as ``run_id``, until the invocation ends."""
    _about.set({**_about.get(), **{name: value for name, value in keys.items() if value}})


def subject() -> Mapping[str, str]:
    """What lines name at this moment."""
    return _about.get()


@contextmanager
def anew(**keys: str | None) -> Iterator[None]:
    """Name these and nothing else, until the context ends."""
    before = _about.set(_NOTHING)
    try:
        about(**keys)
        yield
    finally:
        _about.reset(before)
