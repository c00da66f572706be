"""Bars, stacked and labelled ─▶ marks on a plane: pure geometry, in pixels from the upper left corner.

Every number stands in a column beside its bar, and the heads of the columns are the legend, so that nothing depends on
colours, and nothing is written over a bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.metrics.lettering import joined, told, width

WIDTH = 960
MARGIN = 32
_LABELS = 250
_GAP = 14
_ROW, _BAR = 24, 15
_SIZE, _SMALL, _HEAD = 13, 12, 16
_SWATCH = 12


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; ``x`` is where it begins, ends or has its middle, ``y`` its base line."""

    x: float
    y: float
    text: str
    size: float = _SIZE
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle filled as the ``series``-th of the bars' parts is; None: not filled, with a dashed edge."""

    x: float
    y: float
    width: float
    height: float
    series: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Marks that are one thing, and its title."""

    title: str
    marks: Sequence[Text | Box | Rule]


Mark = Text | Box | Rule | Group


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it stands for, in one word or several, and the lengths of its parts."""

    labels: tuple[str, ...]
    values: tuple[int, ...]

    @property
    def total(self) -> int:
        """The length of the whole bar."""
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars below a heading, longest first, and a note under them; ``line`` is a value that they are held against."""

    title: str
    series: tuple[str, ...]
    bars: Sequence[Bar]
    note: str = ""
    line: tuple[str, float] | None = None


def lay_out(chart: Chart, top: float) -> tuple[list[Mark], float]:
    """The marks of a chart that begins at ``top``, and where it ends."""
    heads = [*chart.series, "Total"] if len(chart.series) > 1 else list(chart.series)
    columns = _columns(chart, heads)
    left, right = MARGIN + _LABELS + _GAP, columns[0][0] - _GAP
    longest = max([bar.total for bar in chart.bars] + ([chart.line[1]] if chart.line else []))
    scale = max(right - left, 0) / longest if longest > 0 else 0.0
    head = top + _HEAD + 4
    marks: list[Mark] = [Text(MARGIN, head, chart.title, _HEAD, bold=True), *_heads(chart, heads, columns, head)]
    first = head + 12 + (18 if chart.line else 0)
    bottom = first + _ROW * len(chart.bars)
    marks.append(Rule(MARGIN, head + 8, WIDTH - MARGIN, head + 8))
    for number, bar in enumerate(chart.bars):
        marks.append(_row(chart, bar, first + _ROW * number, left, scale, columns))
    if chart.line:
        marks += _line(chart.line, left + chart.line[1] * scale, head + 12, bottom, (left, right))
    marks.append(Rule(left, first, left, bottom))
    if chart.note:
        bottom += _ROW
        marks.append(Text(MARGIN, bottom - 6, chart.note, _SMALL, quiet=True))
    return marks, bottom


def lay_out_nothing(told_instead: str, top: float) -> tuple[list[Mark], float]:
    """The marks of a chart that has no bars, and where it ends."""
    height = 120
    box = Box(MARGIN, top, WIDTH - 2 * MARGIN, height, None)
    return [box, Text(WIDTH / 2, top + height / 2 + 5, told_instead, _HEAD, "middle")], top + height


def _columns(chart: Chart, heads: Sequence[str]) -> list[tuple[float, float]]:
    """Where the columns of numbers begin and end."""
    cells = [[told(number) for number in _numbers(bar)] for bar in chart.bars]
    ends: list[tuple[float, float]] = []
    end = float(WIDTH - MARGIN)
    for number, head in reversed(list(enumerate(heads))):
        need = max(
            width(head, _SIZE, bold=True) + _SWATCH + 6, *(width(row[number], _SIZE, bold=True) for row in cells)
        )
        ends.insert(0, (end - need, end))
        end -= need + _GAP
    return ends


def _heads(chart: Chart, heads: Sequence[str], columns: Sequence[tuple[float, float]], y: float) -> Iterator[Mark]:
    for number, (head, (_, end)) in enumerate(zip(heads, columns, strict=True)):
        yield Text(end, y, head, _SIZE, "end", bold=True)
        if number < len(chart.series) > 1:
            x = end - width(head, _SIZE, bold=True) - 5 - _SWATCH
            yield Box(x, y - _SWATCH + 2, _SWATCH, _SWATCH, number)


def _row(
    chart: Chart, bar: Bar, top: float, left: float, scale: float, columns: Sequence[tuple[float, float]]
) -> Group:
    base = top + _ROW / 2 + 4.5
    marks: list[Text | Box | Rule] = [Text(MARGIN, base, joined(bar.labels, _SIZE, _LABELS))]
    x = left
    for number, value in enumerate(bar.values):
        if value > 0:
            marks.append(Box(x, top + (_ROW - _BAR) / 2, value * scale, _BAR, number))
            x += value * scale
    for number, ((_, end), value) in enumerate(zip(columns, _numbers(bar), strict=True)):
        marks.append(Text(end, base, told(value), _SIZE, "end", bold=number == len(chart.series)))
    parts = ", ".join(f"{name} {told(value)}" for name, value in zip(chart.series, bar.values, strict=True))
    whole = f", total {told(bar.total)}" if len(chart.series) > 1 else ""
    return Group(f"{' · '.join(bar.labels)}: {parts}{whole}", marks)


def _numbers(bar: Bar) -> list[int]:
    return [*bar.values, bar.total] if len(bar.values) > 1 else list(bar.values)


def _line(line: tuple[str, float], x: float, top: float, bottom: float, between: tuple[float, float]) -> Iterator[Mark]:
    text = f"{line[0]} {told(line[1])}"
    half = width(text, _SMALL, bold=True) / 2
    middle = min(max(x, between[0] + half), between[1] - half)
    yield Text(middle, top + 10, text, _SMALL, "middle", bold=True)
    yield Rule(x, top + 14, x, bottom + 2, dashed=True)
