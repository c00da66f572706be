"""The entry points that Lambda calls: the HTTP API and the worker behind the queue."""

from chalice import Chalice

app = Chalice(app_name="decant")


@app.route("/health")
def health() -> dict[str, str]:
    """Tell that the service answers."""
    return {"status": "ok"}


@app.on_sqs_message(queue="decant-work", batch_size=1)
def worker(event: object) -> None:
    """Take one message of work from the queue."""
