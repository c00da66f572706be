"""Marks ─▶ SVG 1.1 (https://www.w3.org/TR/SVG11/): one file that needs nothing else, and holds no script or style.

It looks by attributes alone, which no Content-Security-Policy forbids, on white, which prints.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from chalicelib.metrics.bar_chart import Box, Group, Mark, Rule, Text

_INK, _QUIET, _DEEP, _PALE = "#1c2430", "#4f5b6b", "#1f4e79", "#cfe0f1"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
# Solid, stripes, pale, dots: told apart on paper without colour too.
_FILLS = (
    f'<rect width="8" height="8" fill="{_DEEP}"/>',
    f'<rect width="6" height="6" fill="{_PALE}"/><path d="M-1 1l2-2M0 6l6-6M5 7l2-2" stroke="{_DEEP}" '
    'stroke-width="1.6"/>',
    f'<rect width="8" height="8" fill="{_PALE}"/>',
    f'<rect width="5" height="5" fill="#ffffff"/><circle cx="2.5" cy="2.5" r="1.1" fill="{_DEEP}"/>',
)
_TILES = (8, 6, 8, 5)


def svg(name: str, title: str, description: str, marks: Iterable[Mark], width: float, height: float) -> str:
    """The picture; ``name`` begins its identifiers, which must differ where several stand in one page."""
    patterns = "".join(
        f'<pattern id="{name}-{number}" width="{tile}" height="{tile}" patternUnits="userSpaceOnUse">{fill}</pattern>'
        for number, (tile, fill) in enumerate(zip(_TILES, _FILLS, strict=True))
    )
    drawn = "\n".join(_mark(mark, name) for mark in marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="{_n(width)}" height="{_n(height)}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" role="img" aria-labelledby="{name}-title {name}-desc" '
        f'font-family="{_FONT}">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n<desc id="{name}-desc">{escape(description)}</desc>\n'
        f'<defs>{patterns}</defs>\n<rect width="{_n(width)}" height="{_n(height)}" fill="#ffffff"/>\n{drawn}\n</svg>\n'
    )


def _mark(mark: Mark, name: str) -> str:
    match mark:
        case Group():
            inside = "".join(_mark(each, name) for each in mark.marks)
            return f"<g><title>{escape(mark.title)}</title>{inside}</g>"
        case Text():
            bold = ' font-weight="600"' if mark.bold else ""
            anchor = f' text-anchor="{mark.anchor}"' if mark.anchor != "start" else ""
            ink = _QUIET if mark.quiet else _INK
            place = f'x="{_n(mark.x)}" y="{_n(mark.y)}" font-size="{_n(mark.size)}"'
            return f'<text {place} fill="{ink}"{anchor}{bold}>{escape(mark.text)}</text>'
        case Box():
            place = f'x="{_n(mark.x)}" y="{_n(mark.y)}" width="{_n(mark.width)}" height="{_n(mark.height)}"'
            if mark.series is None:
                return f'<rect {place} rx="6" fill="none" stroke="{_QUIET}" stroke-dasharray="5 4"/>'
            fill = f"url(#{name}-{mark.series % len(_FILLS)})"
            return f'<rect {place} fill="{fill}" stroke="{_DEEP}" stroke-width="0.75"/>'
        case Rule():
            place = f'x1="{_n(mark.x1)}" y1="{_n(mark.y1)}" x2="{_n(mark.x2)}" y2="{_n(mark.y2)}"'
            if not mark.dashed:
                return f'<line {place} stroke="{_QUIET}"/>'
            # White below, so that it is seen on a dark bar.
            dashes = f'<line {place} stroke="{_INK}" stroke-width="2" stroke-dasharray="6 4"/>'
            return f'<line {place} stroke="#ffffff" stroke-width="5"/>{dashes}'


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
