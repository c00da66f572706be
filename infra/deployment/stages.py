"""The configuration of a stage: a TOML file with its name, a table for each stack."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.deployment.errors import DeploymentError
from infra.deployment.parameters import hint, text

FOLDER = Path(__file__).parents[1] / "stages"
STACKS = ("network", "database", "application")
CHALICE_STAGE = "production"


@dataclass(frozen=True)
class Table:
    """What a stage file says of one stack.

    Of an own stack, `given` are parameters of its template. Of an existing network or database, they are what the own
    one's outputs would be.
    """

    own: bool
    given: Mapping[str, str]


@dataclass(frozen=True)
class Stage:
    """A stage: of each stack whether it is ours, and with what."""

    name: str
    file: Path
    network: Table
    database: Table
    application: Table
    chalice_stage: str

    @classmethod
    def read(cls, name: str, folder: Path = FOLDER) -> "Stage":
        """Read the file of a stage. Raises DeploymentError, which says what is wrong where, and what may be there."""
        if not re.fullmatch(r"[a-z0-9-]{1,16}", name):
            raise DeploymentError(f"{name!r} is no name of a stage: it takes up to 16 of a-z, 0-9 and -.")
        file = folder / f"{name}.toml"
        try:
            content = tomllib.loads(file.read_text())
        except FileNotFoundError:
            there = ", ".join(sorted(other.stem for other in folder.glob("*.toml"))) or "none yet"
            raise DeploymentError(f"There is no stage {name}: no file {file}. Stages: {there}.") from None
        except tomllib.TOMLDecodeError as error:
            raise DeploymentError(f"{file}: {error}.") from error
        for key, value in content.items():
            if key not in STACKS or not isinstance(value, dict):
                raise DeploymentError(f"{file}: {key} is no table of a stage.{hint(key, STACKS)}")
        tables = {stack: dict(content.get(stack, {})) for stack in STACKS}
        chalice_stage = tables["application"].pop("chalice_stage", CHALICE_STAGE)
        if not isinstance(chalice_stage, str):
            raise DeploymentError(
                f"{file}: [application] chalice_stage takes the name of a stage of .chalice/config.json."
            )
        read = {stack: _table(table, f"{file}: [{stack}]", stack) for stack, table in tables.items()}
        return cls(name=name, file=file, chalice_stage=chalice_stage, **read)


def _table(said: dict[str, Any], place: str, stack: str) -> Table:
    use = said.pop("use", "own")
    if use not in ("own", "existing") or (stack == "application" and use != "own"):
        allowed = '"own"' if stack == "application" else '"own" or "existing"'
        raise DeploymentError(f"{place} use is {use!r}; it takes {allowed}.")
    return Table(use == "own", {name: text(value, f"{place} {name}") for name, value in said.items()})
