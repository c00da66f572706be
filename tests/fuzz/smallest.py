"""Makes an input that fails as small as it goes."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path


def smallest(check: Callable[[bytes], None], content: bytes) -> bytes:
    """The input without whatever can be left out of it, so that it still fails in the same line with the same error.

    Halves are tried first, then quarters, and so on down to single bytes.
    """
    failure = _failure(check, content)
    if failure is None:
        return content
    size = len(content)
    while size:
        at = 0
        while at < len(content):
            shorter = content[:at] + content[at + size :]
            if _failure(check, shorter) == failure:
                content = shorter
            else:
                at += size
        size //= 2
    return content


def _failure(check: Callable[[bytes], None], content: bytes) -> tuple[str, str, int | None] | None:
    """The error's name, and the file and line that raised it."""
    try:
        check(content)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        last = traceback.extract_tb(error.__traceback__)[-1]
        return type(error).__name__, Path(last.filename).name, last.lineno
    return None
