"""The commands behind the Makefile: python -m infra.local COMMAND. DECANT_FOLDER names another stack than .local/."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from chalicelib.errors import DecantError
from infra.deployment.errors import DeploymentError
from infra.local import dev, logs, operate, report, samples
from infra.local.api import ApiError, ask
from infra.local.embedded_postgres import PostgresError
from infra.local.emulator import EmulatorError
from infra.local.emulators import wanted_emulator
from infra.local.environment import InstallationError
from infra.local.record import FOLDER, Ports, Record, StackError
from infra.local.stack import Stack
from infra.migrate import MigrationError
from infra.package import PackagingError
from infra.telling import complain

ROOT = Path(__file__).parents[2]
EXPECTED = (
    ApiError, DecantError, DeploymentError, EmulatorError, InstallationError, MigrationError, PackagingError,
    PostgresError, StackError
)  # fmt: skip


def main() -> int:
    """Run one command; give the exit status."""
    arguments = _parser().parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=120)
    try:
        if arguments.command in _OPERATIONS:
            return _OPERATIONS[arguments.command](console, Record.read(FOLDER), arguments)
        return _COMMANDS[arguments.command](console)
    except EXPECTED as error:
        complain(arguments.command, error)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in sorted((_COMMANDS | _OPERATIONS).items()):
        added = commands.add_parser(name, help=command.__doc__)
        if name == "drop":
            added.add_argument("files", nargs="+", type=Path)
            added.add_argument("--table", help="the table, where the file's name does not begin with it")
            added.add_argument("--on-conflict", choices=["reject", "skip", "update"])
        if name in ("backup-to-dir", "restore-from-dir"):
            added.add_argument("directory", type=Path)
        if name in ("get", "post"):
            added.add_argument("route", help="a path of the API, such as /runs?limit=5")
        if name == "post":
            added.add_argument("body", nargs="?", help="JSON")
        if name == "restore-from-dir":
            added.add_argument("--dry-run", action="store_true", help="tell what would change, and change nothing")
    return parser


def up(console: Console) -> int:
    """Bring the stack up, load the samples, show the results. Another dictionary than theirs is brought up empty."""

    def step(name: str) -> None:
        console.print(f"• {name}", highlight=False)

    stack = _stack(os.environ)
    record = stack.up(step)
    tables = {table["name"] for table in ask(record, "/tables")["tables"]}
    if not tables.issuperset(samples.TABLES):
        report.own_tables(console, record, sorted(tables))
        return 0
    step("Sample files into the intake bucket")
    dropped = samples.drop(record, ROOT / "sample_data")
    with report.Loads(console) as loads:
        runs = samples.follow(record, dropped, loads.show)
    report.files(console, runs)
    report.metrics(console, record)
    report.next_steps(console, record, runs)
    if not stack.emulator.keeps_state:
        console.print(f"\n{_FORGETFUL}", highlight=False, soft_wrap=True)
    return 0


def down(console: Console) -> int:
    """Stop what `up` started."""
    stack = _stack()
    orderly = stack.down()
    stopped = "Stopped. The data stay in .local/; `make reset` forgets them." if orderly else _LOST
    console.print(stopped if stack.emulator.keeps_state else f"Stopped. {_FORGETFUL}", soft_wrap=True)
    return 0


def reset(console: Console) -> int:
    """Stop the stack and forget its data."""
    _stack().forget()
    console.print("Stopped, and the data forgotten.")
    return 0


def status(console: Console) -> int:
    """Say what runs, and where."""
    stack = _stack()
    for name, part in (("Postgres", stack.postgres), (stack.emulator.title, stack.emulator)):
        state = f"process {part.pid}, 127.0.0.1:{part.port}" if part.pid is not None else "stopped"
        console.print(f"{name:<14}{state}", highlight=False)
    if stack.emulator.pid is not None:
        console.print(f"{'API':<14}{Record.read(FOLDER).api_url}", highlight=False, soft_wrap=True)
    return 0


def _stack(environment: Mapping[str, str] = MappingProxyType({})) -> Stack:
    """Give the stack of this checkout; only `up` lets the environment choose ports and emulator."""
    ports, emulator = Ports.wanted(FOLDER, environment), wanted_emulator(FOLDER, environment)
    return Stack(ROOT, FOLDER, ports, tools=FOLDER, emulator=emulator)


def url(console: Console) -> int:
    """Print the API's URL."""
    console.print(Record.read(FOLDER).api_url, markup=False, highlight=False, soft_wrap=True)
    return 0


def token(console: Console) -> int:
    """Print the token of the local stack."""
    console.print(Record.read(FOLDER).token, markup=False, highlight=False, soft_wrap=True)
    return 0


def develop(_console: Console) -> int:
    """Serve the API with `chalice local` against the running stack."""
    return dev.serve(Record.read(FOLDER), ROOT)


def show_logs(_console: Console) -> int:
    """Print the ends of all logs."""
    return logs.show(_stack(), FOLDER)


_FORGETFUL = (
    "LocalStack keeps nothing when it stops: the files in the buckets, the backups and the catalogue of runs are gone "
    "then (`make backup-to-dir` saves backups). The tables and the ledger stay in Postgres: `make up` deploys anew "
    "over them, and loads no file twice."
)
_LOST = "Stopped, by force: the emulator could not save its state."
_COMMANDS = {
    "dev": develop,
    "down": down,
    "logs": show_logs,
    "local-token": token,
    "reset": reset,
    "status": status,
    "up": up,
    "url": url,
}
_OPERATIONS = {
    "backup-to-dir": operate.backup_to_directory,
    "dead-letters": operate.show_dead_letters,
    "drill": operate.drill,
    "drop": operate.drop,
    "get": operate.call,
    "post": operate.call,
    "rebuild-catalog": operate.rebuild,
    "redrive": operate.redrive,
    "retention": operate.retention,
    "restore-from-dir": operate.restore_from_directory,
}

if __name__ == "__main__":
    sys.exit(main())
