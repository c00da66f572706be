"""Runs: what is being loaded, saved and restored, what was rejected, and how to put it right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalice.app import Response

from chalicelib.access.principal import Scope
from chalicelib.api.answers import page_object, run_object
from chalicelib.api.blueprint import Blueprint
from chalicelib.api.corrections import correction
from chalicelib.api.ingest import write_batch
from chalicelib.api.orders import answer_request, order, order_response
from chalicelib.api.parameters import AFTER, FORMAT, LIMIT, TABLE, WRITING
from chalicelib.api.rejections import RejectionPage, count_reasons, read_rejections
from chalicelib.api.request import ApiRequest, checked_id
from chalicelib.api.responses import answer_response, csv_response, fitting, json_response
from chalicelib.api.run_lookup import find_run
from chalicelib.api.tables import writing_options
from chalicelib.errors import Conflict
from chalicelib.idempotency import Answer
from chalicelib.ports import Page, Run, RunKind
from chalicelib.wiring import services

runs = Blueprint(__name__)

_REJECTION_COLUMNS = ("table", "row", "line", "column", "code", "message", "value", "corrected_by")


@runs.get("/runs", query={"limit": LIMIT, "after": AFTER, "table": TABLE}, answers={200: "Runs"})
def list_runs(request: ApiRequest) -> Response:
    """List runs, newest first."""
    limit, after = request.number("limit", 100, 1, 1000), request.identifier("after")
    page = services().catalog.runs(limit=limit, after=after, table=request.query.get("table"))
    return json_response(page_object("runs", *_fitting(page)))


@runs.get("/runs/{run}", answers={200: "Run", 404: "Problem"})
def get_run(_request: ApiRequest, run: str) -> Response:
    """Tell the state of a run."""
    return json_response(run_object(find_run(services(), checked_id(run, "run"))))


@runs.get("/runs/{run}/reasons", answers={200: "Reasons", 404: "Problem"})
def list_reasons(_request: ApiRequest, run: str) -> Response:
    """Tell why rows of a run were rejected, and how many for each reason, most first."""
    found = find_run(services(), checked_id(run, "run"))
    with services().database.transaction() as transaction:
        return json_response({"reasons": count_reasons(transaction, found.id)})


@runs.get("/runs/{run}/rejections", query={"limit": LIMIT, "after": AFTER, "format": FORMAT}, csv=True,
          answers={200: "Rejections", 404: "Problem"})  # fmt: skip
def list_rejections(request: ApiRequest, run: str) -> Response:
    """List the rejected rows of a run, their cells as they came, and every reason; in CSV a line for each reason."""
    form, limit = request.format, request.number("limit", 100, 1, 1000)
    found = find_run(services(), checked_id(run, "run"))
    with services().database.transaction() as transaction:
        page = read_rejections(transaction, found.id, limit=limit, after=request.query.get("after"))
    if form == "csv":
        return csv_response(f"rejections-{run}", _REJECTION_COLUMNS, _lines(page), request.next_link(page.next))
    return json_response(page_object("rejections", page.items, page.next))


@runs.post("/runs/{run}/replay", scope=Scope.OPERATE, query=WRITING, body="Corrections", body_required=False,
           answers={201: "ReplayAnswer", 207: "ReplayAnswer", 422: "ReplayAnswer", 202: "Run", 404: "Problem",
                    409: "Problem"})  # fmt: skip
def post_replay(request: ApiRequest, run: str) -> Response:
    """Write corrected rows in the place of a run's rejected ones; without a body, load the run's file again."""
    found = find_run(services(), checked_id(run, "run"))
    if not request.body.strip():
        return order_response(services(), request, answer_request(services(), request, lambda: _load_again(found)))
    batch = correction(services().dictionary, found, request.json(), **writing_options(request))
    return answer_response(write_batch(services(), batch, request.idempotency_key))


def _load_again(run: Run) -> Answer:
    if run.source is None:
        raise Conflict(
            f"The run {run.id} is a {run.kind.value} without a file, so it can't be loaded again.",
            hint="Send its corrected rows.",
        )
    if not run.state.final:
        raise Conflict(f"The run {run.id} is {run.state.value}.", hint="Wait until it has ended.")
    source = {"bucket": run.source.bucket, "key": run.source.key, "version": run.source.version}
    message = {"work": "load", "source": source, "force": True}
    result = {"replays": run.id}
    return order(services(), RunKind.REPLAY, message, table=run.table, source=run.source, result=result)


def _fitting(page: Page[Run]) -> tuple[list[Mapping[str, Any]], str | None]:
    told = list(fitting([run_object(run) for run in page.items]))
    return told, told[-1]["id"] if len(told) < len(page.items) else page.next


def _lines(page: RejectionPage) -> Iterator[Mapping[str, Any]]:
    return ({**item, **reason} for item in page.items for reason in item["reasons"])
