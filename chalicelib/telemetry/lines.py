"""Log lines as JSON objects, by the formatter of Powertools for AWS Lambda."""

from __future__ import annotations

import copy
import logging
import os
import sys

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.telemetry.context import subject
from chalicelib.telemetry.faults import told

_ORDER = ["timestamp", "level", "message", "logger", "location", "function", "stage", "request_id", "run_id"]


class JsonLines(LambdaPowertoolsFormatter):
    """One JSON object a record, with what the line is about; of an exception only what ``faults`` tells."""

    def __init__(self, *, function: str, stage: str) -> None:
        super().__init__(
            log_record_order=_ORDER,
            utc=True,
            use_rfc3339=True,
            serialize_stacktrace=False,
            function=function,
            stage=stage,
        )

    def format(self, record: logging.LogRecord) -> str:
        """Render a record, which other handlers find as it was."""
        line = copy.copy(record)
        line.__dict__.update({**subject(), **record.__dict__, "logger": record.name})
        if record.exc_info and record.exc_info[1] is not None:
            line.__dict__["exception"] = told(record.exc_info[1])
        line.exc_info = line.exc_text = line.stack_info = None
        return super().format(line)


def configure() -> None:
    """Have everything that is logged in this Lambda environment come out as JSON. Elsewhere, nothing is changed.

    DECANT_LOG_LEVEL is for our own lines. Libraries tell warnings alone, whatever it is: some of them put requests
    and answers into their debug lines, the database's secret among them.
    """
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    root = logging.getLogger()
    if not function or any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(function=function, stage=os.environ.get("DECANT_STAGE", "")))
    root.handlers = [handler]  # in the place of the runtime's, which would write each line once more
    root.setLevel(logging.WARNING)
    logging.getLogger("chalicelib").setLevel(os.environ.get("DECANT_LOG_LEVEL", "INFO"))
    logging.captureWarnings(True)
