"""The reference of the command line, written from the commands themselves: python -m decant.reference FILE."""

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from decant.commands import app
from decant.exits import MEANINGS

_HEAD = """# The command line

Made from the commands by `python -m decant.reference docs/reference/cli.md`; a test holds it against them.

`make install` puts `decant` into `.venv/bin`, from where it works in any folder. It speaks with the API that is named
by `--url` and `--token`, or by `DECANT_URL` and `DECANT_TOKEN`, or else with the local stack that `decant up` started.
`decant --install-completion` completes commands in your shell.

Results go to standard output, for people or with `--json` for programs; progress, notes and errors go to standard
error. An error as JSON is `{"error": {"code", "detail", "hint"}}`. `NO_COLOR` turns colours off.

| exit code | means |
|---|---|
"""
# Every command has them; they are told once.
_SHARED = {"--json", "--help", "--url", "--token"}


def markdown() -> str:
    """The reference as Markdown."""
    codes = "".join(f"| {code.value} | {meaning} |\n" for code, meaning in MEANINGS.items())
    return _HEAD + codes + "".join(_command(*found) for found in commands())


def commands() -> Iterator[tuple[str, Any]]:
    """Every command, by the words that call it."""
    yield from _within("decant", typer.main.get_command(app))


def _within(name: str, found: Any) -> Iterator[tuple[str, Any]]:
    inside = getattr(found, "commands", None)
    if inside is None:
        yield name, found
        return
    for each, command in inside.items():
        yield from _within(f"{name} {each}", command)


def _command(name: str, found: Any) -> str:
    told = "\n\n".join(" ".join(paragraph.split()) for paragraph in (found.help or "").split("\n\n"))
    arguments = [each for each in found.params if each.param_type_name == "argument"]
    options = [each for each in found.params if each.param_type_name == "option" and not _SHARED & set(each.opts)]
    usage = " ".join([name, *(_shown(each) for each in arguments), *(["[OPTIONS]"] if options else [])])
    rows = [(_shown(each), each.help) for each in arguments if each.help]
    rows += [(", ".join([*each.opts, *each.secondary_opts]) + _takes(each), each.help) for each in options]
    table = "".join(f"| `{_escaped(called)}` | {_escaped(text)} |\n" for called, text in rows)
    return f"\n## {name}\n\n```text\n{usage}\n```\n\n{told}\n" + (f"\n| | |\n|---|---|\n{table}" if table else "")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _shown(argument: Any) -> str:
    called = argument.metavar or argument.name.upper()
    if argument.required or called.startswith("["):
        return str(called) + ("…" if argument.nargs == -1 and not called.endswith("…") else "")
    return f"[{called}]"


def _takes(option: Any) -> str:
    kind = option.type_descriptor.annotation
    if kind is bool:
        return ""
    if issubclass(kind, Enum):
        return f" {'|'.join(str(each.value) for each in kind)}"
    return f" {option.metavar or {int: 'NUMBER', float: 'NUMBER'}.get(kind, 'TEXT')}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
