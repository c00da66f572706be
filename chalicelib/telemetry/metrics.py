"""Metrics, as lines of the Embedded Metric Format that CloudWatch takes out of the log. Their namespace is Decant.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import asdict

from chalicelib.ports import Counts, Run, RunKind, RunState
from chalicelib.telemetry.context import about, subject

logger = logging.getLogger(__name__)

NAMESPACE = "Decant"
# Stands for the table of a run over several.
SEVERAL = "several"
_ROWS = {"read": "RowsRead", "inserted": "RowsInserted", "updated": "RowsUpdated", "rejected": "RowsRejected"}

Measure = tuple[float, str]


def measure(name: str, value: float, unit: str, **dimensions: str) -> None:
    """Emit one value of a metric, for the stage and, where dimensions are given, for these in the stage as well.

    ``unit`` is one of CloudWatch's: Count, Seconds, Bytes, Percent, Milliseconds, ...
    """
    _emit({name: (value, unit)}, dimensions)


def run_ended(run: Run, by_table: Mapping[str, Counts] | None = None) -> None:
    """Emit what a run was that has ended: rows, seconds, and whether it failed, by table and kind.

    ``by_table`` are the counts of a run over several tables. Call it once for each run.
    """
    about(run_id=run.id)
    seconds = (run.ended - run.started).total_seconds() if run.started and run.ended else 0.0
    table, kind = run.table or SEVERAL, run.kind.value
    several = by_table if by_table is not None and len(by_table) > 1 else {}
    for name, counts in several.items():
        _emit(_rows(counts), {"table": name, "kind": kind})
    ended = {
        "Runs": (1.0, "Count"),
        "RunsFailed": (float(run.state is RunState.FAILED), "Count"),
        "Seconds": (seconds, "Seconds"),
    }
    _emit(ended | ({} if several else _work(run)), {"table": table, "kind": kind})
    logger.info("%s of %s %s", kind, table, run.state.value, extra={
        "kind": kind, "table": run.table, "state": run.state.value, "seconds": seconds,
        **asdict(run.counts), "code": (run.error or {}).get("code"),
    })  # fmt: skip


def _work(run: Run) -> dict[str, Measure]:
    """What a run did. What it merely saved or brought back is not measured as read, or few rejections would show."""
    made = run.result or {}
    match run.kind:
        case RunKind.BACKUP:
            return {"BackupsTaken": (len(made.get("backups", ())), "Count"), "RowsSaved": (run.progress, "Count")}
        case RunKind.RESTORE:
            return {} if made.get("dry_run") else {"RowsRestored": (run.counts.read, "Count")}
        case RunKind.LOAD | RunKind.BATCH | RunKind.REPLAY:
            return _rows(run.counts)
        case _:
            return {}


def _rows(counts: Counts) -> dict[str, Measure]:
    return {name: (getattr(counts, field), "Count") for field, name in _ROWS.items()}


def _emit(measures: Mapping[str, Measure], dimensions: Mapping[str, str]) -> None:
    """Print one document. Its values count for the stage as a whole, and for the dimensions in it."""
    from aws_lambda_powertools.metrics import EphemeralMetrics  # 30 ms that a request without metrics need not pay

    stage = os.environ.get("DECANT_STAGE") or "local"
    document = EphemeralMetrics(namespace=NAMESPACE)
    document.add_dimension("stage", stage)
    if dimensions:
        document.add_dimensions(stage=stage, **dimensions)
    for name, (value, unit) in measures.items():
        document.add_metric(name=name, unit=unit, value=value)
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    for key, told in {"function": function, **subject()}.items():
        document.add_metadata(key, told)
    document.flush_metrics()
