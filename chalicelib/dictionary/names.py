"""The one quoter of SQL identifiers and literals, and the one rule for the names a dictionary may give."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from chalicelib.errors import DictionaryError

# Postgres cuts an identifier at 63 bytes; staging tables and constraints put up to 15 more before or behind a name.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")

_OURS = "decant_"


def check_name(name: str, what: str) -> str:
    """Return ``name`` when a dictionary may use it for a table or column; ``what`` names it in the error."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise DictionaryError(
            f"{what} is named {name!r}.",
            hint="A name takes letters, digits and _, begins with no digit and has at most 48 characters.",
        )
    if name.lower().startswith(_OURS):
        raise DictionaryError(f"{what} is named {name!r}.", hint=f"Names that begin with {_OURS} are Decant's own.")
    return name


def quote(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_all(names: tuple[str, ...] | list[str]) -> str:
    """Quote SQL identifiers and join them by commas, in order."""
    return ", ".join(quote(name) for name in names)


def quote_literal(value: Any) -> str:
    """Write a value of a column as an SQL literal, for statements that take no parameters (DDL and COPY)."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    text = value.isoformat() if isinstance(value, dt.date) else str(value)
    return "'" + text.replace("'", "''") + "'"
