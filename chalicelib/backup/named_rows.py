"""How rows that keep a restore from being done are named: by their keys, the first few of them."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.dictionary.names import quote

LISTED_ROWS = 5


def joined(alias: str, columns: Sequence[str]) -> str:
    """An SQL expression for the values of several columns as one text."""
    return "concat_ws('/', " + ", ".join(f"CAST({alias}.{quote(name)} AS text)" for name in columns) + ")"


def named(listed: Sequence[str], count: int) -> str:
    """``count`` rows in words, the first of which are ``listed``."""
    more = f" and {count - len(listed)} more" if count > len(listed) else ""
    return f"{'Row' if count == 1 else 'Rows'} {', '.join(listed)}{more}"
