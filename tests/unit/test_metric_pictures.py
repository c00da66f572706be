"""Pictures of metrics: what they show, and that no data can break them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.metrics.bar_chart import MARGIN, WIDTH, Bar, Box, Chart, Group, Mark, Rule, Text, lay_out
from chalicelib.metrics.compute import MetricAnswer
from chalicelib.metrics.lettering import clean, joined, shortened, told, width
from chalicelib.metrics.picture import draw
from chalicelib.metrics.registry import METRICS, Metric

SVG = "{http://www.w3.org/2000/svg}"
QUARTERS, ABOVE = METRICS
ATTRIBUTES = {
    "version", "width", "height", "viewBox", "role", "aria-labelledby",
    "font-family", "id", "patternUnits", "fill", "stroke", "stroke-width", "stroke-dasharray", "d", "cx", "cy", "r",
    "x", "y", "x1", "x2", "y1", "y2", "rx", "font-size", "font-weight", "text-anchor",
}  # fmt: skip
ELEMENTS = {"svg", "title", "desc", "defs", "pattern", "rect", "path", "circle", "g", "text", "line"}

names = st.text(max_size=60) | st.sampled_from(
    ["<script>alert(1)</script>", "]]>&amp;", "\u202eevil\0", "人事部" * 30, "a\ud800b", "\ufffe"]
)
counts = st.integers(0, 10**7)
bars = st.builds(Bar, st.lists(names, min_size=1, max_size=3).map(tuple), st.tuples(counts, counts, counts, counts))


def quarters(*rows: tuple[str, str, int, int, int, int]) -> MetricAnswer:
    keys = [column.name for column in QUARTERS.columns]
    return MetricAnswer(QUARTERS, 2021, [dict(zip(keys, row, strict=True)) for row in rows], {})


def above(rows: list[dict[str, Any]], **figures: Any) -> MetricAnswer:
    return MetricAnswer(ABOVE, 2021, rows, figures)


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def flat(marks: list[Mark]) -> Iterator[Text | Box | Rule]:
    for mark in marks:
        if isinstance(mark, Group):
            yield from mark.marks
        else:
            yield mark


def test_quarters_are_stacked_for_departments_for_jobs_and_for_pairs_of_them() -> None:
    picture = draw(quarters(("Staff", "Analyst", 1, 2, 0, 4), ("Staff", "Clerk", 0, 0, 1, 0)))
    titles = [element.text for element in ElementTree.fromstring(picture).iter(f"{SVG}title")]
    assert titles == [
        "Hires by quarter, 2021",
        "Staff: Q1 1, Q2 2, Q3 1, Q4 4, total 8",
        "Analyst: Q1 1, Q2 2, Q3 0, Q4 4, total 7",
        "Clerk: Q1 0, Q2 0, Q3 1, Q4 0, total 1",
        "Staff · Analyst: Q1 1, Q2 2, Q3 0, Q4 4, total 7",
        "Staff · Clerk: Q1 0, Q2 0, Q3 1, Q4 0, total 1",
    ]
    assert "8 hires: 1 department, 2 jobs, 2 pairs. The year is that of UTC." in texts(picture)


def test_what_is_not_drawn_is_counted() -> None:
    many = [("Staff", f"Job {number:02}", number, 0, 0, 0) for number in range(1, 21)]
    shown = texts(draw(quarters(*many)))
    assert "Jobs, the 15 with most hires" in shown
    assert "Not drawn: 5 jobs with 15 hires. The CSV has all of them." in shown
    assert "Job 06" in shown
    assert "Job 05" not in shown


def test_departments_are_held_against_the_mean() -> None:
    row = {"id": 1, "department": "Staff", "hired": 9}
    shown = texts(draw(above([row, row | {"id": 2}], mean=4.5, departments=4, hires=18)))
    assert "mean 4.5" in shown
    assert shown.count("Staff") == 2, "two departments of one name are two bars"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (quarters(), QUARTERS.picture.empty),
        (above([], mean=None, departments=0, hires=0), ABOVE.picture.empty),
        (above([], mean=0.0, departments=12, hires=0), ABOVE.picture.empty),
    ],
)
def test_a_year_without_bars_says_so(answer: MetricAnswer, expected: str) -> None:
    assert expected in texts(draw(answer))


@given(st.lists(st.tuples(names, names, counts, counts, counts, counts), max_size=8))
def test_no_name_breaks_a_picture(rows: list[tuple[str, str, int, int, int, int]]) -> None:
    picture = draw(quarters(*rows))
    root = ElementTree.fromstring(picture.encode())
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in ELEMENTS
        assert set(element.keys()) <= ATTRIBUTES, "no style that a policy forbids, no script, no link"


@given(st.lists(bars, min_size=1, max_size=8), st.none() | st.tuples(st.just("mean"), st.floats(0, 1e7)))
def test_nothing_leaves_the_picture_and_lengths_are_true(drawn: list[Bar], line: tuple[str, float] | None) -> None:
    marks, bottom = lay_out(Chart("Bars", ("Q1", "Q2", "Q3", "Q4"), drawn, "Note", line), 50)
    for mark in flat(marks):
        if isinstance(mark, Box):
            assert mark.x >= MARGIN
            assert mark.x + mark.width <= WIDTH - MARGIN
            assert mark.y + mark.height <= bottom
        if isinstance(mark, Text):
            assert 0 <= mark.x <= WIDTH
            assert mark.y <= bottom
    groups = [mark for mark in marks if isinstance(mark, Group)]
    lengths = [sum(mark.width for mark in group.marks if isinstance(mark, Box)) for group in groups]
    longest = max(*lengths, 0)
    most = max(*(bar.total for bar in drawn), 0)
    for bar, length in zip(drawn, lengths, strict=True):
        assert length * most == pytest.approx(bar.total * longest)


@given(st.lists(names.map(clean), min_size=1, max_size=4), st.floats(120, 400))
def test_labels_fit_their_room(parts: list[str], room: float) -> None:
    assert width(joined(parts, 13, room), 13) <= room + 1e-6


@given(names.map(clean), st.floats(20, 400))
def test_a_text_is_shortened_only_where_it_must_be(text: str, room: float) -> None:
    short = shortened(text, 13, room)
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]) and width(text, 13) > room)


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (1234567, "1,234,567"), (137.916667, "137.92"), (2.5, "2.5")])
def test_numbers_are_told_as_people_read_them(number: float, text: str) -> None:
    assert told(number) == text


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_picture_names_columns_and_figures_that_the_metric_has(metric: Metric) -> None:
    columns = {column.name for column in metric.columns}
    used = {*metric.picture.stack, *(name for panel in metric.picture.panels for name in (*panel.by, *panel.labels))}
    assert used <= columns
    assert metric.picture.line in {None, *(figure.name for figure in metric.figures)}
