"""Batches of 1000 rows through the warm handler, in turn with one bare INSERT: `batch ROUNDS FIRST_ID`.

The handler is measured with an audit log that keeps nothing, for the emulator's DynamoDB is not AWS's, and with it.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from typing import Any

from app import app
from bench.programs.handler import call
from chalicelib.wiring import services, use

ROWS = 1000
WARM = 5
COLUMNS = ("id", "name", "datetime", "department_id", "job_id")
SQL = "INSERT INTO public.hired_employees ({}) VALUES {}".format(
    ", ".join(COLUMNS), ", ".join([f"({', '.join('?' * len(COLUMNS))})"] * ROWS)
)


def rows(first: int) -> list[dict[str, Any]]:
    """Make the rows of one batch."""
    return [
        {
            "id": number,
            "name": f"Name {number} of somebody",
            "datetime": f"2021-{1 + number % 12:02}-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00Z",
            "department_id": 1 + number % 12,
            "job_id": 1 + number % 183,
        }
        for number in range(first, first + ROWS)
    ]


def handled(first: int) -> float:
    """Give the seconds of the whole handler: from the request's JSON to the answer's."""
    body = json.dumps(rows(first))
    begun = time.perf_counter()
    call(app, "POST", "/tables/{table}/rows", body, table="hired_employees")
    return time.perf_counter() - begun


def inserted(first: int) -> float:
    """Give the seconds of BEGIN, one INSERT with a parameter for each cell, and COMMIT."""
    values = [row[name] for row in rows(first) for name in COLUMNS]
    with services().database.transaction() as transaction:
        transaction.run("SELECT 1")
    connection = services().database._connection  # type: ignore[attr-defined]
    begun = time.perf_counter()
    connection.execute_simple("BEGIN")
    cursor = connection.cursor()
    cursor.paramstyle = "qmark"
    cursor.execute(SQL, values)
    connection.execute_simple("COMMIT")
    return time.perf_counter() - begun


class Forgetful:
    """An audit log that takes every entry and keeps none."""

    def append(self, _event: object) -> None:
        """Take an entry."""


wired: Any = services()
forgetful = replace(wired, audit=Forgetful())
rounds, first = int(sys.argv[1]), int(sys.argv[2])
told: dict[str, list[float]] = {"ours": [], "audited": [], "theirs": []}
for number in range(WARM + rounds):
    start = first + 3 * number * ROWS
    with use(forgetful):
        told["ours"].append(handled(start))
    told["theirs"].append(inserted(start + ROWS))
    told["audited"].append(handled(start + 2 * ROWS))
print(json.dumps({name: seconds[WARM:] for name, seconds in told.items()}))
