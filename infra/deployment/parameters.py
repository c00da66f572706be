"""Parameters of a template: what is given, checked against what the template takes."""

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any

from infra.deployment.errors import DeploymentError


def text(value: Any, place: str) -> str:
    """Give a value of a stage file as CloudFormation takes it. Raises DeploymentError for a table or a date."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return ",".join(text(item, place) for item in value)
    raise DeploymentError(f"{place} is {value!r}; it takes a text, a number, true or false, or a list of them.")


def hint(name: str, known: Collection[str]) -> str:
    """Give the end of a message on a name that is not known: the one that was meant, or all there are."""
    meant = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {meant[0]}?" if meant else f" There are: {', '.join(sorted(known))}."


def known_only(given: Collection[str], known: Collection[str], place: str) -> None:
    """Raise DeploymentError for a name that is not known."""
    for name in given:
        if name not in known:
            raise DeploymentError(f"{place}: there is no {name}.{hint(name, known)}")


def parameters_for(
    template: Mapping[str, Any],
    given: Mapping[str, str],
    handed: Mapping[str, str],
    environment: Mapping[str, str],
    place: str,
) -> dict[str, str]:
    """Put together the parameters of a template: what the stage file gives, else what earlier stacks hand on.

    A parameter that is not echoed is a secret: it comes from the environment, never from a file. Raises
    DeploymentError for one that is not known, that the template would refuse, or that is missing.
    """
    declared: Mapping[str, Any] = template.get("Parameters", {})
    known_only(given, declared, place)
    found = {name: value for name, value in handed.items() if name in declared} | dict(given)
    missing = []
    for name, parameter in declared.items():
        if parameter.get("NoEcho"):
            if name in given:
                raise DeploymentError(
                    f"{place}: {name} is a secret. Put it into the variable {variable(name)} instead."
                )
            if variable(name) in environment:
                found[name] = environment[variable(name)]
        if name in found:
            _check(name, found[name], parameter, place)
        elif "Default" not in parameter:
            wanted = f"the variable {variable(name)}" if parameter.get("NoEcho") else name
            missing.append(f"  {wanted}: {parameter.get('Description', 'no default')}")
    if missing:
        raise DeploymentError(f"{place}: these are missing:\n" + "\n".join(missing))
    return found


def variable(parameter: str) -> str:
    """Give the environment variable of a secret parameter: `DatabasePassword` is `DECANT_DATABASE_PASSWORD`."""
    return "DECANT_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", parameter).upper()


def _check(name: str, value: str, parameter: Mapping[str, Any], place: str) -> None:
    """Refuse what CloudFormation would refuse, some minutes later."""
    shown = "its value" if parameter.get("NoEcho") else repr(value)
    allowed = [str(each) for each in parameter.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise DeploymentError(f"{place}: {name} is {shown}; it takes {' or '.join(allowed)}.")
    pattern = parameter.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        raise DeploymentError(f"{place}: {name} is {shown}, which is not of the form {pattern}.")
    if parameter["Type"] == "Number" and not _within(value, parameter.get("MinValue"), parameter.get("MaxValue")):
        limits = [
            f"{word} {parameter[key]}" for key, word in (("MinValue", "from"), ("MaxValue", "to")) if key in parameter
        ]
        raise DeploymentError(f"{place}: {name} is {shown}; it takes a number {' '.join(limits)}".rstrip() + ".")


def _within(value: str, least: float | None, most: float | None) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return (least is None or number >= float(least)) and (most is None or number <= float(most))
