"""Corrected rows on their way into a run's tables: as a file for each table, or as JSON in parts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from decant.client import ENDED, Client, Run, has_failed
from decant.failures import CommandError, usage
from decant.following import Watch, follow
from decant.sending import send, telling
from decant.session import Session
from decant.show import COUNTS

# Those that load rows; others save and restore them.
LOADING = ("load", "batch", "replay")
_MOST_ROWS = 1000


def rows_to_fix(client: Client, found: Run) -> list[dict[str, Any]]:
    """The rows that can be corrected. Raises CommandError when there are none."""
    if found["kind"] not in LOADING:
        raise CommandError(
            f"The run {found['id']} is a {found['kind']}, of which no row can be corrected.",
            hint="`decant runs` lists those that load rows.",
        )
    if found["state"] not in ENDED:
        told = f"The run {found['id']} is {found['state']}."
        raise CommandError(told, hint=f"Wait until it has ended: decant run {found['id']} --wait")
    waiting = waiting_rows(client, found)
    if not waiting:
        raise CommandError(
            f"No row of the run {found['id']} waits to be corrected.", hint="A file is loaded by: decant load FILE"
        )
    return waiting


def waiting_rows(client: Client, found: Run) -> list[dict[str, Any]]:
    """The rejected rows of a run that wait to be corrected."""
    rows = client.pages(f"/runs/{found['id']}/rejections", "rejections")
    return [row for row in rows if row["corrected_by"] is None]


def load_again(session: Session, found: Run, file: Path, table: str | None) -> list[Run]:
    """Drop the corrected file, for the table of the run; a workbook of several tables for each of them.

    Gives the runs when they have ended. Raises CommandError, which tells those that were begun before.
    """
    tables = [each for each in (table, found["table"]) if each][:1]
    if not tables:
        tables = sorted({row["table"] for row in waiting_rows(session.client, found)})
    if len(tables) > 1 and file.suffix.lower() == ".csv":
        raise usage(f"The run {found['id']} had several tables.", "Say with --table for which one the file is.")
    sent: dict[str, str] = {}
    with Watch(session.err) as bars, telling(sent):
        for each in tables:
            sent[f"{file.name} ({each})"] = send(session.client, file, bars, file.name, {"table": each})
        return list(follow(session.client, sent, bars.show).values())


def send_corrections(session: Session, found: Run, file: Path, table: str | None) -> list[Run]:
    """Send corrected rows in the place of the rejected ones, as many at once as the API takes; give the runs.

    Raises CommandError, which tells what went in before.
    """
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise usage(f"{file} is no JSON: {error}.") from error
    made: list[Run] = []
    try:
        for part in _parts(found, body, table):
            answer = session.client.ask(f"/runs/{found['id']}/replay", "POST", part)
            counts = {name: answer[name] for name in COUNTS}
            made.append({"id": answer["run"], **counts, "rejections": answer["rejections"]})
    except CommandError as error:
        error.before = [{"run": run["id"], **{name: run[name] for name in COUNTS}} for run in made]
        raise
    return made


def _parts(found: Run, body: Any, table: str | None) -> Iterator[Any]:
    several = found["table"] is None
    if not isinstance(body, list):
        if table and several:
            raise usage("The file names its tables itself.", "Leave --table out.")
        yield body
        return
    if several and table is None:
        raise usage(f"The run {found['id']} had several tables.", "Say with --table for which one the rows are.")
    for first in range(0, max(len(body), 1), _MOST_ROWS):
        part = body[first : first + _MOST_ROWS]
        yield {table: part} if several else part


def summed(made: Sequence[Run]) -> Run:
    """The last of some runs, of those that failed if there are, with what all of them came to."""
    last = ([run for run in made if has_failed(run)] or made)[-1]
    listed = {"rejections": [each for run in made for each in run["rejections"]]} if "rejections" in last else {}
    return {**last, **listed, **{name: sum(run[name] for run in made) for name in COUNTS}}
