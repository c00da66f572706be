"""Figures for CloudWatch, as lines of the log in its embedded metric format."""

from __future__ import annotations

import json
import sys
import time

_NAMESPACE = "Decant"


def measure(name: str, value: float, unit: str, **dimensions: str) -> None:
    """Tell one figure. ``unit`` is one of CloudWatch's: Count, Seconds, …"""
    definition = {
        "Namespace": _NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": unit}],
    }
    told = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [definition]}
    sys.stdout.write(json.dumps({"_aws": told, **dimensions, name: value}) + "\n")
