"""The plot: for each piece of work a bar for each contestant, as an SVG that needs no library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

from bench import names
from bench.figures import Series, Works
from bench.report import seconds

_WIDTH, _NAMES, _FIGURES = 900, 230, 110
_LINE, _TITLE, _MARGIN = 24, 40, 20
_OURS, _THEIRS = "#1f6feb", "#8c959f"
_STYLE = (
    "text { font: 13px system-ui, sans-serif; fill: #1f2328 } "
    ".title { font-weight: 600; font-size: 15px } .end { text-anchor: end }"
)


def draw(works: Works) -> str:
    """Draw the works that have a peer: medians as bars, from the fastest round to the slowest as a line on them."""
    shown = {work: found for work, found in works.items() if len(_bars(found)) > 1}
    height = 2 * _MARGIN + sum(_TITLE + _LINE * len(_bars(found)) for found in shown.values())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        "<title>Median seconds of each contestant, by piece of work; shorter is better</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    top = _MARGIN
    for work, found in shown.items():
        parts += _panel(work, _bars(found), top)
        top += _TITLE + _LINE * len(_bars(found))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bars(found: Mapping[str, Series]) -> Mapping[str, Series]:
    return {name: series for name, series in found.items() if name not in (names.IN_FUNCTION, names.INDEXED)}


def _panel(work: str, bars: Mapping[str, Series], top: float) -> Iterator[str]:
    yield f'<text class="title" x="{_MARGIN}" y="{top + 24}">{escape(work)}</text>'
    longest = max(max(series.seconds) for series in bars.values())
    scale = (_WIDTH - _NAMES - _FIGURES - _MARGIN) / longest
    for number, (name, series) in enumerate(bars.items()):
        y = top + _TITLE + number * _LINE
        middle, end = y + 8, _NAMES + max(series.seconds) * scale
        colour = _OURS if name == names.OURS else _THEIRS
        yield f'<text class="end" x="{_NAMES - 10}" y="{y + 13}">{escape(name)}</text>'
        yield f'<rect x="{_NAMES}" y="{y}" width="{series.median * scale:.1f}" height="16" fill="{colour}"/>'
        yield (
            f'<line x1="{_NAMES + min(series.seconds) * scale:.1f}" x2="{end:.1f}" y1="{middle}" y2="{middle}" '
            'stroke="#1f2328" stroke-width="1.5"/>'
        )
        yield f'<text x="{end + 8:.1f}" y="{y + 13}">{escape(seconds(series.median))}</text>'
