"""A metric's answer ─▶ its picture, clean enough for a report; every number is in the CSV, the longest bars in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.metrics.bar_chart import MARGIN, WIDTH, Bar, Chart, Mark, Text, lay_out, lay_out_nothing
from chalicelib.metrics.compute import MetricAnswer
from chalicelib.metrics.lettering import clean, counted, told
from chalicelib.metrics.registry import Panel, Picture
from chalicelib.metrics.svg import svg

_BETWEEN = 26


def draw(answer: MetricAnswer) -> str:
    """The answer as a self-contained SVG."""
    picture = answer.metric.picture
    title, summary = f"{answer.metric.title}, {answer.year}", _summary(answer, picture)
    marks: list[Mark] = [
        Text(MARGIN, 46, title, 22, bold=True),
        Text(MARGIN, 70, answer.metric.description, 13, quiet=True),
        Text(MARGIN, 90, summary, 13, quiet=True),
    ]
    bottom = 90.0
    for panel in picture.panels if answer.rows else ():
        more, bottom = lay_out(_chart(answer, picture, panel), bottom + _BETWEEN)
        marks += more
    if not answer.rows:
        more, bottom = lay_out_nothing(picture.empty, bottom + _BETWEEN)
        marks += more
    name = f"{answer.metric.name}-{answer.year}"
    return svg(name, title, f"{answer.metric.description} {summary}", marks, WIDTH, bottom + MARGIN)


def _summary(answer: MetricAnswer, picture: Picture) -> str:
    """What is told in words: the figures, or else how much there is of what."""
    figures = [
        f"{figure.name} {told(value)}"
        for figure in answer.metric.figures
        if (value := answer.figures[figure.name]) is not None
    ]
    if figures:
        above = f" above the {picture.line}" if picture.line else ""
        text = f"{counted(len(answer.rows), picture.panels[0].noun)}{above}; {', '.join(figures)}."
    else:
        parts = [counted(len(_bars(answer.rows, picture, each)), each.noun) for each in picture.panels]
        total = sum(row[name] for row in answer.rows for name in picture.stack)
        text = f"{counted(total, picture.unit)}: {', '.join(parts)}."
    return f"{text} The year is that of UTC."


def _chart(answer: MetricAnswer, picture: Picture, panel: Panel) -> Chart:
    bars = _bars(answer.rows, picture, panel)
    shown, rest = bars[: panel.most], bars[panel.most :]
    note = ""
    if rest:
        left_out = counted(sum(bar.total for bar in rest), picture.unit)
        note = f"Not drawn: {counted(len(rest), panel.noun)} with {left_out}. The CSV has all of them."
    figure = answer.figures[picture.line] if picture.line else None
    line = (str(picture.line), float(figure)) if figure is not None else None
    title = f"{panel.title}, the {panel.most} with most {picture.unit}s" if rest else panel.title
    return Chart(title, picture.stack, shown, note, line)


def _bars(rows: Sequence[Mapping[str, Any]], picture: Picture, panel: Panel) -> list[Bar]:
    """The rows summed, longest bar first, and by name where they are as long."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        parts = sums.setdefault(tuple(row[name] for name in panel.by), [0] * len(picture.stack))
        for number, name in enumerate(picture.stack):
            parts[number] += row[name]
    places = [panel.by.index(name) for name in panel.labels]
    bars = [Bar(tuple(clean(str(key[place])) for place in places), tuple(parts)) for key, parts in sums.items()]
    return sorted(bars, key=lambda bar: (-bar.total, [label.lower() for label in bar.labels], bar.labels))
