"""Uploads: a form by which a browser or curl puts a big file into the intake bucket."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

from chalice.app import Response

from chalicelib.access.principal import Scope
from chalicelib.api.blueprint import Blueprint
from chalicelib.api.orders import answer_request, queued_run
from chalicelib.api.request import ApiRequest, bad_field
from chalicelib.api.responses import answer_response, json_text
from chalicelib.idempotency import Answer
from chalicelib.load.options import file_options
from chalicelib.load.routing import INTAKE_PREFIX, route
from chalicelib.ports import RunKind, Source
from chalicelib.wiring import services
from chalicelib.work.reporting import AWAITING_UPLOAD

uploads = Blueprint(__name__)

MOST_BYTES = 5_000_000_000  # S3 takes no bigger object in one POST
_SECONDS = 300
# By this the worker knows the run that was promised for an object.
RUN_METADATA = "run"
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_OPTIONS = ("on_conflict", "max_rejected")
_FILENAME = re.compile(r"[^/\\\x00-\x1f\x7f\ud800-\udfff]{1,200}\.(csv|xlsx)", re.IGNORECASE)
# As JSON Schema has it, which knows neither flags nor lone surrogates.
FILENAME = r"^[^/\\.\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,199}\.([cC][sS][vV]|[xX][lL][sS][xX])$"


@uploads.post(
    "/uploads", scope=Scope.WRITE, body="UploadOrder", answers={201: "Upload", 400: "Problem", 422: "Problem"}
)
def post_upload(request: ApiRequest) -> Response:
    """Get a form to upload one file with, valid for five minutes, and the run that will load it."""
    given = request.fields("filename", "table", *_OPTIONS)
    answer = answer_request(services(), request, lambda: _upload(given))
    return answer_response(answer, {"Location": request.reference(f"runs/{answer.run}")})


def _upload(given: dict[str, Any]) -> Answer:
    filename, table = given.get("filename"), _table(given)
    if not isinstance(filename, str) or not _FILENAME.fullmatch(filename) or filename.startswith("."):
        raise bad_field(
            "filename", f"The filename is {filename!r}.", "It takes a name without folders that ends in .csv or .xlsx."
        )
    table = table or route(services().dictionary, INTAKE_PREFIX + filename).name
    run = queued_run(services(), RunKind.LOAD, table=table)
    key = f"{INTAKE_PREFIX}{table}/{run.id}/{filename}"
    run = replace(run, source=Source(services().intake.name, key), phase=AWAITING_UPLOAD)
    metadata = {name.replace("_", "-"): _plain(given[name]) for name in _OPTIONS if given.get(name) is not None}
    file_options(key, metadata)
    form = services().intake.presign_upload(
        key, max_bytes=MOST_BYTES, seconds=_SECONDS, metadata={RUN_METADATA: run.id, **metadata}
    )
    services().catalog.add_run(run)
    told = {"run": run.id, "key": key, "expires_in": _SECONDS, "max_bytes": MOST_BYTES}
    return Answer(201, json_text({**form, **told}), run.id)


def _plain(value: object) -> str:
    """The text of a value, without the exponent and the sign of zero that a number may have in JSON."""
    text = str(value)
    return format(Decimal(text) + 0, "f") if _NUMBER.fullmatch(text) else text


def _table(given: dict[str, Any]) -> str | None:
    table = given.get("table")
    if table is None:
        return None
    if not isinstance(table, str):
        raise bad_field("table", f"The table is {table!r}.", "It takes the name of a table.")
    return services().dictionary.table(table).name
