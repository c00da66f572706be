"""The commands behind the Makefile: python -m infra.local up | down | reset | status | logs | dev."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from infra.deploy import DeploymentError
from infra.local import dev, logs, report, samples
from infra.local.embedded_postgres import PostgresError
from infra.local.emulator import EmulatorError
from infra.local.environment import InstallationError
from infra.local.record import Ports, Record, StackError
from infra.local.samples import ApiError
from infra.local.stack import Stack
from infra.package import PackagingError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".local"
EXPECTED = (
    ApiError, DeploymentError, EmulatorError, InstallationError, PackagingError, PostgresError, StackError
)  # fmt: skip


def main() -> int:
    """Run one command; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument("command", choices=sorted(_COMMANDS))
    command = parser.parse_args().command
    console = Console() if sys.stdout.isatty() else Console(width=120)
    try:
        return _COMMANDS[command](console)
    except EXPECTED as error:
        Console(stderr=True).print(
            f"make {command}: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        return 1
    except KeyboardInterrupt:
        return 130


def up(console: Console) -> int:
    """Bring the stack up, load the samples, show the results."""

    def step(name: str) -> None:
        console.print(f"• {name}", highlight=False)

    record = _stack(os.environ).up(step)
    step("Sample files into the intake bucket")
    dropped = samples.drop(record, ROOT / "sample_data")
    with report.Loads(console) as loads:
        runs = samples.follow(record, dropped, loads.show)
    report.files(console, runs)
    report.metrics(console, record)
    report.next_steps(console, record, runs)
    return 0


def down(console: Console) -> int:
    """Stop what `up` started."""
    orderly = _stack().down()
    console.print("Stopped. The data stay in .local/; `make reset` forgets them." if orderly else _LOST)
    return 0


def reset(console: Console) -> int:
    """Stop the stack and forget its data."""
    _stack().forget()
    console.print("Stopped, and the data forgotten.")
    return 0


def status(console: Console) -> int:
    """Say what runs, and where."""
    stack = _stack()
    for name, part in (("Postgres", stack.postgres), ("AWS emulator", stack.emulator)):
        state = f"process {part.pid}, 127.0.0.1:{part.port}" if part.pid is not None else "stopped"
        console.print(f"{name:<14}{state}", highlight=False)
    if stack.emulator.pid is not None:
        console.print(f"{'API':<14}{Record.read(FOLDER).api_url}", highlight=False, soft_wrap=True)
    return 0


def _stack(environment: Mapping[str, str] = MappingProxyType({})) -> Stack:
    """Give the stack of this checkout; only `up` lets the environment choose ports."""
    return Stack(ROOT, FOLDER, Ports.wanted(FOLDER, environment), tools=FOLDER)


_LOST = "Stopped, by force: the emulator could not save its state."
_COMMANDS = {
    "dev": lambda _: dev.serve(Record.read(FOLDER), ROOT),
    "down": down,
    "logs": lambda _: logs.show(_stack(), FOLDER),
    "reset": reset,
    "status": status,
    "up": up,
}

if __name__ == "__main__":
    sys.exit(main())
