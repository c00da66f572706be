"""The entry points that Lambda calls: the HTTP API, its authorizer, the worker, and what schedules call."""

import os
from typing import Any

from chalice.app import AuthRequest, AuthResponse, Chalice, SQSEvent

from chalicelib import migrator as migrations
from chalicelib import rotation
from chalicelib import worker as work
from chalicelib.administration import administration
from chalicelib.api.auditing import audited
from chalicelib.api.authorizer import answer_authorizer, guard
from chalicelib.api.backups import backups
from chalicelib.api.callers import callers
from chalicelib.api.console import console
from chalicelib.api.dead_letters import dead_letters
from chalicelib.api.docs import docs
from chalicelib.api.fallback import fallback
from chalicelib.api.health import health
from chalicelib.api.metrics import metrics
from chalicelib.api.openapi import openapi
from chalicelib.api.runs import runs
from chalicelib.api.tables import tables
from chalicelib.api.uploads import uploads
from chalicelib.telemetry.invocation import invocation, observed
from chalicelib.wiring import services, token_store, warm_up
from chalicelib.work.tidying import tidy

# Its own handler would write lines of text beside ours.
app = Chalice(app_name="decant", configure_logs=False)
app.register_middleware(observed, "all")
app.register_middleware(audited, "http")

for blueprint in (
    health, openapi, tables, uploads, runs, backups, dead_letters, metrics, callers, console, docs, fallback,
):  # fmt: skip
    app.register_blueprint(blueprint)


# Its answers are not kept (decision 0302): a token that is revoked is worthless at once.
@app.authorizer(name="authorizer", ttl_seconds=0)
def authorizer(request: AuthRequest) -> AuthResponse | dict[str, Any]:
    """Tell the gateway who makes a request."""
    with invocation():
        return answer_authorizer(request, token_store())


guard(app, authorizer, os.environ)


# Event functions stand here alone: Lambda imports the module that a handler names, and only this one wires the app.
@app.on_sqs_message(queue="decant-work", batch_size=1)
def worker(event: SQSEvent) -> None:
    """Take messages of work from the queue; one that fails goes back to it."""
    here = services()
    with here.time_left.ends_with(event.context):
        for record in event:
            deliveries = int(record.to_dict()["attributes"]["ApproximateReceiveCount"])
            work.handle(here, record.body, deliveries)


@app.lambda_function(name="migrator")
def migrator(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Bring the database to the dictionary and the code, or tell what that would take."""
    return migrations.handle(administration(), event)


@app.lambda_function(name="rotator")
def rotator(event: dict[str, Any], _context: object) -> None:
    """Do one step of the rotation of the app's password, for Secrets Manager."""
    here = administration()
    rotation.rotate(event, here.settings.app_secret, here.secrets, here)


@app.lambda_function(name="retention")
def retention(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Delete the backups that the policy does not keep; the only function that may."""
    here = services()
    with here.time_left.ends_with(context):
        return tidy(here, event)


# The one thing done at import: the snapshot that the API starts from is taken after it.
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    warm_up()
