"""The entry points that Lambda calls: the HTTP API and the worker behind the queue."""

from chalice.app import Chalice, SQSEvent

from chalicelib import worker as work
from chalicelib.api.auditing import audited
from chalicelib.api.backups import backups
from chalicelib.api.health import health
from chalicelib.api.metrics import metrics
from chalicelib.api.openapi import openapi
from chalicelib.api.runs import runs
from chalicelib.api.tables import tables
from chalicelib.api.uploads import uploads
from chalicelib.telemetry.invocation import observed
from chalicelib.wiring import services

# Its own handler would write lines of text beside ours.
app = Chalice(app_name="decant", configure_logs=False)
app.register_middleware(observed, "all")
app.register_middleware(audited, "http")

for blueprint in (health, openapi, tables, uploads, runs, backups, metrics):
    app.register_blueprint(blueprint)


# Event functions stand here alone: Lambda imports the module that a handler names, and only this one wires the app.
@app.on_sqs_message(queue="decant-work", batch_size=1)
def worker(event: SQSEvent) -> None:
    """Take messages of work from the queue; one that fails goes back to it."""
    for record in event:
        deliveries = int(record.to_dict()["attributes"]["ApproximateReceiveCount"])
        work.handle(services(), record.body, deliveries)
