"""settings.md: what a deployment is given, and what its functions and a checkout read of the environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.deployment.templates import DATABASE, NETWORK, load_template
from infra.reference.markdown import code, document, table

APPLICATION = Path(__file__).parents[1] / "application"

# What people set themselves; a test holds the names against the code.
CHECKOUT = {
    "DECANT_PORT": ("4566", "Port of the local stack's AWS."),
    "DECANT_POSTGRES_PORT": ("55432", "Port of the local stack's Postgres."),
    "DECANT_DEV_PORT": ("8000", "Port of `make dev`."),
    "DECANT_EMULATOR": ("ministack", "Emulator of the local stack: ministack or localstack."),
    "DECANT_FOLDER": (".local", "Where the local stack keeps its data."),
    "DECANT_URL": ("", "The API that commands ask, in place of the local stack's."),
    "DECANT_TOKEN": ("", "The token that they show."),
}
FUNCTION = {
    "DECANT_USER_POOL": ("", "ARN of the user pool, with `DECANT_AUTHORIZER=cognito`."),
}


def settings_document() -> str:
    """The parameters of the templates, and the environment."""
    templates = [("The application", sorted(APPLICATION.glob("*.yaml"))), ("The network", [NETWORK]),
                 ("The database", [DATABASE])]  # fmt: skip
    parts = [part for title, files in templates for part in (f"### {title}", _parameters(files))]
    return document(
        "Settings",
        "## Parameters of a stage",
        "They stand in `infra/stages/<stage>.toml`, in the sections `[application]`, `[network]` and `[database]`, "
        "under the names here; [deploy.md](../deploy.md) tells more. What has a dash is found out by `make deploy`, "
        "unless told.",
        *parts,
        "## Environment of the functions",
        "The application's template sets it. A stage of `.chalice/config.json` may add to it.",
        table(["variable", "is", "functions"], _environment()),
        table(["variable", "if left out", "is"], [[code(name), *told] for name, told in FUNCTION.items()]),
        "## Environment of a checkout",
        "What `make` and the tools read on a laptop.",
        table(
            ["variable", "if left out", "is"],
            [[code(name), code(usual), text] for name, (usual, text) in CHECKOUT.items()],
        ),
    )


def _parameters(files: list[Path]) -> str:
    rows = []
    for file in files:
        for name, told in load_template(file).get("Parameters", {}).items():
            takes = ", ".join(code(str(each)) for each in told.get("AllowedValues", ())) or told["Type"]
            usual = code(str(told["Default"])) if "Default" in told else "—"
            rows.append([code(name), takes, usual, told.get("Description", ""), code(file.name)])
    return table(["parameter", "takes", "if left out", "is", "template"], rows)


def environment() -> Iterator[tuple[str, str, str]]:
    """Every variable that the application's templates set, what it is, and for which functions."""
    for file in sorted(APPLICATION.glob("*.yaml")):
        template = load_template(file)
        everywhere = _variables(template.get("Globals", {}).get("Function", {}))
        yield from ((name, _told(value), "all") for name, value in everywhere.items())
        for function, resource in template.get("Resources", {}).items():
            variables = _variables(resource.get("Properties", {}) if isinstance(resource, Mapping) else {})
            yield from ((name, _told(value), function) for name, value in variables.items())


def _environment() -> list[list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for name, value, function in environment():
        found.setdefault((name, value), []).append(function)
    return [[code(name), value, ", ".join(functions)] for (name, value), functions in sorted(found.items())]


def _variables(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    told = properties.get("Environment", {})
    variables = told.get("Variables", {}) if isinstance(told, Mapping) else {}
    return variables if isinstance(variables, Mapping) else {}


def _told(value: Any) -> str:
    if isinstance(value, Mapping) and "Ref" in value:
        return f"the parameter or resource {code(value['Ref'])}"
    if isinstance(value, Mapping) and "Fn::GetAtt" in value:
        attribute = value["Fn::GetAtt"]
        return code(attribute if isinstance(attribute, str) else ".".join(attribute))
    return code(value if isinstance(value, str) else json.dumps(value))
