"""A load under a sampling profiler, beside the deployed worker, whose queue is left alone meanwhile."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from bench.ground import ROOT, Ground
from bench.timing import BenchError

_PROGRAM = ROOT / "bench" / "programs" / "profile.py"


def profile(ground: Ground, path: Path) -> str:
    """Load a file of employees in a process of its own, and give what took how long."""
    functions, record = ground.record.client("lambda"), ground.record
    for source in functions.list_event_source_mappings(FunctionName=record.worker_function)["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
    time.sleep(3)  # a poll that has begun may still take a message
    ground.empty()
    key = f"incoming/hired_employees/profiled-{path.name}"
    with path.open("rb") as content:
        put = record.client("s3").put_object(Bucket=record.intake_bucket, Key=key, Body=content)
    ground.server.checkpoint()
    thing = [record.intake_bucket, key, put["VersionId"], str(path.stat().st_size), put["ETag"].strip('"')]
    done = subprocess.run(
        [sys.executable, _PROGRAM, *thing, ground.server.url("decant")],
        env={**record.variables(), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError("The profiled load failed; what it said stands above.")
    # Its other lines are the function's own, for the log.
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("{"))
