"""Metric and year ─▶ rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import BadRequest
from chalicelib.metrics.registry import Metric
from chalicelib.ports import Transaction

DEFAULT_YEAR = 2021


@dataclass(frozen=True, slots=True)
class MetricAnswer:
    """What a metric tells of a year: rows in order, each with the metric's columns, and the figures beside them."""

    metric: Metric
    year: int
    rows: Sequence[Mapping[str, Any]]
    figures: Mapping[str, Any]


def compute(transaction: Transaction, metric: Metric, year: int) -> MetricAnswer:
    """Compute a metric over the tables as the transaction sees them."""
    found = transaction.run(metric.sql, year=year)
    width = len(metric.columns)
    figures = found[0][width:] if found else ()
    names = [column.name for column in metric.columns]
    rows = [dict(zip(names, values, strict=False)) for values in found if values[0] is not None]
    if metric.alphabetical:
        rows.sort(key=lambda row: _alphabetical([row[name] for name in metric.alphabetical]))
    told = {each.name: _number(each.type, value) for each, value in zip(metric.figures, figures, strict=True)}
    return MetricAnswer(metric, year, rows, told)


def parse_year(text: str | None) -> int:
    """The year that a request names, ``DEFAULT_YEAR`` when it names none. Raises BadRequest."""
    if text is None:
        return DEFAULT_YEAR
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and int(text) > 0):
        told, hint = f"{text!r} is no year.", "A year is a whole number from 1 to 9999, such as 2021."
        raise BadRequest(told, hint=hint, errors=[{"parameter": "year", "message": told}])
    return int(text)


def _alphabetical(texts: Sequence[str]) -> list[str]:
    """As people read it: letter case decides only between texts that are equal but for it."""
    return [text.lower() for text in texts] + list(texts)


def _number(kind: str, value: Any) -> Any:
    """Postgres gives a mean, and a sum of bigints, as numeric; JSON has plain numbers. There may be none."""
    return None if value is None else {"integer": int, "number": float}[kind](value)
