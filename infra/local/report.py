"""What `make up` shows: the loads as they go, what came of them, the metrics, and what to try next."""

import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.local.api import ENDED, Run, ask
from infra.local.record import Record

YEAR = 2021
ROWS_SHOWN = 12
_AUTH = 'AUTH="Authorization: Bearer $(make -s local-token)"'


class Loads:
    """Shows runs while they go: bars on a terminal, a line for each change of state elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn(),
            console=console,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start to draw."""
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave what was drawn."""
        if self._console.is_terminal:
            self._bars.stop()

    def show(self, runs: Mapping[str, Run]) -> None:
        """Show the runs as they are now."""
        for key, run in runs.items():
            state = run["state"] if run["state"] in ENDED else run.get("phase") or run["state"]
            if self._console.is_terminal:
                self._draw(key, run, state)
            elif self._said.get(key) != state:
                self._console.print(f"  {key}: {state}", highlight=False)
            self._said[key] = state

    def _draw(self, key: str, run: Run, state: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(key, total=None, state=state)
        rows = run.get("progress")
        if run["state"] in ENDED:
            self._bars.update(self._tasks[key], total=1, completed=1, state=state)
        else:
            self._bars.update(self._tasks[key], state=f"{state}, {rows:,} rows" if rows else state)


def files(console: Console, runs: Mapping[str, Run]) -> None:
    """Print what was read, inserted and rejected per file; updated and unchanged too where there are any."""
    table = Table(title="Files loaded", title_justify="left")
    seldom = [name for name in ("updated", "unchanged") if any(run[name] for run in runs.values())]
    counts = ["read", "inserted", *seldom, "rejected"]
    table.add_column("file", no_wrap=True)
    table.add_column("run")
    for name in counts:
        table.add_column(name, justify="right")
    for key, run in runs.items():
        table.add_row(key.rpartition("/")[2], run["state"], *(str(run[name]) for name in counts))
    console.print(table)
    for key, run in runs.items():
        said = [run.get("note"), *((run.get("error") or {}).get(name) for name in ("detail", "hint"))]
        if any(said):
            console.print(f"{key.rpartition('/')[2]}: {' '.join(filter(None, said))}", markup=False, highlight=False)


def metrics(console: Console, record: Record) -> None:
    """Print both metrics of the sample's year."""
    for name in ("hires-by-quarter", "departments-above-mean"):
        _metric(console, ask(record, f"/metrics/{name}?year={YEAR}"))


def next_steps(console: Console, record: Record, runs: Mapping[str, Run]) -> None:
    """Print the API's URL, the token, and commands that work as printed."""
    employees = next((run["id"] for key, run in runs.items() if "hired_employees" in key), None)
    rows = json.dumps([{"id": 101, "department": "Data Platform"}, {"id": 102, "department": ""}])
    curl = 'curl -s -H "$AUTH"'
    commands = [
        _AUTH,
        f"{curl} '{record.api_url}/metrics/departments-above-mean?year={YEAR}'",
        f"{curl} -X POST '{record.api_url}/tables/departments/rows' -H 'Content-Type: application/json' -d '{rows}'",
        f"{curl} '{record.api_url}/runs/{employees}/rejections'",
    ]
    _api(console, record)
    console.print("Try:")
    for command in commands:
        console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)


def own_tables(console: Console, record: Record, tables: Sequence[str]) -> None:
    """Print what to do next with tables of one's own, for which there are no samples."""
    _api(console, record)
    console.print(
        f"The tables are {', '.join(tables)}, for which there are no samples. Try:\n"
        f"  make drop FILES={tables[0]}.csv\n"
        f"  {_AUTH}\n  curl -s -H \"$AUTH\" '{record.api_url}/tables'",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _api(console: Console, record: Record) -> None:
    told = (
        f"\nThe console: {record.api_url}/console\nThe API: {record.api_url}\n"
        f"The token of both: {record.token} (make local-token prints it again)"
    )
    console.print(told, markup=False, highlight=False, soft_wrap=True)


def _metric(console: Console, answer: Mapping[str, Any]) -> None:
    rows = answer["rows"]
    more = f", the first {ROWS_SHOWN} of {len(rows)} rows" if len(rows) > ROWS_SHOWN else ""
    mean = f", mean {answer['mean']}" if "mean" in answer else ""
    table = Table(title=f"{answer['metric']}, {answer['year']}{mean}{more}", title_justify="left")
    for name in answer["columns"]:
        numeric = bool(rows) and isinstance(rows[0][name], int | float)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows[:ROWS_SHOWN]:
        table.add_row(*(str(row[name]) for name in answer["columns"]))
    console.print(table)
