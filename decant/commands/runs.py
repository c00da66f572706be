"""Runs, what they rejected, and corrected rows for it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from decant import show
from decant.client import ENDED, Client, Run, has_failed
from decant.command import command
from decant.download import save
from decant.exits import Exit
from decant.failures import CommandError, usage
from decant.fixing import LOADING, load_again, rows_to_fix, send_corrections, summed, waiting_rows
from decant.following import Watch, follow
from decant.session import Session
from decant.show import COUNTS

PANEL = "Files"
LAST = "last"
_SHOWN = 50

RunArgument = Annotated[
    str,
    typer.Argument(metavar="RUN", help=f"Its id, as `decant runs` lists it, or `{LAST}`: the newest that loads rows."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for action in (runs, run, rejections, fix, replay):
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
    reasons = _reasons(session.client, found)
    session.tell({**found, "reasons": reasons}, lambda console: show.run(console, found, reasons))
    return Exit.REJECTED if has_failed(found) or found["rejected"] else Exit.DONE


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
    table: Annotated[str | None, typer.Option(metavar="TABLE", help="Those of one table, of a run of several.")] = None,
    all_rows: Annotated[bool, typer.Option("--all", help=f"Show all of them, not the first {_SHOWN}.")] = False,
) -> None:
    """Show the rows that a run rejected, and every reason; or write them into a file to be corrected.

    `decant fix` takes the corrected file.
    """
    if xlsx and csv:
        raise usage("Rejections are written in one form at a time.", "Say one of --xlsx and --csv.")
    found = _find(session.client, run_id)
    path = f"/runs/{found['id']}/rejections"
    if wanted := xlsx or csv:
        told = session.client.ask(path, format="xlsx" if xlsx else "csv", table=table, redirect="false")
        file = _named(wanted, ".xlsx" if xlsx else ".csv", Path(told["filename"]).suffix)
        save(session.client.open_url(told["url"]), file)
        words = f"{file} is written. Correct it, then: decant fix {found['id']} {file}"
        document = {"run": found["id"], "file": str(file), "note": told["note"]}
        session.tell(document, lambda console: show.say(console, " ".join(filter(None, (told["note"], words)))))
        return
    limit = None if all_rows or session.as_json else _SHOWN
    rows = list(session.client.pages(path, "rejections", limit, table=table))

    def show_all(console: Console) -> None:
        if not rows:
            show.say(console, "Nothing was rejected.")
            return
        show.rejections(console, rows)
        if found["rejected"] > len(rows):
            show.say(console, f"… of {show.counted(found['rejected'])}; --all shows them, --xlsx and --csv write them.")

    session.tell({"run": found["id"], "reasons": _reasons(session.client, found), "rejections": rows}, show_all)


def fix(
    session: Session,
    run_id: RunArgument,
    file: Annotated[Path, typer.Argument(help="The corrected workbook (.xlsx), CSV or JSON.", dir_okay=False)],
    table: Annotated[str | None, typer.Option(metavar="TABLE", help="The table, of a run of several.")] = None,
) -> Exit:
    """Load the corrected rows of a run: what is in already stays as it is, only what was missing goes in.

    The file is what `decant rejections --xlsx` or `--csv` wrote, or your own, corrected. JSON is an array of objects
    with the number of each row, as row, and the cells that change.
    """
    if not file.is_file():
        raise usage(f"There is no file {file}.")
    found = _find(session.client, run_id)
    if table and found["table"] not in (None, table):
        raise usage(f"The run {found['id']} is of the table {found['table']}.", "Leave --table out.")
    how = send_corrections if file.suffix.lower() == ".json" else load_again
    before = len(rows_to_fix(session.client, found))
    made = how(session, found, file, table)
    left = len(waiting_rows(session.client, found))
    outcome = summed(made)
    document = {**outcome, "runs": made, "corrects": found["id"], "still_rejected": left}

    def show_all(console: Console) -> None:
        show.say(console, _counts(outcome))
        for each in made:
            if len(made) > 1:
                show.say(console, " ".join(filter(None, ("Run", each["id"], each.get("table"), _counts(each)))))
            if told := show.told_of(each):
                show.say(console, told)
            for reasons in each.get("rejections", ()):
                show.say(console, f"  row {reasons['row']}: {reasons['message']}")
        show.say(console, _left(before, left, outcome))
        for each in made:
            if each["rejected"]:
                show.say(console, f"What is still wrong: decant rejections {each['id']}")

    session.tell(document, show_all)
    return Exit.REJECTED if outcome["rejected"] or any(map(has_failed, made)) else Exit.DONE


def replay(session: Session, run_id: RunArgument) -> Exit:
    """Load the file of a run again, now that its cause is gone, or though its content was loaded before.

    Rows that are there already are not doubled.
    """
    found = _find(session.client, run_id)
    again = session.client.ask(f"/runs/{found['id']}/replay", "POST")
    with Watch(session.err) as bars:
        [outcome] = follow(session.client, {again["id"]: again["id"]}, bars.show).values()
    session.tell(outcome, lambda console: show.run(console, outcome, _reasons(session.client, outcome)))
    return Exit.DONE if outcome["state"] == "succeeded" and not outcome["rejected"] else Exit.REJECTED


def _named(wanted: Path, asked: str, came: str) -> Path:
    """The file of the name that was given; what is too much for a workbook comes as CSV, and is named so.

    Raises CommandError when a file is in the place of that other name, which nobody gave.
    """
    if came == asked:
        return wanted
    file = wanted.with_name(wanted.name + came)
    if file.exists():
        raise usage(f"It comes as {came}, and {file} is there already.", "Name another file, or take that one away.")
    return file


def _find(client: Client, run_id: str) -> Run:
    """The run of that id, or the newest that loads rows. Raises CommandError."""
    if run_id != LAST:
        return client.run(run_id)
    newest = next((run for run in client.pages("/runs", "runs", at_once=20) if run["kind"] in LOADING), None)
    if newest is None:
        raise CommandError("There are no runs yet that load rows.", hint="Load a file: decant load FILE")
    return newest


def _left(before: int, left: int, outcome: Run) -> str:
    if not left:
        return "All of the run is put right."
    if left == before and not outcome["rejected"] and not has_failed(outcome):
        return f"The file has no numbers of the run's rows, so the run goes on to list {left:,} that it rejected."
    return f"{show.counted(left)} of the run still to be corrected."


def _reasons(client: Client, found: Run) -> list[dict[str, Any]]:
    """Why rows of a run were rejected, counted; most rows first."""
    if not found["rejected"]:
        return []
    counted: list[dict[str, Any]] = client.ask(f"/runs/{found['id']}/reasons")["reasons"]
    return counted


def _counts(outcome: Run) -> str:
    return f"{show.counted(outcome['read'])} read: {', '.join(f'{outcome[name]:,} {name}' for name in COUNTS[1:])}."
