"""What a target of the fuzzer is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """``check`` does its work with any bytes and raises AssertionError, or whatever it meets, when a promise is broken.

    ``seeds`` are the inputs to begin with, ``tokens`` what mutations may put in, ``longest`` how many bytes one has.
    """

    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    tokens: Sequence[bytes]
    longest: int
