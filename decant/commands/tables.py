"""Tables and their rows."""

import sys
from typing import Annotated
from urllib.parse import urlencode

import typer

from decant import show
from decant.command import command
from decant.failures import usage
from decant.session import Session

PANEL = "Reading"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for action in (tables, rows):
        command(app, PANEL)(action)


def tables(
    session: Session, name: Annotated[str | None, typer.Argument(metavar="TABLE", help="One of them.")] = None
) -> None:
    """List the tables of the data dictionary, their columns, and how many rows they have."""
    if name:
        table = session.client.ask(f"/tables/{name}")
        session.tell(table, lambda console: show.tables(console, [table]))
        return
    found = session.client.ask("/tables")
    session.tell(found, lambda console: show.tables(console, found["tables"]))


def rows(
    session: Session,
    table: Annotated[str, typer.Argument(metavar="TABLE")],
    where: Annotated[
        list[str] | None,
        typer.Argument(metavar="COLUMN=VALUE…", help="Filters: column=value, column__gte=value (gt, lt, lte)."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many rows at most.")] = 20,
    csv: Annotated[bool, typer.Option("--csv", help="Print them as CSV, up to 1000.")] = False,
) -> None:
    """Show rows of a table, in the order of its key."""
    filters = dict(_filter(each) for each in where or ())
    path = f"/tables/{table}/rows" + (f"?{urlencode(filters)}" if filters else "")
    if csv:
        sys.stdout.write(session.client.fetch(path, limit=min(limit, 1000), format="csv").body.decode())
        return
    columns = [column["name"] for column in session.client.ask(f"/tables/{table}")["columns"]]
    found = list(session.client.pages(path, "rows", limit))
    session.tell({"rows": found}, lambda console: show.rows(console, columns, found))


def _filter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise usage(f"{text!r} is no filter.", "It takes column=value.")
    return name, value
