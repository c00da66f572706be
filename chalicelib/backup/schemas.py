"""Whether a backup of another day fits the table of today, and by which rule."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa

from chalicelib.backup.manifest import Manifest
from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Table
from chalicelib.errors import BackupDamaged, RestoreRefused

# How many digits the whole numbers of a type may have.
_DIGITS = {"int": 10, "long": 19}


def reconcile(manifest: Manifest, table: Table) -> list[str]:
    """What was done to the columns, for the reader of a restore. Raises RestoreRefused when they don't fit.

    They fit when each column of the backup is still there, with the same type or one that holds all its values: 64 bits
    for 32, a decimal of no fewer digits before and behind its point, a decimal for a whole number. A newer column may
    be blank, or the backup does not fit. One that is required now, and might be blank then, fits: the rows tell.
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


def fitted(manifest: Manifest, table: Table) -> pa.Schema:
    """The columns of a backup that fits, of the types that they have in the table now."""
    types = {field.name: field.type for field in table.arrow}
    return pa.schema([field.with_type(types[field.name]) for field in manifest.arrow])


def fit(rows: pa.Table, manifest: Manifest, schema: pa.Schema) -> pa.Table:
    """Rows of a backup with the types of ``fitted``. Raises BackupDamaged for values that are none of their types."""
    narrow = {field["name"] for field in manifest.schema["fields"] if _plain(field["type"]) == "int"}
    own = pa.schema([field.with_type(pa.int32()) if field.name in narrow else field for field in rows.schema])
    try:
        return rows.cast(own).cast(schema)
    except pa.ArrowInvalid as error:
        raise BackupDamaged(
            f"The backup {manifest.id} of {manifest.table} is damaged: a value is none of its column's type ({error}).",
            hint="Restore another backup of the table.",
        ) from error


def _compare(manifest: Manifest, name: str, saved: Any, today: Any) -> list[str]:
    notes = []
    then, now = _plain(saved), _plain(today)
    if then != now:
        if not _holds(then, now):
            raise _refused(manifest, f"its column {name} is {_told(then)}, now it is {_told(now)}")
        if (then, now) == ("int", "long"):
            notes.append(f"The column {name} had 32 bits in the backup; it has 64 now.")
        else:
            notes.append(f"The column {name} was {_told(then)} in the backup; it is {_told(now)} now.")
    if _nullable(saved) and not _nullable(today):
        notes.append(f"The column {name} might be blank in the backup; it is required now, and no row may lack it.")
    return notes


def _holds(then: Any, now: Any) -> bool:
    """Whether every value of a type is one of another."""
    if (then, now) == ("int", "long"):
        return True
    if not isinstance(now, dict) or now["logicalType"] != "decimal":
        return False
    if isinstance(then, dict):
        behind = then.get("scale", 0)
        whole = then.get("precision", math.inf) - behind
    else:
        whole, behind = _DIGITS.get(then, math.inf), 0
    return bool(whole <= now["precision"] - now["scale"] and behind <= now["scale"])


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
