"""Which table a file is for: ``incoming/<table>/<any name>``, or a name that begins with the word of the table."""

from __future__ import annotations

import re

from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.options import without_options

INTAKE_PREFIX = "incoming/"
_NAME_ENDS = re.compile(r"[^A-Za-z]")


def claimed_by(dictionary: Dictionary, key: str) -> Table | None:
    """The table that claims an object's key, the one of the longest name; letter case does not matter."""
    folders, _, name = without_options(key).removeprefix(INTAKE_PREFIX).rpartition("/")
    claims = [table for table in dictionary.tables if _claims(table, folders.split("/"), name)]
    return max(claims, key=lambda table: len(table.name), default=None)


def route(dictionary: Dictionary, key: str) -> Table:
    """The table that claims an object's key. Raises FileError when none does."""
    table = claimed_by(dictionary, key)
    if table is None:
        names = [each.name for each in dictionary.tables]
        raise FileError(
            FileCode.UNKNOWN_TABLE,
            f"No table claims the file {key.removeprefix(INTAKE_PREFIX)!r}.",
            hint=f"Name it after its table, such as {names[0]}.csv, or put it into a folder {INTAKE_PREFIX}<table>/; "
            f"the tables are {', '.join(names)}.",
        )
    return table


def _claims(table: Table, folders: list[str], name: str) -> bool:
    if folders[0]:
        return folders[0].lower() == table.name.lower()
    begins = name.lower().startswith(table.name.lower())
    return begins and _NAME_ENDS.match(name, len(table.name)) is not None
