"""Backups and restores: ordering them, and telling which there are."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pyarrow as pa
from chalice.app import Response

from chalicelib.access.principal import Scope
from chalicelib.api.answers import backup_object, moment, page_object
from chalicelib.api.blueprint import Blueprint
from chalicelib.api.orders import answer_request, order, order_response
from chalicelib.api.parameters import AFTER_ID, LIMIT, REDIRECT, TABLE
from chalicelib.api.request import ApiRequest, bad_field, bad_parameter, checked_id
from chalicelib.api.responses import answer_response, download_response, json_response, json_text
from chalicelib.backup.catalogue import find, find_snapshot
from chalicelib.backup.inventory import pin
from chalicelib.backup.manifest import manifest_object
from chalicelib.backup.ranges import MOST_PARTS
from chalicelib.backup.verification import load_manifest
from chalicelib.dictionary.datatypes import DateTime
from chalicelib.errors import NotFound
from chalicelib.idempotency import Answer
from chalicelib.identifiers import is_id
from chalicelib.ports import Backup, RunKind
from chalicelib.wiring import services

backups = Blueprint(__name__)

_DOWNLOAD_SECONDS = 300
# Of an order that its path says whole.
_NO_FIELDS: dict[str, Any] = {"body": "Nothing", "body_required": False}
_PART = {
    "type": "integer", "minimum": 1, "maximum": MOST_PARTS,
    "description": "Which file of a backup that has several, as its manifest lists them.",
}  # fmt: skip


@backups.post("/tables/{table}/backups", scope=Scope.OPERATE, **_NO_FIELDS, answers={202: "Run", 404: "Problem"})
def post_table_backup(request: ApiRequest, table: str) -> Response:
    """Back up one table."""
    request.fields()
    found = services().dictionary.table(table)
    return order_response(services(), request, lambda: _order_backup([found.name], found.name))


@backups.post("/backups", scope=Scope.OPERATE, **_NO_FIELDS, answers={202: "Run"})
def post_backup(request: ApiRequest) -> Response:
    """Back up all tables in one consistent snapshot."""
    request.fields()
    tables = [table.name for table in services().dictionary.tables]
    return order_response(services(), request, lambda: _order_backup(tables, None))


@backups.get("/backups", query={"limit": LIMIT, "after": AFTER_ID, "table": TABLE}, answers={200: "Backups"})
def list_backups(request: ApiRequest) -> Response:
    """List backups, newest first."""
    limit, after = request.number("limit", 100, 1, 1000), request.identifier("after")
    page = services().catalog.backups(limit=limit, after=after, table=request.query.get("table"))
    return json_response(page_object("backups", [backup_object(each) for each in page.items], page.next))


@backups.get("/backups/{backup}", answers={200: "BackupWithManifest", 404: "Problem", 409: "Problem"})
def get_backup(_request: ApiRequest, backup: str) -> Response:
    """Tell a backup and its manifest."""
    found = _backup(backup)
    manifest = load_manifest(services().backups, found)
    told = manifest_object(manifest) | {"created": moment(manifest.created)}
    return json_response(backup_object(found) | {"manifest": told})


@backups.get("/backups/{backup}/file", query={"part": _PART, "redirect": REDIRECT},
             answers={200: "Download", 303: None, 404: "Problem", 409: "Problem"})  # fmt: skip
def get_backup_file(request: ApiRequest, backup: str) -> Response:
    """Go to the AVRO file of a backup, or one of its files, under a URL that is good for five minutes."""
    part, redirect = request.number("part", 0, 1, MOST_PARTS), request.redirect
    manifest = load_manifest(services().backups, _backup(backup))
    count = len(manifest.files)
    if part > count or (part == 0 and count > 1):
        has = "one file" if count == 1 else f"{count} files"
        raise bad_parameter("part", f"The backup has {has}.", f"Ask for each with part, from 1 to {count}.")
    number = f"-{part:04}" if count > 1 else ""
    name = f"{manifest.table}-{manifest.id}{number}.avro"
    file = manifest.files[max(part, 1) - 1].file
    url = services().backups.presign_download(file, seconds=_DOWNLOAD_SECONDS, filename=name)
    return download_response(url, _DOWNLOAD_SECONDS, redirect=redirect)


@backups.post("/backups/{backup}/verify", scope=Scope.OPERATE, **_NO_FIELDS, answers={202: "Run", 404: "Problem"})
def post_verification(request: ApiRequest, backup: str) -> Response:
    """Read a backup back: hash, rows, schema, checksums. The run of a damaged one fails with the damage."""
    request.fields()
    return order_response(services(), request, lambda: _order_verification(backup))


@backups.post("/backups/{backup}/pin", scope=Scope.OPERATE, **_NO_FIELDS, answers={200: "Backup", 404: "Problem"})
def post_pin(request: ApiRequest, backup: str) -> Response:
    """Keep a backup, and its snapshot, for as long as it is pinned, whatever retention says."""
    request.fields()
    return answer_response(answer_request(services(), request, lambda: _pin(request, backup, pinned=True)))


@backups.post("/backups/{backup}/unpin", scope=Scope.OPERATE, **_NO_FIELDS, answers={200: "Backup", 404: "Problem"})
def post_unpin(request: ApiRequest, backup: str) -> Response:
    """Leave a backup to retention again."""
    request.fields()
    return answer_response(answer_request(services(), request, lambda: _pin(request, backup, pinned=False)))


@backups.post("/backups/rebuild", scope=Scope.OPERATE, **_NO_FIELDS, answers={202: "Run"})
def post_rebuild(request: ApiRequest) -> Response:
    """Fill a lost catalogue again: the backups from the bucket, the runs from the ledger."""
    request.fields()
    return order_response(services(), request, lambda: order(services(), RunKind.REBUILD, {"work": "rebuild"}))


@backups.post("/drills", scope=Scope.OPERATE, **_NO_FIELDS, answers={202: "Run"})
def post_drill(request: ApiRequest) -> Response:
    """Restore the newest snapshot of all tables for practice, into a place that vanishes; no table is touched."""
    request.fields()
    return order_response(services(), request, lambda: order(services(), RunKind.DRILL, {"work": "drill"}))


@backups.post("/tables/{table}/restores", scope=Scope.OPERATE, body="TableRestore", body_required=False,
              answers={202: "Run", 404: "Problem"})  # fmt: skip
def post_table_restore(request: ApiRequest, table: str) -> Response:
    """Restore a table from a backup: the one named, or the newest, or the newest as of a moment."""
    found, given = services().dictionary.table(table), request.fields("backup", "as_of", "dry_run")
    dry_run, as_of = _dry_run(given), _as_of(given, "backup")

    def work() -> Answer:
        backup = find(services().catalog, found.name, backup=_id(given, "backup"), as_of=as_of)
        return _order_restore([backup], found.name, dry_run)

    return order_response(services(), request, work)


@backups.post(
    "/restores", scope=Scope.OPERATE, body="SnapshotRestore", body_required=False, answers={202: "Run", 404: "Problem"}
)
def post_restore(request: ApiRequest) -> Response:
    """Restore all tables of one snapshot: the one named, or the newest of all tables, or that as of a moment."""
    given = request.fields("snapshot", "as_of", "dry_run")
    dry_run, as_of = _dry_run(given), _as_of(given, "snapshot")

    def work() -> Answer:
        wired = services()
        found = find_snapshot(
            wired.backups, wired.catalog, wired.dictionary, snapshot=_id(given, "snapshot"), as_of=as_of
        )
        return _order_restore(found, None, dry_run)

    return order_response(services(), request, work)


def _order_verification(identifier: str) -> Answer:
    backup = _backup(identifier)
    message = {"work": "verify", "backup": backup.id}
    return order(services(), RunKind.VERIFY, message, table=backup.table, result={"backups": [backup.id]})


def _pin(request: ApiRequest, identifier: str, *, pinned: bool) -> Answer:
    wired, backup = services(), _backup(identifier)
    pin(wired.backups, backup, pinned=pinned, by=request.principal.name, now=dt.datetime.now(dt.UTC))
    if not wired.catalog.note_backup(backup.id, pinned=pinned):
        raise _not_found(backup.id)  # retention was faster
    return Answer(200, json_text(backup_object(replace(backup, pinned=pinned))))


def _order_backup(tables: list[str], table: str | None) -> Answer:
    message = {"work": "backup", "tables": tables}
    return order(services(), RunKind.BACKUP, message, table=table)


def _order_restore(chosen: list[Backup], table: str | None, dry_run: bool) -> Answer:
    message = {"work": "restore", "backups": [each.id for each in chosen], "dry_run": dry_run}
    # Retention keeps what a run under way names.
    return order(services(), RunKind.RESTORE, message, table=table, result={"backups": message["backups"]})


def _backup(identifier: str) -> Backup:
    found = services().catalog.backup(checked_id(identifier, "backup"))
    if found is None:
        raise _not_found(identifier)
    return found


def _not_found(identifier: str) -> NotFound:
    return NotFound(f"There is no backup {identifier}.", hint="GET /backups lists those there are.")


def _id(given: dict[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise bad_field(name, f"{name} is {value!r}.", "It takes an identifier, as GET /backups lists them.")
    if not is_id(value):
        raise NotFound(f"There is no {name} {value!r}.", hint="GET /backups lists those there are.")
    return value


def _as_of(given: dict[str, Any], instead_of: str) -> dt.datetime | None:
    text = given.get("as_of")
    if text is None:
        return None
    if given.get(instead_of) is not None:
        raise bad_field("as_of", f"Both {instead_of} and as_of are given.", "Send one of them.")
    try:
        value: dt.datetime | None = DateTime().parse(pa.array([text], pa.string()))[0].as_py()
    except (pa.ArrowException, UnicodeEncodeError, TypeError):
        value = None
    if value is None:
        raise bad_field("as_of", f"as_of is {text!r}.", f"It takes {DateTime.expects}.")
    return value


def _dry_run(given: dict[str, Any]) -> bool:
    value = given.get("dry_run", False)
    if not isinstance(value, bool):
        raise bad_field("dry_run", f"dry_run is {value!r}.", "It takes true or false.")
    return value
