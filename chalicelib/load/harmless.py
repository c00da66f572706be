"""Cells of a CSV that no spreadsheet runs. What it would take for a formula gets an apostrophe, which can be undone."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

# What a spreadsheet takes for a formula, and no plain number; with any apostrophes before it, so that it can be undone.
# https://owasp.org/www-community/attacks/CSV_Injection
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_MADE_HARMLESS = "^'('*[=+\\-@\t\r])"


def harmless(text: str) -> str:
    """A cell of a CSV that no spreadsheet will run: an apostrophe goes before what begins as a formula does.

    Before what begins so behind apostrophes of its own as well, so that ``as_meant`` can undo it.
    """
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text) else text


def as_meant(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells without the apostrophes that ``harmless`` put there."""
    return pc.replace_substring_regex(cells, _MADE_HARMLESS, r"\1")
