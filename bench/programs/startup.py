"""A function's start: `startup`, in the environment of one, or `startup yardstick`, for what any such function pays."""

from __future__ import annotations

import json
import sys
import time

begun = time.perf_counter()
if sys.argv[1:] == ["yardstick"]:
    import boto3  # noqa: F401
    import pyarrow as pa  # noqa: F401

    print(json.dumps({"import": time.perf_counter() - begun}))
else:
    from app import app

    imported = time.perf_counter()
    from bench.programs.handler import call

    answering = time.perf_counter()
    call(app, "GET", "/openapi.json")
    answered = time.perf_counter()
    call(app, "GET", "/metrics/{metric}", metric="departments-above-mean")
    ended = time.perf_counter()
    told = {"import": imported - begun, "no_database": answered - answering, "database": ended - answered}
    print(json.dumps(told))
