"""A whole day, played."""

from typing import Annotated

import typer
from rich.console import Console

from decant import show
from decant.command import command
from decant.commands.stack import Yes, confirm
from decant.exits import Exit
from decant.following import Watch
from decant.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "Operating")(simulate)


def simulate(
    session: Session,
    rows: Annotated[int, typer.Option(min=1, max=500, help="How many good rows each table gets.")] = 40,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the made-up rows in the tables.")] = False,
    yes: Yes = False,
) -> Exit:
    """Play a day: files with bad rows, corrections, a batch, a backup, an accident, a restore, metrics.

    It tells what it does and holds what it sees against what is due. At its end it restores all tables as they were
    when it began, so what others write meanwhile is lost: on a stack that is not the local one it asks first.
    """
    from chalicelib.dictionary.package import load_dictionary
    from chalicelib.settings import PACKAGED_DICTIONARY
    from decant.simulation import Day, refuse_another_dictionary

    dictionary = load_dictionary(PACKAGED_DICTIONARY)
    refuse_another_dictionary(session.client, dictionary)
    if not session.is_local:
        confirm(session, "simulate", f"This writes into the tables of {session.client.url}, and restores them.", yes)
    where = session.err if session.as_json else session.out
    day = Day(session.client, dictionary, lambda text: show.say(where, text), Watch(session.err), rows)
    day.play(keep=keep)
    wrong = [check for check in day.checks if not check["good"]]
    told = f"\n{len(day.checks)} things were looked at, {len(wrong) or 'none'} wrong. It took {day.took:.0f} s."
    document = {"good": day.good, "seconds": round(day.took, 1), "checks": day.checks}

    def show_all(console: Console) -> None:
        show.say(console, told)

    session.tell(document, show_all)
    return Exit.DONE if day.good else Exit.REJECTED
