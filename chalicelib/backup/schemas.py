"""Whether a backup of another day fits the table of today, and by which rule."""

from __future__ import annotations

from typing import Any

from chalicelib.backup.manifest import Manifest
from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Table
from chalicelib.errors import RestoreRefused


def reconcile(manifest: Manifest, table: Table) -> list[str]:
    """What the reader of a restore should know about the columns. Raises RestoreRefused when they don't fit.

    They fit when each column of the backup is still there with the same type, or with 64 bits for 32, and may be blank
    if it might be blank then; and when each newer column may be blank.
    """
    if manifest.key != table.primary_key:
        raise _refused(manifest, f"its rows are told apart by {_list(manifest.key)}, now by {_list(table.primary_key)}")
    saved = {field["name"]: field["type"] for field in manifest.schema["fields"]}
    today = {field["name"]: field["type"] for field in avro_schema(table)["fields"]}
    if gone := saved.keys() - today.keys():
        raise _refused(
            manifest, f"the table has no column {_list(sorted(gone))} any more, and its values would be lost"
        )
    notes = []
    for name, avro in today.items():
        if name in saved:
            notes += _compare(manifest, name, saved[name], avro)
        elif not _nullable(avro):
            raise _refused(manifest, f"it has no column {name}, which is required now")
        else:
            notes.append(f"The column {name} is newer than the backup: it is blank in every row.")
    return notes


def _compare(manifest: Manifest, name: str, saved: Any, today: Any) -> list[str]:
    if _nullable(saved) and not _nullable(today):
        raise _refused(manifest, f"its column {name} may be blank, and is required now")
    then, now = _plain(saved), _plain(today)
    if (then, now) == ("int", "long"):
        return [f"The column {name} had 32 bits in the backup; it has 64 now."]
    if then != now:
        raise _refused(manifest, f"its column {name} is {_told(then)}, now it is {_told(now)}")
    return []


def _nullable(avro: Any) -> bool:
    return isinstance(avro, list)


def _plain(avro: Any) -> Any:
    return avro[1] if _nullable(avro) else avro


def _told(avro: Any) -> str:
    if not isinstance(avro, dict):
        return str(avro)
    digits = f"({avro['precision']}, {avro['scale']})" if {"precision", "scale"} <= avro.keys() else ""
    return f"{avro.get('logicalType', avro.get('type'))}{digits}"


def _list(names: Any) -> str:
    return ", ".join(names)


def _refused(manifest: Manifest, reason: str) -> RestoreRefused:
    return RestoreRefused(
        f"The backup {manifest.id} does not fit the table {manifest.table}: {reason}.",
        hint="Restore it with the dictionary of its day, into another database, or read its Avro file.",
    )
