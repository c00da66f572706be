"""SQL that compares rows of two relations, each known by its alias."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.dictionary.names import quote, quote_literal


def equal(left: str, columns: Sequence[str], right: str, others: Sequence[str]) -> str:
    """The condition that ``columns`` of one row equal ``others`` of another, in the same order; null equals nothing."""
    pairs = zip(columns, others, strict=True)
    return " AND ".join(f"{left}.{quote(mine)} = {right}.{quote(theirs)}" for mine, theirs in pairs)


def differ(left: str, right: str, columns: Sequence[str]) -> str:
    """The condition that two rows have another value in one of these columns, one at least; null equals null."""
    sides = (", ".join(f"{side}.{quote(name)}" for name in columns) for side in (left, right))
    return " IS DISTINCT FROM ".join(f"ROW({side})" for side in sides)


def differing(left: str, right: str, columns: Sequence[str]) -> str:
    """An expression for the names of the columns in which two rows differ, joined by commas."""
    names = ", ".join(
        f"CASE WHEN {left}.{quote(name)} IS DISTINCT FROM {right}.{quote(name)} THEN {quote_literal(name)} END"
        for name in columns
    )
    return f"concat_ws(', ', {names})"
