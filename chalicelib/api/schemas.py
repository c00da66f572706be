"""JSON Schemas of what the API takes and answers, for the OpenAPI document. Those of rows come from the dictionary."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from chalicelib.access.principal import Scope
from chalicelib.api.description.catalogue import Entry, file_errors, problems, rejections
from chalicelib.api.ingest import MOST_ROWS
from chalicelib.api.problems import problem_urn
from chalicelib.api.uploads import FILENAME
from chalicelib.dictionary.datatypes import TYPES
from chalicelib.dictionary.model import Dictionary
from chalicelib.identifiers import PATTERN
from chalicelib.load.options import SHARE, OnConflict
from chalicelib.ports import RunKind, RunState

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_BOOLEAN: Schema = {"type": "boolean"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_MOMENT_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
_COUNTS: Schema = dict.fromkeys(("read", "inserted", "updated", "unchanged", "rejected"), _COUNT)
_REASON: Schema = {
    "column": _TEXT_OR_NULL,
    "code": {"$ref": "#/components/schemas/RejectionCode"},
    "message": _TEXT,
    "value": _TEXT_OR_NULL,
}


def schemas(dictionary: Dictionary) -> dict[str, Schema]:
    """Every schema by name."""
    names = [table.name for table in dictionary.tables]
    rows = {name: {"type": "array", "items": _reference(f"Row.{name}")} for name in names}
    limited = {"minItems": 1, "maxItems": MOST_ROWS}
    return {
        "RowsOfTable": {"anyOf": [{**rows[name], **limited} for name in names]},
        "RowsOfTables": {
            "description": f"1 to {MOST_ROWS} rows in all.",
            "type": "object",
            "properties": {name: {**rows[name], "maxItems": MOST_ROWS} for name in names},
            "additionalProperties": False,
            "anyOf": [{"properties": {name: {"minItems": 1}}, "required": [name]} for name in names],
        },
        "Corrections": {
            "description": "For each corrected row its number in the run, as row, and the cells that change; or whole "
            "rows. An object of such arrays by table when the run had several.",
            "anyOf": [
                _array({"type": "object"}),
                {"type": "object", "additionalProperties": _array({"type": "object"})},
            ],
        },
        "Nothing": _object({}),
        "UploadOrder": _object(
            {
                "filename": {"type": "string", "pattern": FILENAME},
                "table": {"enum": [*names, None], "description": "Without one, the name of the file tells it."},
                "on_conflict": {"enum": [*(each.value for each in OnConflict), None]},
                "max_rejected": {
                    "type": ["number", "string", "null"],
                    "pattern": SHARE,
                    "minimum": 0,
                    "maximum": 1,
                    "description": "Share of rejected rows, 0 to 1, above which nothing is loaded.",
                },
            },
            "filename",
        ),
        "Redrive": _object({"run": {**_TEXT_OR_NULL, "pattern": PATTERN, "description": "Only the work of this run."}}),
        "TableRestore": _restore("backup"),
        "SnapshotRestore": _restore("snapshot"),
        **_service_answers(),
        **_table_answers(),
        **_run_answers(),
        **_backup_answers(),
        **_metric_answers(),
    }


def _service_answers() -> dict[str, Schema]:
    up = {"enum": ["ok", "down"]}
    return {
        "RejectionCode": _codes(rejections(), str),
        "FileCode": _codes(file_errors(), str),
        "Problem": _object(
            {"type": _codes([*problems(), *file_errors()], problem_urn),
             "title": _TEXT, "status": _COUNT, "detail": _TEXT, "instance": _TEXT,
             "errors": _array({"type": "object"})},
            "type", "title", "status", "detail", "instance",
        ),
        "Caller": _all({"id": _TEXT, "name": _TEXT, "scopes": _array({"enum": [each.value for each in Scope]})}),
        "Health": _all({"status": up, "database": up, "storage": up, "queue": up, "catalog": up}),
        "OpenApi": {"type": "object"},
    }  # fmt: skip


def _table_answers() -> dict[str, Schema]:
    constraints: Schema = {name: {} for name in ("minimum", "maximum", "enum", "pattern")}
    constraints |= {"min_length": _COUNT, "max_length": _COUNT}
    column = {"name": _TEXT, "type": {"enum": list(TYPES)}, "required": _BOOLEAN, "description": _TEXT,
              "constraints": _object(constraints)}  # fmt: skip
    key = {"columns": _array(_TEXT), "table": _TEXT, "references": _array(_TEXT)}
    rejection = {"row": _COUNT, **_REASON}
    batch = {"run": _TEXT, **_COUNTS, "truncated": _BOOLEAN}
    return {
        "Table": _all(
            {"name": _TEXT, "title": _TEXT, "description": _TEXT, "rows": _COUNT, "primary_key": _array(_TEXT),
             "foreign_keys": _array(_all(key)), "columns": _array(_all(column))}
        ),
        "Tables": _all({"tables": _array(_reference("Table")), "dictionary": _TEXT}),
        "Rows": _page("rows", {"type": "object"}),
        "BatchAnswer": _object({**batch, "rejections": _array(_all(rejection))}, "run", *_COUNTS, "rejections"),
        "TablesAnswer": _object(
            {**batch, "tables": {"type": "object", "additionalProperties": _all(_COUNTS)},
             "rejections": _array(_all({"table": _TEXT, **rejection}))},
            "run", *_COUNTS, "tables", "rejections",
        ),
        "ReplayAnswer": {"anyOf": [_reference("BatchAnswer"), _reference("TablesAnswer")]},
        "Upload": _all(
            {"url": _TEXT, "fields": {"type": "object", "additionalProperties": _TEXT}, "run": _TEXT, "key": _TEXT,
             "expires_in": _COUNT, "max_bytes": _COUNT}
        ),
    }  # fmt: skip


def _run_answers() -> dict[str, Schema]:
    run = {
        "id": _TEXT,
        "kind": {"enum": [each.value for each in RunKind]},
        "table": _TEXT_OR_NULL,
        "state": {"enum": [each.value for each in RunState]},
        "phase": _TEXT,
        "progress": _COUNT,
        "expected": {"type": ["integer", "null"], "description": "How many rows are likely, while that is known."},
        "source": {"anyOf": [_all({"bucket": _TEXT, "key": _TEXT, "version": _TEXT_OR_NULL}), {"type": "null"}]},
        **_COUNTS,
        "created": _MOMENT_OR_NULL,
        "started": _MOMENT_OR_NULL,
        "ended": _MOMENT_OR_NULL,
        "seconds": {"type": ["number", "null"]},
        "dictionary": _TEXT,
        "note": _TEXT_OR_NULL,
        "error": {"type": ["object", "null"]},
        "result": {"type": ["object", "null"]},
    }
    return {
        "Run": _all(run),
        "Runs": _page("runs", _reference("Run")),
        "RejectionsAnswer": {"anyOf": [_reference("Rejections"), _reference("RejectedFile")]},
        "RejectedFile": _all({"url": _TEXT, "expires_in": _COUNT, "filename": _TEXT, "note": _TEXT_OR_NULL}),
        "Reasons": _all(
            {"reasons": _array(_all({"table": _TEXT, "column": _TEXT_OR_NULL, "code": _REASON["code"],
                                     "rows": _COUNT}))}
        ),
        "Rejections": _page(
            "rejections",
            _all({"table": _TEXT, "row": _COUNT, "line": {"type": ["integer", "null"]},
                  "cells": {"type": "object", "additionalProperties": _TEXT_OR_NULL},
                  "reasons": _array(_all(_REASON)), "corrected_by": _TEXT_OR_NULL}),
        ),
        "DeadLetters": _all(
            {"messages": _array(_all({"id": _TEXT, "sent": _MOMENT, "deliveries": _COUNT, "problem": _TEXT_OR_NULL,
                                      "runs": _array(_reference("Run")), "body": _TEXT})),
             "more": _BOOLEAN}
        ),
        "Redriven": _all({"redriven": _COUNT, "more": _BOOLEAN}),
    }  # fmt: skip


def _backup_answers() -> dict[str, Schema]:
    backup = {"id": _TEXT, "table": _TEXT, "snapshot": _TEXT, "state": _TEXT, "rows": _COUNT, "bytes": _COUNT,
              "sha256": _TEXT, "created": _MOMENT, "dictionary": _TEXT, "pinned": _BOOLEAN,
              "verified": _MOMENT_OR_NULL}  # fmt: skip
    return {
        "Backup": _all(backup),
        "Backups": _page("backups", _reference("Backup")),
        "Download": _all({"url": _TEXT, "expires_in": _COUNT}),
        "BackupWithManifest": _all({**backup, "manifest": {"type": "object"}}),
    }


def _metric_answers() -> dict[str, Schema]:
    described = {"name": _TEXT, "type": _TEXT, "description": _TEXT}
    return {
        "Metrics": _all(
            {"metrics": _array(_all({"name": _TEXT, "title": _TEXT, "description": _TEXT,
                                     "columns": _array(_all(described)), "figures": _array(_all(described)),
                                     "parameters": _array({"type": "object"})}))}
        ),
        "MetricAnswer": {
            "type": "object",
            "description": "With the figures that GET /metrics names.",
            "properties": {"metric": _TEXT, "year": _COUNT, "columns": _array(_TEXT),
                           "rows": _array({"type": "object"})},
            "required": ["metric", "year", "columns", "rows"],
        },
    }  # fmt: skip


def _codes(entries: Iterable[Entry], shown: Callable[[str], str]) -> Schema:
    """One of some codes; each with what it means, as https://json-schema.org describes annotated enumerations."""
    return {
        "type": "string",
        "oneOf": [
            {"const": shown(entry.code), "title": entry.title, "description": f"{entry.cause} {entry.cure}"}
            for entry in entries
        ],
    }


def _object(properties: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _all(properties: Schema) -> Schema:
    return _object(properties, *properties)


def _restore(named: str) -> Schema:
    """An order to restore what is named, or the newest as of a moment: one of them, or neither."""
    fields = {named: {"type": ["string", "null"], "pattern": PATTERN}, "as_of": _MOMENT_OR_NULL, "dry_run": _BOOLEAN}
    without = [{"properties": {name: {"type": "null"}}} for name in (named, "as_of")]
    return _object(fields) | {"anyOf": without}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _page(name: str, items: Schema) -> Schema:
    return _all({name: _array(items), "next": _TEXT_OR_NULL})


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
