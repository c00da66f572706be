"""The commands, in the groups that `decant --help` shows."""

import importlib.metadata
from typing import Annotated

import typer

from decant.commands import backups, files, metrics, operating, runs, simulation, stack, tables, tokens
from decant.exits import MEANINGS

EPILOG = "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + "."

app = typer.Typer(
    name="decant",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# In the order in which people need them.
for group in (stack, files, runs, tables, metrics, backups, tokens, operating, simulation):
    group.register(app)


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """Pours spreadsheets into a constrained Postgres, and gives them back."""
    if version:
        typer.echo(f"decant {importlib.metadata.version('decant')}")
        raise typer.Exit


def main() -> None:
    """Run the command of the command line."""
    app(prog_name="decant")
