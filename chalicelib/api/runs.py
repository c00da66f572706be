"""Runs: what is being loaded, saved and restored, what was rejected, and how to put it right."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from chalice.app import Response

from chalicelib.access.principal import Scope
from chalicelib.api.answers import page_object, run_object
from chalicelib.api.blueprint import Blueprint
from chalicelib.api.corrections import correction
from chalicelib.api.ingest import write_batch
from chalicelib.api.orders import order, order_response
from chalicelib.api.parameters import AFTER, AFTER_ID, FORMAT, LIMIT, REDIRECT, TABLE, WRITING
from chalicelib.api.rejected_file import SECONDS, csv_table, make_csv, make_workbook
from chalicelib.api.rejections import REJECTION_TOKEN, RejectionPage, count_reasons, read_rejections
from chalicelib.api.request import ApiRequest, bad_parameter, checked_id
from chalicelib.api.responses import CSV, answer_response, download_response, fitting, json_response
from chalicelib.api.run_lookup import find_run
from chalicelib.api.tables import writing_options
from chalicelib.dictionary.model import Table
from chalicelib.errors import Conflict
from chalicelib.idempotency import Answer
from chalicelib.load.marked_csv import write_csv
from chalicelib.ports import Page, Run, RunKind
from chalicelib.wiring import services

runs = Blueprint(__name__)

_REJECTIONS = {
    "limit": LIMIT,
    "after": {**AFTER, "pattern": REJECTION_TOKEN},
    "format": {**FORMAT, "enum": ["json", "csv", "xlsx"]},
    "table": TABLE,
    "redirect": REDIRECT,
}


@runs.get("/runs", query={"limit": LIMIT, "after": AFTER_ID, "table": TABLE}, answers={200: "Runs"})
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


@runs.get("/runs/{run}/rejections", query=_REJECTIONS, csv=True,
          answers={200: "RejectionsAnswer", 303: None, 404: "Problem", 409: "Problem", 413: "Problem"})  # fmt: skip
def list_rejections(request: ApiRequest, run: str) -> Response:
    """List the rejected rows of a run, their cells as they came, and every reason.

    As CSV or workbook they are those that wait to be corrected, to be dropped again. A workbook, or with redirect a CSV
    of all of them, is made as a file, and the answer leads to it: the user's own workbook, if the run has loaded one
    that is not too big, with the bad cells marked.
    """
    table = request.query.get("table")
    whole = "redirect" in request.query
    form = request.format_of("xlsx", "csv") if whole else request.format_of("json", "csv", "xlsx")
    if whole or form == "xlsx":
        return _rejected_file(request, find_run(services(), checked_id(run, "run")), table, form)
    limit, after = request.number("limit", 100, 1, 1000), request.query.get("after")
    found = find_run(services(), checked_id(run, "run"))
    with services().database.transaction() as transaction:
        if form == "csv":
            of = csv_table(services(), transaction, found, table)
            page = read_rejections(transaction, found.id, limit=limit, after=after, of=of.name, waiting=True)
            return _rejected_csv(request, found, of, page)
        of_table = table and services().dictionary.table(table).name
        page = read_rejections(transaction, found.id, limit=limit, after=after, of=of_table)
    return json_response(page_object("rejections", page.items, page.next))


@runs.post("/runs/{run}/replay", scope=Scope.OPERATE, query=WRITING, body="Corrections", body_required=False,
           answers={201: "ReplayAnswer", 207: "ReplayAnswer", 422: "ReplayAnswer", 202: "Run", 404: "Problem",
                    409: "Problem"})  # fmt: skip
def post_replay(request: ApiRequest, run: str) -> Response:
    """Write corrected rows in the place of a run's rejected ones; without a body, load the run's file again."""
    found = find_run(services(), checked_id(run, "run"))
    if not request.body.strip():
        return order_response(services(), request, lambda: _load_again(found))
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


def _rejected_csv(request: ApiRequest, run: Run, table: Table, page: RejectionPage) -> Response:
    target = io.StringIO(newline="")
    write_csv(target, table, run.id, page.rows)
    headers = {"Content-Disposition": f'attachment; filename="{table.name}-rejected-{run.id}.csv"'}
    content_type = {"Content-Type": f"{CSV}; charset=utf-8"}
    return Response(target.getvalue(), {**content_type, **headers, **request.next_link(page.next)})


def _rejected_file(request: ApiRequest, run: Run, table: str | None, form: str) -> Response:
    redirect = request.redirect
    for name in ("limit", "after"):
        if name in request.query:
            raise bad_parameter(name, f"A file of all rejected rows has no {name}.", f"Leave {name} out.")
    file = {"xlsx": make_workbook, "csv": make_csv}[form](services(), run, table)
    url = services().intake.presign_download(file.key, seconds=SECONDS, filename=file.filename)
    return download_response(url, SECONDS, redirect=redirect, filename=file.filename, note=file.note)
