"""Exceptions as lines tell them: what kind, where, and what the database or AWS calls it, without any value.

Messages are left out. Postgres puts whole rows into them ("Key (id)=(7) already exists", "invalid input syntax"), and
so do parsers and conversions of Python. Only what is known to name parts, and not what is in them, is told.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

from chalicelib.errors import DecantError, Unavailable

_MOST_FRAMES = 30
_MOST_CAUSES = 5
# Fields of Postgres's errors that name things: https://www.postgresql.org/docs/current/protocol-error-fields.html
_POSTGRES = {"C": "sqlstate", "s": "schema", "t": "table", "c": "column", "n": "constraint"}


def told(error: BaseException) -> list[dict[str, Any]]:
    """The error and what led to it, outermost first, each with the frames that it passed."""
    return [_told(each) for each in _causes(error)]


def _told(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        **_names(error),
        "frames": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
        ],
    }


def _names(error: BaseException) -> dict[str, Any]:
    if isinstance(error, DecantError):
        # What is down is named by ourselves, with what AWS says of it; other details may hold what a caller sent.
        return {"code": error.code, **({"detail": error.detail} if isinstance(error, Unavailable) else {})}
    if isinstance(error, OSError):
        return {"errno": error.errno}
    response = getattr(error, "response", None)
    if isinstance(response, dict) and isinstance(response.get("Error"), dict):  # botocore's ClientError
        said = response["Error"]
        return {"code": said.get("Code"), "operation": getattr(error, "operation_name", None)}
    if error.args and isinstance(error.args[0], dict):  # pg8000 gives the fields of the protocol
        fields = error.args[0]
        return {name: fields[field] for field, name in _POSTGRES.items() if field in fields}
    return {}


def _causes(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if following is None:
            return
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
