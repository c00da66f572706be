"""What sheets are called, as they are written and read again: after a table, or the summary of a run."""

from __future__ import annotations

from zlib import crc32

SUMMARY = "Decant summary"
_LONGEST = 31


def sheet_title(table: str) -> str:
    """The title of a table's sheet: its name, or what a title has room for of it, told apart by a checksum."""
    return table if len(table) <= _LONGEST else f"{table[:22]}_{crc32(table.encode()):08x}"


def names(title: str, table: str) -> bool:
    """Whether a sheet of this title is the table's. Of a long name people write what a title has room for."""
    return title.strip().lower() in {each.lower() for each in (table, table[:_LONGEST], sheet_title(table))}
