"""Markdown, of what the generated documents are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_MADE = "<!-- Made by `make reference`; a change here is lost. -->"


def document(title: str, *parts: str) -> str:
    """A document, its parts apart by a blank line."""
    return "\n\n".join([f"# {title}", _MADE, *(part for part in parts if part)]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, whose cells may hold anything; empty without rows."""
    lines = [_row([_cell(cell) for cell in row]) for row in rows]
    return "\n".join([_row(heads), _row([":--"] * len(heads)), *lines]) if lines else ""


def code(text: str) -> str:
    """Text as code within a line; nothing for no text."""
    return f"`{text}`" if text else ""


def block(text: str, language: str) -> str:
    """Text as a block of code."""
    return f"```{language}\n{text}\n```"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")
