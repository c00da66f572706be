"""The targets by the names that `make fuzz` takes."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz import avro_reading, csv_reading, manifest_reading, validation, workbook_reading
from tests.fuzz.target import Target

TARGETS: Mapping[str, Target] = {
    "csv": csv_reading.TARGET,
    "workbook": workbook_reading.TARGET,
    "validation": validation.TARGET,
    "avro": avro_reading.TARGET,
    "manifest": manifest_reading.TARGET,
}
