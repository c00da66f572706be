"""What `decant up` shows: what came of the samples, the metrics, and what to try next."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from decant import show as display
from decant.client import Client, Run
from decant.samples import client_of

if TYPE_CHECKING:
    from infra.local.record import Record

YEAR = 2021
_DECANT = ".venv/bin/decant"
_AUTH = 'AUTH="Authorization: Bearer $(make -s local-token)"'


def show(console: Console, record: "Record", runs: Mapping[str, Run] | None) -> None:
    """Print the results of the samples; None: the tables are others, for which there are no samples."""
    client = client_of(record)
    if runs is None:
        own_tables(console, record, [table["name"] for table in client.ask("/tables")["tables"]])
        return
    display.loads(console, runs)
    metrics(console, client)
    next_steps(console, record, runs)


def metrics(console: Console, client: Client) -> None:
    """Print the metrics of the sample's year."""
    for each in client.ask("/metrics")["metrics"]:
        console.print()
        display.metric(console, client.ask(f"/metrics/{each['name']}", year=YEAR))


def next_steps(console: Console, record: "Record", runs: Mapping[str, Run]) -> None:
    """Print the API's URL, the token, and commands that work as printed."""
    employees = next((run["id"] for name, run in runs.items() if "hired_employees" in name), None)
    rows = json.dumps([{"id": 101, "department": "Data Platform"}, {"id": 102, "department": ""}])
    curl = 'curl -s -H "$AUTH"'
    _api(console, record)
    _try(
        console,
        f"{_DECANT} rejections {employees}",
        f"{_DECANT} check sample_data/dirty/hired_employees-dirty.xlsx",
        f"{_DECANT} simulate",
    )
    display.say(console, "or the API itself:")
    for line in (
        _AUTH,
        f"{curl} '{record.api_url}/metrics/departments-above-mean?year={YEAR}'",
        f"{curl} -X POST '{record.api_url}/tables/departments/rows' -H 'Content-Type: application/json' -d '{rows}'",
        f"{curl} '{record.api_url}/runs/{employees}/rejections'",
    ):
        display.say(console, f"  {line}")


def own_tables(console: Console, record: "Record", tables: Sequence[str]) -> None:
    """Print what to do next with tables of one's own."""
    _api(console, record)
    display.say(console, f"The tables are {', '.join(sorted(tables))}, for which there are no samples.")
    _try(console, f"{_DECANT} check {tables[0]}.csv", f"{_DECANT} load {tables[0]}.csv", f"{_DECANT} tables")


def _try(console: Console, *commands: str) -> None:
    display.say(console, "Try:")
    for each in commands:
        display.say(console, f"  {each}")


def _api(console: Console, record: "Record") -> None:
    told = f"\nThe console: {record.api_url}/console\nThe API: {record.api_url}"
    display.say(console, f"{told}\nThe token of both: {record.token} (make local-token prints it again)")
