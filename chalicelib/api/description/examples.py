"""The examples of every operation, for any dictionary. A test sends each one, and names the operations without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any

from chalicelib.api.answers import described_metric, described_table, page_object
from chalicelib.api.description.example import BACKUP, FILE_RUN, RUN, SNAPSHOT, Example
from chalicelib.api.description.sample_answers import (
    backup_answer,
    batch_answer,
    dead_letters_answer,
    manifest_answer,
    metric_answer,
    rejected,
    rejected_row,
    rejections_answer,
    required_column,
    run_answer,
    spoiled,
    upload_answer,
)
from chalicelib.api.description.sample_rows import ancestors, sample_rows
from chalicelib.api.problems import MEDIA_TYPE, problem_document
from chalicelib.api.request import bad_parameter
from chalicelib.api.responses import CSV, SVG
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.errors import BadRequest, DecantError, NotFound
from chalicelib.load.marked_csv import write_csv
from chalicelib.load.rows import ReasonCode, RejectedRow
from chalicelib.metrics.compute import DEFAULT_YEAR
from chalicelib.metrics.registry import find_metric, metrics_of
from chalicelib.ports import RunKind

_SIGNED = "https://decant-backups.s3.eu-central-1.amazonaws.com/…?X-Amz-Signature=2f8c…"
_UNKNOWN = "20200101T000000000000-00000000"


def examples_of(dictionary: Dictionary) -> Mapping[str, Sequence[Example]]:
    """The examples of each operation, by the name of its view."""
    table = dictionary.tables[0]
    return {
        **_of_the_service(),
        **_of_tables(dictionary, table),
        **_of_batches(dictionary),
        **_of_runs(dictionary, table),
        **_of_backups(dictionary, table),
        **_of_restores(dictionary, table),
        **_of_dead_letters(dictionary, table),
        **_of_metrics(dictionary),
    }


def _of_the_service() -> Mapping[str, Sequence[Example]]:
    parts = ("status", "database", "storage", "queue", "catalog")
    return {
        "get_health": [Example("all is well", 200, dict.fromkeys(parts, "ok"))],
        "get_me": [Example("who asks", 200, {"id": "k7q2m9x4c1vb", "name": "loader", "scopes": ["read", "write"]})],
        "get_openapi": [Example("this document", 200, {"openapi": "3.1.0", "info": {"title": "Decant"}})],
    }


def _of_tables(dictionary: Dictionary, table: Table) -> Mapping[str, Sequence[Example]]:
    at, rows = {"table": table.name}, sample_rows(dictionary, table, 2)
    key = table.primary_key[0]
    limit = bad_parameter("limit", "limit is '5000'.", "It takes a whole number from 1 to 1000.")
    heads, cells = ",".join(rows[0]), ",".join("" if value is None else str(value) for value in rows[0].values())
    found = page_object("rows", rows[:1], None)
    return {
        "list_tables": [
            Example(
                "all tables",
                200,
                {"tables": [described_table(each, 2) for each in dictionary.tables], "dictionary": dictionary.digest},
            )
        ],
        "get_table": [
            Example("one table", 200, described_table(table, 2), at),
            _problem(
                "no such table", _raised(lambda: dictionary.table("nothing")), "/tables/nothing", {"table": "nothing"}
            ),
        ],
        "list_rows": [
            Example("the first rows", 200, page_object("rows", rows, None), at, {"limit": "2"}),
            Example("rows with a key", 200, found, at, {f"{key}__lte": str(rows[0][key])}),
            Example("as CSV", 200, f"{heads}\r\n{cells}\r\n", at, {"format": "csv", "limit": "1"}, media=CSV),
            _problem("too many at once", limit, f"/tables/{table.name}/rows", at, {"limit": "5000"}),
        ],
    }


def _of_batches(dictionary: Dictionary) -> Mapping[str, Sequence[Example]]:
    table, family = dictionary.tables[0], ancestors(dictionary, dictionary.tables[-1])
    at, rows, first = {"table": table.name}, sample_rows(dictionary, table, 2), family[0]
    bad, second = spoiled(table, rows[1]), spoiled(first, sample_rows(dictionary, first, 2)[1])
    whole = {each.name: sample_rows(dictionary, each, 1) for each in family}

    def of_one(good: int, *rejections: RejectedRow, atomic: bool = False) -> Any:
        return batch_answer([table], good, rejections, by_table=False, atomic=atomic)

    def of_all(tables: Sequence[Table], good: int, *rejections: RejectedRow) -> Any:
        return batch_answer(tables, good, rejections, by_table=True)

    return {
        "post_rows": [
            Example("all rows go in", 201, of_one(2), at, body=rows),
            Example("some rows go in", 207, of_one(1, rejected(table, 2)), at, body=[rows[0], bad]),
            Example("no row goes in", 422, of_one(0, rejected(table, 1)), at, body=[bad]),
            Example("all or nothing", 422, of_one(1, rejected(table, 2), atomic=True), at, {"mode": "atomic"},
                    [rows[0], bad]),
            _problem("no rows", BadRequest("There are no rows.", hint="Send 1 to 1000 of them."),
                     f"/tables/{table.name}/rows", at, body=[]),
        ],
        "post_batch": [
            Example("rows of several tables", 201, of_all(family, 1), body=whole),
            Example("one of them is bad", 207, of_all(family, 1, rejected(first, 2)),
                    body=whole | {first.name: [*whole[first.name], second]}),
            Example("no row goes in", 422, of_all([first], 0, rejected(first, 1)), body={first.name: [second]}),
        ],
        "post_upload": [
            Example("a form for a file", 201, upload_answer(table), body={"filename": f"{table.name}.csv"}),
            Example("a file of any name", 201, upload_answer(table),
                    body={"filename": "january.xlsx", "table": table.name, "on_conflict": "update"}),
        ],
    }  # fmt: skip


def _of_runs(dictionary: Dictionary, table: Table) -> Mapping[str, Sequence[Example]]:
    at, row = {"run": RUN}, sample_rows(dictionary, table, 2)[1]
    missing = required_column(table).name
    of_batch = run_answer(dictionary, RunKind.BATCH, table)
    half = batch_answer([table], 1, [rejected(table, 3, blank=True)], by_table=False)
    reason = {"table": table.name, "column": missing, "code": ReasonCode.MISSING_CELL, "rows": 2}
    again = run_answer(dictionary, RunKind.REPLAY, table, ended=False, load=True)
    target = StringIO(newline="")
    write_csv(target, table, RUN, [rejected_row(table, row)])
    name = f"{table.name}-rejected-{RUN}.xlsx"
    file = {"url": _SIGNED, "expires_in": 300, "filename": name, "note": None}
    return {
        "list_runs": [Example("the newest run", 200, page_object("runs", [of_batch], None), {}, {"limit": "1"})],
        "get_run": [
            Example("a run", 200, of_batch, at),
            _problem("no such run", NotFound(f"There is no run {_UNKNOWN}.", hint="GET /runs lists those there are."),
                     f"/runs/{_UNKNOWN}", {"run": _UNKNOWN}),
        ],
        "list_reasons": [Example("why", 200, {"reasons": [reason]}, at)],
        "list_rejections": [
            Example("rejected rows", 200, rejections_answer(table, row), at),
            Example("as CSV", 200, target.getvalue(), at, {"format": "csv"}, media=CSV),
            Example("a redirection to the marked workbook", 303, None, at, {"format": "xlsx"}),
            Example("where the marked workbook is", 200, file, at, {"format": "xlsx", "redirect": "false"}),
        ],
        "post_replay": [
            Example("a corrected cell", 201, batch_answer([table], 1, by_table=False), at,
                    body=[{"row": 2, missing: row[missing]}]),
            Example("one is still bad", 207, half, at,
                    body=[{"row": 2, missing: row[missing]}, {"row": 3, missing: None}]),
            Example("the file again", 202, again, {"run": FILE_RUN}),
        ],
    }  # fmt: skip


def _of_backups(dictionary: Dictionary, table: Table) -> Mapping[str, Sequence[Example]]:
    at = {"backup": BACKUP}
    backup, pinned = backup_answer(dictionary, table), backup_answer(dictionary, table, pinned=True)
    unknown = NotFound(f"There is no backup {_UNKNOWN}.", hint="GET /backups lists those there are.")

    def queued(kind: RunKind, of: Table | None = None) -> dict[str, Any]:
        return run_answer(dictionary, kind, of, ended=False)

    return {
        "post_table_backup": [Example("one table", 202, queued(RunKind.BACKUP, table), {"table": table.name})],
        "post_backup": [Example("all tables", 202, queued(RunKind.BACKUP))],
        "list_backups": [
            Example("the newest backup", 200, page_object("backups", [backup], None), {}, {"limit": "1"}),
            Example("of one table", 200, page_object("backups", [backup], None), {}, {"table": table.name}),
        ],
        "get_backup": [
            Example("a backup", 200, manifest_answer(dictionary, table), at),
            _problem("no such backup", unknown, f"/backups/{_UNKNOWN}", {"backup": _UNKNOWN}),
        ],
        "get_backup_file": [
            Example("a redirection to the file", 303, None, at),
            Example("where the file is", 200, {"url": _SIGNED, "expires_in": 300}, at, {"redirect": "false"}),
        ],
        "post_verification": [Example("read it back", 202, queued(RunKind.VERIFY, table), at)],
        "post_pin": [Example("keep it", 200, pinned, at)],
        "post_unpin": [Example("leave it to retention", 200, backup, at)],
        "post_rebuild": [Example("fill the catalogue", 202, queued(RunKind.REBUILD))],
        "post_drill": [Example("practise", 202, queued(RunKind.DRILL))],
    }


def _of_restores(dictionary: Dictionary, table: Table) -> Mapping[str, Sequence[Example]]:
    at = {"table": table.name}
    one = run_answer(dictionary, RunKind.RESTORE, table, ended=False)
    every = run_answer(dictionary, RunKind.RESTORE, None, ended=False)
    return {
        "post_table_restore": [
            Example("see what would change", 202, one, at, body={"dry_run": True}),
            Example("a certain backup", 202, one, at, body={"backup": BACKUP}),
            Example("as of a moment", 202, one, at, body={"as_of": "2100-01-01T00:00:00Z", "dry_run": True}),
        ],
        "post_restore": [
            Example("the newest snapshot", 202, every, body={"dry_run": True}),
            Example("a certain snapshot", 202, every, body={"snapshot": SNAPSHOT, "dry_run": True}),
        ],
    }


def _of_dead_letters(dictionary: Dictionary, table: Table) -> Mapping[str, Sequence[Example]]:
    return {
        "list_dead_letters": [
            Example("some of it", 200, dead_letters_answer(dictionary, table), query={"limit": "1"}),
        ],
        "post_redrive": [
            Example("all of it", 200, {"redriven": 2, "more": False}),
            Example("the work of one run", 200, {"redriven": 1, "more": False}, body={"run": RUN}),
        ],
    }


def _of_metrics(dictionary: Dictionary) -> Mapping[str, Sequence[Example]]:
    metrics = metrics_of(dictionary)
    unknown = _raised(lambda: find_metric(dictionary, "nothing"))
    computed = []
    for metric in metrics:
        at, year = {"metric": metric.name}, {"year": str(DEFAULT_YEAR)}
        told, heads = metric_answer(metric, DEFAULT_YEAR), ",".join(column.name for column in metric.columns)
        computed.append(Example(metric.name, 200, told, at, year))
        computed.append(Example(f"{metric.name} as CSV", 200, f"{heads}\r\n", at, year | {"format": "csv"}, media=CSV))
        picture = '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
        computed.append(Example(f"{metric.name} as a picture", 200, picture, at, {"format": "svg"}, media=SVG))
    return {
        "list_metrics": [Example("all metrics", 200, {"metrics": [described_metric(metric) for metric in metrics]})],
        "get_metric": [
            *computed,
            _problem("no such metric", unknown, "/metrics/nothing", {"metric": "nothing"}),
        ],
    }


def _raised(fail: Callable[[], object]) -> DecantError:
    """What a call raises that must fail."""
    try:
        fail()
    except DecantError as error:
        return error
    raise AssertionError("An example of a failure did not fail.")


def _problem(
    name: str,
    error: DecantError,
    instance: str,
    variables: Mapping[str, str],
    query: Mapping[str, str] | None = None,
    body: Any = None,
) -> Example:
    told = problem_document(error, instance)
    return Example(name, error.status, told, variables, query or {}, body, MEDIA_TYPE)
