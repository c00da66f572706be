"""Metrics, as tables, CSV, pictures or JSON."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from decant import show
from decant.command import command
from decant.failures import usage
from decant.session import Session


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "Reading")(metrics)


def metrics(
    session: Session,
    name: Annotated[str | None, typer.Argument(help="The metric; without it, all of them in short.")] = None,
    year: Annotated[int | None, typer.Option(min=1, max=9999, help="The calendar year; else the API's own.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print it as CSV.")] = False,
    svg: Annotated[bool, typer.Option("--svg", help="Print it as a picture.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write CSV or picture into a file.")
    ] = None,
) -> None:
    """Show the metrics of a year."""
    form = "csv" if csv else "svg" if svg else None
    if (csv and svg) or (form and session.as_json):
        raise usage("A metric comes in one form at a time.", "Say one of --csv, --svg and --json.")
    if form and name is None:
        raise usage(f"--{form} takes the name of one metric.", "`decant metrics` shows them.")
    if output and form is None:
        raise usage("--output is for --csv or --svg.")
    if form:
        content = session.client.fetch(f"/metrics/{name}", year=year, format=form).body
        _write(session, content, output)
        return
    names = [name] if name else [each["name"] for each in session.client.ask("/metrics")["metrics"]]
    answers = [session.client.ask(f"/metrics/{each}", year=year) for each in names]

    def show_all(console: Console) -> None:
        for number, answer in enumerate(answers):
            if number:
                console.print()
            show.metric(console, answer, None if name else show.ROWS_SHOWN)
        if not answers:
            show.say(console, "These tables allow no metric.")

    session.tell(answers[0] if name else {"metrics": answers}, show_all)


def _write(session: Session, content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(content.decode())
        return
    output.write_bytes(content)
    session.note(f"{output} is written.")
