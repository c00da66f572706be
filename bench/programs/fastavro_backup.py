"""fastavro: a table through COPY into an Avro file, row by row: `fastavro_backup URL FILE`."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import psycopg2

url, path = sys.argv[1:]
QUERY = (
    "COPY (SELECT id, name, datetime, department_id, job_id FROM hired_employees ORDER BY id) TO STDOUT (FORMAT csv)"
)
SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "hired_employees",
        "fields": [
            {"name": "id", "type": "int"},
            {"name": "name", "type": "string"},
            {"name": "datetime", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "department_id", "type": "int"},
            {"name": "job_id", "type": "int"},
        ],
    }
)


def rows(text: io.TextIOBase) -> Iterator[dict[str, Any]]:
    """Make records of CSV lines."""
    for key, name, moment, department, job in csv.reader(text):
        yield {
            "id": int(key),
            "name": name,
            "datetime": dt.datetime.fromisoformat(moment),
            "department_id": int(department),
            "job_id": int(job),
        }


def back_up() -> None:
    """Write the file."""
    copied = Path(path).with_suffix(".csv")
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor, copied.open("w", encoding="utf-8") as target:
        cursor.copy_expert(QUERY, target)
    connection.close()
    with copied.open(encoding="utf-8", newline="") as text, Path(path).open("wb") as file:
        fastavro.writer(file, SCHEMA, rows(text), codec="deflate")


begun = time.perf_counter()
back_up()
print(json.dumps({"seconds": time.perf_counter() - begun}))
