"""Long work: a run for it in the catalogue, a message in the queue, and the answer that says where to look."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalice.app import Response

from chalicelib.api.answers import run_object
from chalicelib.api.request import ApiRequest
from chalicelib.api.responses import answer_response, json_text
from chalicelib.api.run_lookup import wait_for
from chalicelib.errors import DecantError
from chalicelib.idempotency import Answer, answer_once
from chalicelib.identifiers import new_id
from chalicelib.points import Point, passed
from chalicelib.ports import Run, RunKind, RunState, Source
from chalicelib.telemetry.context import about
from chalicelib.wiring import Services

logger = logging.getLogger(__name__)


def order(
    services: Services,
    kind: RunKind,
    message: Mapping[str, Any],
    *,
    table: str | None = None,
    source: Source | None = None,
    result: Mapping[str, Any] | None = None,
) -> Answer:
    """Queue work as a new run, and answer with the run. The worker finds its id in the message as ``run``."""
    run = queued_run(services, kind, table=table, source=source, result=result)
    about(run_id=run.id)
    services.catalog.add_run(run)
    passed(Point.ORDER_SHOWN)
    try:
        services.queue.send({**message, "run": run.id})
    except DecantError as error:
        _give_up(services, run, error)
        raise
    passed(Point.ORDER_SENT)
    return Answer(202, json_text(run_object(run)), run.id)


def _give_up(services: Services, run: Run, error: DecantError) -> None:
    """Show a run that nobody will take as failed, else it would be queued for ever and hold the backups it names."""
    failed = replace(run, state=RunState.FAILED, phase="done", ended=dt.datetime.now(dt.UTC), error=error.told())
    try:
        services.catalog.put_run(failed)
    except DecantError:
        logger.warning("the catalogue can't be told that run %s was not queued", run.id, exc_info=True)


def queued_run(
    services: Services,
    kind: RunKind,
    *,
    table: str | None,
    source: Source | None = None,
    result: Mapping[str, Any] | None = None,
) -> Run:
    """A run that has not begun."""
    now = dt.datetime.now(dt.UTC)
    return Run(
        id=new_id(now),
        kind=kind,
        table=table,
        state=RunState.QUEUED,
        dictionary=services.dictionary.digest,
        source=source,
        created=now,
        result=result,
    )


def answer_request(services: Services, request: ApiRequest, work: Callable[[], Answer]) -> Answer:
    """Do the work of a request, once for each Idempotency-Key."""
    key = request.idempotency_key
    if key is None:
        return work()
    with services.database.transaction() as transaction:
        return answer_once(transaction, key, work)


def order_response(services: Services, request: ApiRequest, work: Callable[[], Answer]) -> Response:
    """Order a run, once for each Idempotency-Key.

    202 with the place of the run, or 200 with the run itself when the client waits for it and it ends in time.
    """
    answer = answer_request(services, request, work)
    run_id = str(answer.run)
    if run := wait_for(services, run_id, request.wait):
        applied = {"Preference-Applied": f"wait={request.wait}"}
        return answer_response(Answer(200, json_text(run_object(run)), run_id), applied)
    return answer_response(answer, {"Location": request.reference(f"runs/{run_id}")})
