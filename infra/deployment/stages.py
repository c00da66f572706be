"""The configuration of a stage: a TOML file with its name, a table for each stack."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from infra.deployment.errors import DeploymentError
from infra.deployment.parameters import hint, known_only, text

FOLDER = Path(__file__).parents[1] / "stages"
STACKS = ("network", "database", "application")
_TABLES = ("package", *STACKS)


@dataclass(frozen=True)
class Table:
    """What a stage file says of one stack.

    Of an own stack, `given` are parameters of its template. Of an existing network or database, they are what the own
    one's outputs would be.
    """

    own: bool
    given: Mapping[str, str]


@dataclass(frozen=True)
class Packaging:
    """How the application is packaged for AWS; an emulator runs it with the interpreter at hand.

    `chalice_stage` is one of `.chalice/config.json`, `python` is major.minor, `architecture` is as Lambda names it,
    `environment` holds variables that `app.py` looks at while Chalice reads it.
    """

    chalice_stage: str = "production"
    python: str = "3.13"
    architecture: str = "x86_64"
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """A stage: how it is packaged, and of each stack whether it is ours, and with what."""

    name: str
    file: Path
    package: Packaging
    network: Table
    database: Table
    application: Table

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
            if key not in _TABLES or not isinstance(value, dict):
                raise DeploymentError(f"{file}: {key} is no table of a stage.{hint(key, _TABLES)}")
        read = {stack: _table(dict(content.get(stack, {})), f"{file}: [{stack}]", stack) for stack in STACKS}
        return cls(name=name, file=file, package=_packaging(dict(content.get("package", {})), file), **read)


def _packaging(said: dict[str, Any], file: Path) -> Packaging:
    environment = said.pop("environment", {})
    if not isinstance(environment, dict):
        raise DeploymentError(f"{file}: [package] environment takes a table: [package.environment].")
    given = {name: text(value, f"{file}: [package] {name}") for name, value in said.items()}
    known_only(given, [each.name for each in fields(Packaging)], f"{file}: [package]")
    variables = {name: text(value, f"{file}: [package.environment] {name}") for name, value in environment.items()}
    return Packaging(**given, environment=variables)


def _table(said: dict[str, Any], place: str, stack: str) -> Table:
    use = said.pop("use", "own")
    if use not in ("own", "existing") or (stack == "application" and use != "own"):
        allowed = '"own"' if stack == "application" else '"own" or "existing"'
        raise DeploymentError(f"{place} use is {use!r}; it takes {allowed}.")
    return Table(use == "own", {name: text(value, f"{place} {name}") for name, value in said.items()})
