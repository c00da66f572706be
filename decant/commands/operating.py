"""What operators do when something is wrong; docs/runbook.md says when."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from decant import show
from decant.client import done
from decant.command import command
from decant.exits import Exit
from decant.failures import CommandError, usage
from decant.session import Session

PANEL = "Operating"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for action in (drill, rebuild_catalog, retention, dead_letters, redrive, get, post):
        command(app, PANEL, local=action is retention)(action)


def drill(session: Session) -> None:
    """Restore the newest backups for practice, into tables that vanish, and tell what a restore would change."""
    run = done(session.client.order("/drills"))

    def show_all(console: Console) -> None:
        show.differences(console, run, would=True)
        show.say(console, f"The snapshot {run['result']['snapshot']} can be restored.")

    session.tell(run, show_all)


def rebuild_catalog(session: Session) -> None:
    """Fill a lost catalogue again: the backups from the bucket, the runs from the database."""
    run = done(session.client.order("/backups/rebuild"))
    result = run["result"]
    told = f"{result['backups_listed']} backups are in the catalogue, {result['runs_listed']} runs came back."
    session.tell(run, lambda console: show.say(console, told))


def retention(session: Session) -> None:
    """Delete the backups that need not be kept, as the schedule does (local stack)."""
    answer = session.record.client("lambda").invoke(FunctionName=session.record.retention_function, Payload=b"{}")
    told = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise CommandError(f"The function failed: {told.get('errorMessage', told)}.", hint="See `decant logs`.")

    def show_all(console: Console) -> None:
        show.say(console, f"{told['kept']} backups stay, {told['deleted']} are deleted.")
        for reason in told["damaged"].values():
            show.say(console, f"Damaged: {reason}")

    session.tell(told, show_all)


def dead_letters(session: Session) -> None:
    """Show the work that failed as often as it may, oldest first, and why."""
    answer = session.client.ask("/dead-letters")
    found = answer["messages"]

    def show_all(console: Console) -> None:
        for letter in found:
            show.say(console, f"{letter['sent'][:19]} message {letter['id']}, given out {letter['deliveries']} times")
            for run in letter["runs"]:
                show.say(console, f"  {_dead_run(run)}")
            if letter["problem"]:
                show.say(console, f"  {letter['problem']}")
                show.say(console, f"  {letter['body']}")
        at_least = "at least " if answer["more"] else ""
        show.say(console, f"{at_least}{len(found)} messages are in the dead-letter queue.")

    session.tell(answer, show_all)


def redrive(
    session: Session,
    run: Annotated[str | None, typer.Option(metavar="ID", help="Only the work of this run; else all of it.")] = None,
) -> None:
    """Give that work to the workers again."""
    moved, more = 0, True
    while more:
        answer = session.client.ask("/dead-letters/redrive", "POST", None if run is None else {"run": run})
        moved += answer["redriven"]
        more = answer["more"] and answer["redriven"] > 0
    if not moved and answer["more"]:
        raise CommandError(
            f"The work of the run {run} was not found: there are more dead letters than can be looked through at once.",
            hint="Try again: the queue gives others each time. Or bring all of it back: `decant redrive`.",
            exit=Exit.REJECTED,
        )
    told = f"{moved} messages are in the work queue again."
    session.tell({"moved": moved}, lambda console: show.say(console, told))


def get(
    session: Session, route: Annotated[str, typer.Argument(help="A path of the API, such as '/runs?limit=5'.")]
) -> Exit | None:
    """Ask the API for something, and print its answer."""
    return _call(session, "GET", route, None)


def post(
    session: Session,
    route: Annotated[str, typer.Argument(help="A path of the API, such as /backups.")],
    body: Annotated[str | None, typer.Argument(help="JSON.")] = None,
) -> Exit | None:
    """Order something of the API, wait for it, up to 20 seconds, and print the answer."""
    return _call(session, "POST", route, body)


def _call(session: Session, method: str, route: str, body: str | None) -> Exit | None:
    if not route.startswith("/"):
        raise usage(f"{route!r} is no path of the API.", "It begins with /, such as /runs.")
    answer = session.client.request(route, method, body.encode() if body else None)
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = answer.body.decode(errors="replace")
    text = document if isinstance(document, str) else json.dumps(document, indent=2)
    session.tell(document, lambda console: show.say(console, text))
    if answer.is_outcome:
        return Exit.REJECTED
    return Exit.DONE if answer.status < 400 else session.client.problem(f"{method} {route}", answer).exit


def _dead_run(run: dict[str, Any]) -> str:
    error = run["error"] or {}
    of = (run["source"] or {}).get("key") or run["table"]
    what = f"{run['kind']} {run['id']}{f' of {of}' if of else ''}: {run['state']}"
    since = f" since {run['ended'][:19]}" if run["ended"] else ""
    why = " ".join(filter(None, (error.get("detail"), error.get("hint"))))
    return f"{what}{since}{f': {why}' if why else ''}"
