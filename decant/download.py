"""Downloads into files, which are there whole or not at all."""

from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from decant.failures import Unreachable

_BLOCK = 256 * 1024


def save(content: BinaryIO, file: Path) -> None:
    """Write what was opened into a file, which is there whole or not at all, and close it.

    Raises Unreachable when the connection ends before all has come, OSError when the file can't be written.
    """
    unfinished = file.with_name(f".{file.name}.part")
    try:
        with content, unfinished.open("wb") as out:
            for block in _blocks(content):
                out.write(block)
            came = out.tell()
        due = _due(content)
        if due not in (None, came):
            raise _broken_off(f"{came:,} of {due:,} bytes came")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _blocks(content: BinaryIO) -> Iterator[bytes]:
    try:
        while block := content.read(_BLOCK):
            yield block
    except (OSError, HTTPException) as error:
        raise _broken_off(str(error)) from error


def _due(content: BinaryIO) -> int | None:
    """How long an HTTP answer said it is: reading it in blocks does not tell when the connection ends early."""
    told = getattr(content, "headers", {}).get("Content-Length")
    return None if told is None else int(told)


def _broken_off(told: str) -> Unreachable:
    return Unreachable(f"The download broke off: {told}.", hint="Try again.")
