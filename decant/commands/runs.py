"""Runs, what they rejected, and corrected rows for it."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from decant import show
from decant.client import ENDED, Client, Run, save
from decant.command import command
from decant.commands.files import send
from decant.exits import Exit
from decant.failures import CommandError, usage
from decant.following import Watch, follow
from decant.session import Session

PANEL = "Files"
LAST = "last"
_SHOWN = 50
_MOST_ROWS = 1000

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Its id, as `decant runs` lists it, or `last`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for action in (runs, run, rejections, fix):
        command(app, PANEL)(action)


def runs(
    session: Session,
    table: Annotated[str | None, typer.Option(metavar="TABLE", help="Those of one table.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
) -> None:
    """List what was loaded, saved and restored, the newest first."""
    found = list(session.client.pages("/runs", "runs", limit, table=table))
    session.tell({"runs": found}, lambda console: show.runs(console, found))


def run(
    session: Session,
    run_id: RunArgument,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
) -> Exit:
    """Tell all of a run. Ends with 1 when it failed or rejected rows."""
    found = _find(session.client, run_id)
    if wait and found["state"] not in ENDED:
        with Watch(session.err) as bars:
            [found] = follow(session.client, {found["id"]: found["id"]}, bars.show).values()
    session.tell(found, lambda console: show.run(console, found))
    failed = found["state"] in ("failed", "refused") or found["rejected"]
    return Exit.REJECTED if failed else Exit.DONE


def rejections(
    session: Session,
    run_id: RunArgument,
    xlsx: Annotated[
        Path | None,
        typer.Option("--xlsx", metavar="FILE", help="Write them as a workbook, marked, to be corrected."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write them as CSV, to be corrected.")
    ] = None,
    all_rows: Annotated[bool, typer.Option("--all", help=f"Show all of them, not the first {_SHOWN}.")] = False,
) -> None:
    """Show the rows that a run rejected, and every reason; or write them into a file to be corrected.

    `decant fix` takes the corrected file.
    """
    if xlsx and csv:
        raise usage("Rejections are written in one form at a time.", "Say one of --xlsx and --csv.")
    found = _find(session.client, run_id)
    path = f"/runs/{found['id']}/rejections"
    if file := xlsx or csv:
        if not found["rejected"]:
            raise CommandError(f"The run {found['id']} has rejected nothing.", hint="There is nothing to correct.")
        if xlsx:
            save(session.client, path, xlsx, format="xlsx")
        else:
            file.write_bytes(b"".join(_csv_pages(session.client, path)))
        told = f"{file} is written. Correct it, then: decant fix {found['id']} {file}"
        session.tell({"run": found["id"], "file": str(file)}, lambda console: show.say(console, told))
        return
    limit = None if all_rows or session.as_json else _SHOWN
    rows = list(session.client.pages(path, "rejections", limit))

    def show_all(console: Console) -> None:
        if not rows:
            show.say(console, "Nothing was rejected.")
            return
        show.rejections(console, rows)
        if found["rejected"] > len(rows):
            show.say(console, f"… of {found['rejected']:,} rows; --all shows them, --xlsx and --csv write them.")

    session.tell({"run": found["id"], "rejections": rows}, show_all)


def fix(
    session: Session,
    run_id: RunArgument,
    file: Annotated[Path, typer.Argument(help="The corrected workbook (.xlsx), CSV or JSON.", dir_okay=False)],
) -> Exit:
    """Load the corrected rows of a run: what is in already stays as it is, only what was missing goes in.

    The file is what `decant rejections --xlsx` or `--csv` wrote, or your own, corrected. JSON is an array of objects
    with the number of each row, as row, and the cells that change.
    """
    if not file.is_file():
        raise usage(f"There is no file {file}.")
    found = _find(session.client, run_id)
    how = _replay if file.suffix.lower() == ".json" else _load_again
    outcome = how(session, found, file)
    left = [row for row in session.client.pages(f"/runs/{found['id']}/rejections", "rejections")
            if row["corrected_by"] is None]  # fmt: skip
    document = {**outcome, "corrects": found["id"], "still_rejected": len(left)}

    def show_all(console: Console) -> None:
        counts = ", ".join(f"{outcome[name]:,} {name}" for name in ("inserted", "updated", "unchanged", "rejected"))
        show.say(console, f"{outcome['read']:,} rows read: {counts}.")
        if told := show.told_of(outcome):
            show.say(console, told)
        for reasons in outcome.get("rejections", ()):
            show.say(console, f"  row {reasons['row']}: {reasons['message']}")
        what = f"{len(left):,} rows of the run still wait to be corrected." if left else "All of the run is put right."
        show.say(console, what)
        if outcome["rejected"]:
            show.say(console, f"What is still wrong: decant rejections {outcome['id']}")

    session.tell(document, show_all)
    good = outcome.get("state", "succeeded") in ("succeeded", "duplicate") and not outcome["rejected"]
    return Exit.DONE if good else Exit.REJECTED


def _find(client: Client, run_id: str) -> Run:
    """The run of that id, or the newest. Raises CommandError."""
    if run_id != LAST:
        return client.run(run_id)
    newest = next(client.pages("/runs", "runs", 1), None)
    if newest is None:
        raise CommandError("There are no runs yet.", hint="Load a file: decant load FILE")
    return newest


def _load_again(session: Session, found: Run, file: Path) -> Run:
    """Drop the corrected file, for the run's table."""
    if found["table"] is None:
        raise usage(f"The run {found['id']} had several tables.", "Send its corrected rows as JSON, by table.")
    with Watch(session.err) as bars:
        sent = {file.name: send(session.client, file, bars, file.name, {"table": found["table"]})}
        [run] = follow(session.client, sent, bars.show).values()
    return run


def _replay(session: Session, found: Run, file: Path) -> Run:
    """Send corrected rows in the place of the rejected ones, as many at once as the API takes."""
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise usage(f"{file} is no JSON: {error}.") from error
    total: Counter[str] = Counter()
    outcome: Run = {"rejections": []}
    for part in _parts(body):
        answer = session.client.ask(f"/runs/{found['id']}/replay", "POST", part)
        outcome |= {"id": answer["run"], "rejections": [*outcome["rejections"], *answer["rejections"]]}
        total.update({name: answer[name] for name in ("read", "inserted", "updated", "unchanged", "rejected")})
    return {**outcome, **dict(total)}


def _parts(body: Any) -> Iterator[Any]:
    if isinstance(body, list) and len(body) > _MOST_ROWS:
        yield from (body[first : first + _MOST_ROWS] for first in range(0, len(body), _MOST_ROWS))
    else:
        yield body


def _csv_pages(client: Client, path: str) -> Iterator[bytes]:
    """The rejections as CSV, page after page; each page has the header, which is wanted once."""
    query: str | None = "?format=csv&limit=1000"
    first = True
    while query:
        answer = client.fetch(path + query)
        yield answer.body if first else answer.body.partition(b"\n")[2]
        first, query = False, _next(answer.headers.get_all("Link") or ())


def _next(links: Sequence[str]) -> str | None:
    found = [link for link in links if 'rel="next"' in link]
    return found[0].partition("<")[2].partition(">")[0] if found else None
