"""Metrics: named aggregates over the tables."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.api.answers import described_metric
from chalicelib.api.blueprint import Blueprint
from chalicelib.api.parameters import PICTURE
from chalicelib.api.request import ApiRequest
from chalicelib.api.responses import csv_response, json_response, svg_response
from chalicelib.metrics.compute import DEFAULT_YEAR, compute, parse_year
from chalicelib.metrics.registry import find_metric, metrics_of
from chalicelib.wiring import services

metrics = Blueprint(__name__)

_YEAR = {
    "type": "integer", "minimum": 1, "maximum": 9999, "default": DEFAULT_YEAR, "description": "A calendar year in UTC.",
}  # fmt: skip


@metrics.get("/metrics", answers={200: "Metrics"})
def list_metrics(_request: ApiRequest) -> Response:
    """List the metrics that the tables allow."""
    return json_response({"metrics": [described_metric(metric) for metric in metrics_of(services().dictionary)]})


@metrics.get("/metrics/{metric}", query={"year": _YEAR, "format": PICTURE}, csv=True, svg=True,
             answers={200: "MetricAnswer", 404: "Problem"})  # fmt: skip
def get_metric(request: ApiRequest, metric: str) -> Response:
    """Compute a metric for a year, as numbers or as a picture."""
    found, year, form = (
        find_metric(services().dictionary, metric),
        parse_year(request.query.get("year")),
        request.format_of("json", "csv", "svg"),
    )
    with services().database.transaction() as transaction:
        answer = compute(transaction, found, year)
    names = [column.name for column in found.columns]
    if form == "csv":
        # A table has no room for what stands beside it.
        figures = {f"Decant-{name.title()}": str(value) for name, value in answer.figures.items() if value is not None}
        return csv_response(f"{metric}-{year}", names, answer.rows, figures)
    if form == "svg":
        from chalicelib.metrics.picture import draw  # few requests want one

        return svg_response(f"{metric}-{year}", draw(answer))
    return json_response({"metric": metric, "year": year, "columns": names, "rows": answer.rows, **answer.figures})
