"""The application's CloudFormation template: one file for each concern beside this module, composed into one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chalice.package import YAMLTemplateSerializer

FOLDER = Path(__file__).parent
DESCRIPTION = "Decant pours spreadsheets into a constrained Postgres"


class TemplateError(Exception):
    """Two files of the template contradict each other; the message names the place."""


def fragments() -> list[Path]:
    """Give the files of the template, in one order everywhere."""
    return sorted(FOLDER.glob("*.yaml"))


def application_template() -> dict[str, Any]:
    """Compose the template that `chalice package` merges into its own. Raises TemplateError."""
    return compose(fragments())


def compose(files: Iterable[Path]) -> dict[str, Any]:
    """Put the files into one template, with the short forms of intrinsic functions written out (`!Ref` as `Ref`).

    Mappings are joined; whatever else is said twice raises TemplateError.
    """
    template: dict[str, Any] = {"Description": DESCRIPTION}
    for file in files:
        _join(template, YAMLTemplateSerializer().load_template(file.read_text(), file.name), file.name)
    return template


def _join(into: dict[str, Any], fragment: dict[str, Any], place: str) -> None:
    for name, value in fragment.items():
        if name not in into:
            into[name] = value
        elif isinstance(value, dict) and isinstance(into[name], dict):
            _join(into[name], value, f"{place}: {name}")
        else:
            raise TemplateError(f"{place}: {name} is said elsewhere already.")
