"""The local stack: the whole system on this machine."""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from decant import show
from decant.command import command
from decant.exits import Exit
from decant.failures import CommandError, usage
from decant.session import Session
from infra.local.folder import ROOT, stack_folder

if TYPE_CHECKING:
    from infra.local.stack import Stack

PANEL = "The local stack"
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
_FORGETFUL = (
    "LocalStack keeps nothing when it stops: the files in the buckets, the backups and the catalogue of runs are gone "
    "then (`decant backup --to DIR` saves backups). The tables and the ledger stay in Postgres: `decant up` deploys "
    "anew over them, and loads no file twice."
)
_LOST = "Stopped, by force: the emulator could not save its state."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for action in (up, down, status, logs, reset, url, dev):
        command(app, PANEL, local=action not in (status, url))(action)


def up(session: Session) -> None:
    """Bring the whole system up on this machine, load the samples, show the results.

    It can be repeated: it starts again on the same data and loads nothing twice. DECANT_PORT, DECANT_POSTGRES_PORT and
    DECANT_EMULATOR choose ports and emulator the first time.
    """
    from decant import samples, welcome

    stack = _stack(os.environ)
    record = stack.up(session.step)
    loaded = samples.load(session, record)
    document = {"api_url": record.api_url, "runs": loaded}

    def show_all(console: Console) -> None:
        welcome.show(console, record, loaded)
        if not stack.emulator.keeps_state:
            show.say(console, f"\n{_FORGETFUL}")

    session.tell(document, show_all)


def down(session: Session) -> None:
    """Stop what `up` started; its data stay."""
    stack = _stack()
    orderly = stack.down()
    stopped = "Stopped. The data stay in .local/; `decant reset` forgets them." if orderly else _LOST
    told = stopped if stack.emulator.keeps_state else f"Stopped. {_FORGETFUL}"
    session.tell({"stopped": True, "orderly": orderly}, lambda console: show.say(console, told))


def reset(session: Session, yes: Yes = False) -> None:
    """Stop the local stack and forget its data."""
    confirm(session, "forget", "All data of the local stack go: tables, files, backups.", yes)
    _stack().forget()
    session.tell({"forgotten": True}, lambda console: show.say(console, "Stopped, and the data forgotten."))


def status(session: Session) -> Exit:
    """Say what runs, and where, and whether each part of the service is well."""
    local = [] if session.is_remote else _parts(_stack())
    api, health = None, {}
    try:
        api = session.client.url
        health = session.client.ask("/health")
    except CommandError as error:
        told = error.detail
    else:
        told = ", ".join(f"{name} {state}" for name, state in health.items() if name != "status")

    def show_all(console: Console) -> None:
        for each in local:
            where = f"process {each['process']}, 127.0.0.1:{each['port']}" if each["process"] else "stopped"
            show.say(console, f"{each['part']:<14}{where}")
        show.say(console, f"{'API':<14}{api or 'none'}")
        show.say(console, f"{'Health':<14}{told}")

    session.tell({"local": local, "api": api, "health": health or None}, show_all)
    return Exit.DONE if health.get("status") == "ok" else Exit.UNREACHABLE


def logs(session: Session) -> None:
    """Print the ends of all logs: Postgres, the emulator, each function's."""
    from infra.local.logs import logs_of

    found = logs_of(_stack(), stack_folder())

    def show_all(console: Console) -> None:
        for title, lines in found.items():
            show.say(console, f"== {title}\n" + ("\n".join(lines) or "(empty)") + "\n")

    session.tell(found, show_all)


def url(session: Session) -> None:
    """Print the API's URL."""
    session.tell({"url": session.client.url}, lambda console: show.say(console, session.client.url))


def dev(session: Session) -> None:
    """Serve the API with `chalice local` against the running stack, for people who edit the application."""
    from infra.local.dev import serve

    serve(session.record, ROOT)


def confirm(session: Session, word: str, told: str, yes: bool) -> None:
    """Have a person type a word before something can't be taken back. Raises CommandError when they don't."""
    if yes:
        return
    if session.as_json or not session.out.is_terminal:
        raise usage("Nobody can be asked here, and this takes a yes.", "Say --yes.")
    session.note(told)
    session.err.print(f"Type {word} to go on: ", end="", markup=False, highlight=False)
    try:
        typed = input()  # Ctrl-C interrupts the command, as it does anywhere else
    except EOFError:
        typed = ""
    if typed.strip() != word:
        raise CommandError("Nothing was done.", exit=Exit.REFUSED, code="not-confirmed")


def _parts(stack: "Stack") -> list[dict[str, Any]]:
    found = (("Postgres", stack.postgres), (stack.emulator.title, stack.emulator))
    return [
        {"part": name, "state": "stopped" if part.pid is None else "running", "process": part.pid, "port": part.port}
        for name, part in found
    ]


def _stack(environment: Mapping[str, str] = MappingProxyType({})) -> "Stack":
    """Give the stack of this checkout; only `up` lets the environment choose ports and emulator."""
    from infra.local.emulators import wanted_emulator
    from infra.local.record import Ports
    from infra.local.stack import Stack

    folder = stack_folder()
    ports, emulator = Ports.wanted(folder, environment), wanted_emulator(folder, environment)
    return Stack(ROOT, folder, ports, tools=folder, emulator=emulator)
