"""What must hold when the queue has run dry, whatever was killed: told by plain SQL, listings and queries.

It shares nothing with the product but the names of tables, buckets and keys.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tests.plain_metrics import DIFFERENCES
from tests.torture.place import BACKUPS, CATALOG, INTAKE, Place

FINAL = {"succeeded", "failed", "refused", "duplicate"}
# Kinds whose every run that the ledger has is shown by the catalogue, with no one asking.
SHOWN = {"load", "restore"}
State = dict[str, dict[int, tuple[Any, ...]]]

_LEDGER = "SELECT id, kind, state, read, inserted, updated, unchanged, rejected, key FROM decant.runs WHERE id > :after"
_COUNTS = ("read", "inserted", "updated", "unchanged", "rejected")
# What a load takes off for a while, or makes: keys, indexes, triggers, and tables of any kind.
_SCHEMA = """
SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) || convalidated
FROM pg_constraint WHERE connamespace IN ('public'::regnamespace, 'decant'::regnamespace)
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname::text, tgenabled::text
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'relation', relname::text, relkind::text, relnamespace::regnamespace::text FROM pg_class
WHERE relnamespace IN ('public'::regnamespace, 'decant'::regnamespace)
"""
_REJECTED = """
SELECT r.id, r.rejected, count(j.run) FROM decant.runs r LEFT JOIN decant.rejections j ON j.run = r.id
WHERE r.state = 'succeeded' AND r.kind IN ('load', 'batch', 'replay')
GROUP BY r.id HAVING r.rejected <> count(j.run)
"""
_SESSIONS = """
SELECT pid, state, left(query, 80) FROM pg_stat_activity
WHERE datname = :database AND usename = :user AND pid <> pg_backend_pid() AND state <> 'idle'
"""


def state_of(place: Place) -> State:
    """The rows of all tables at one moment, by their key."""
    found: State = {}
    with place.database.database.transaction(snapshot=True) as transaction:
        for table in place.database.dictionary.tables:
            found[table.name] = {row[0]: row for row in transaction.run(f'SELECT * FROM public."{table.name}"')}
    return found


def schema_of(place: Place) -> set[tuple[Any, ...]]:
    """What there is of keys, triggers and tables. Names that carry a number of the server's own are left out."""
    return {tuple(row) for row in place.database.query(_SCHEMA) if not str(row[2]).startswith("RI_")}


def ledger(place: Place, after: str = "") -> dict[str, dict[str, Any]]:
    """The ledger's runs, by id."""
    names = ("id", "kind", "state", *_COUNTS, "key")
    rows = [dict(zip(names, row, strict=True)) for row in place.database.query(_LEDGER, after=after)]
    return {row["id"]: row for row in rows}


def catalogue(place: Place, partition: str, after: str = " ") -> dict[str, dict[str, Any]]:
    """The catalogue's runs or backups, by id."""
    reader = TypeDeserializer()
    found: dict[str, dict[str, Any]] = {}
    more: dict[str, Any] = {}
    while True:
        page = place.dynamodb.query(
            TableName=CATALOG,
            KeyConditionExpression="#p = :p AND id > :a",
            ExpressionAttributeNames={"#p": "partition"},
            ExpressionAttributeValues={":p": {"S": partition}, ":a": {"S": after}},
            ConsistentRead=True,
            **more,
        )
        for item in page["Items"]:
            plain = {name: reader.deserialize(value) for name, value in item.items()}
            for name in ("counts", "result", "source", "error"):
                if isinstance(plain.get(name), str):
                    plain[name] = json.loads(plain[name])
            found[plain["id"]] = plain
        if "LastEvaluatedKey" not in page:
            return found
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def disagreements(place: Place, after: str = "", *, swept: bool = False) -> list[str]:
    """What ledger and catalogue say of the runs after one that can't both be true.

    ``swept``: nothing is left to ask, so every run of the ledger is shown, and none is under way.
    """
    return list(runs_that_disagree(ledger(place, after), catalogue(place, "run", after or " "), swept=swept))


def runs_that_disagree(
    kept: dict[str, dict[str, Any]], shown: dict[str, dict[str, Any]], *, swept: bool
) -> Iterator[str]:
    """See above; ``kept`` by the ledger, ``shown`` by the catalogue."""
    for run, entry in kept.items():
        if entry["read"] != sum(entry[name] for name in _COUNTS[1:]):
            yield f"the ledger's counts of {run} don't add up: {entry}"
        item = shown.get(run)
        if item is None:
            if swept or entry["kind"] in SHOWN:
                yield f"the catalogue lacks the {entry['kind']} {run}, which the ledger has as {entry['state']}"
        elif item["state"] != entry["state"]:
            yield f"{run} is {item['state']} in the catalogue and {entry['state']} in the ledger"
        elif {name: int(item["counts"][name]) for name in _COUNTS} != {name: entry[name] for name in _COUNTS}:
            yield f"{run} has other counts in the catalogue ({item['counts']}) than in the ledger ({entry})"
    for run, item in shown.items():
        if item["state"] not in FINAL and (swept or item["state"] != "queued"):
            yield f"{run} is still {item['state']} in the catalogue: {item.get('phase')}"
        done = item["kind"] in {"load", "batch", "replay", "restore"} and item["state"] in {"succeeded", "duplicate"}
        if done and run not in kept and not (item.get("result") or {}).get("dry_run"):
            yield f"the catalogue has the {item['kind']} {run} as {item['state']}, and the ledger does not know it"


def leftovers(place: Place, schema: set[tuple[Any, ...]], patience: float = 12.0) -> list[str]:
    """What a dead worker has left in the database: tables, parts, keys that are off, locks, claims, wrong counts.

    The server takes a moment to see that its client has died: up to ``patience`` seconds.
    """
    return [*_rows_and_tables(place, schema), *_sessions(place, patience)]


def _rows_and_tables(place: Place, schema: set[tuple[Any, ...]]) -> Iterator[str]:
    now = schema_of(place)
    for missing in sorted(map(str, schema - now)):
        yield f"the database has lost {missing}"
    for new in sorted(map(str, now - schema)):
        yield f"the database has {new}, which was not there"
    for table in ("splits", "parts"):
        if rows := place.database.query(f"SELECT DISTINCT run FROM decant.{table}"):
            yield f"decant.{table} still has {rows}"
    if rows := place.database.query("SELECT key FROM decant.idempotency WHERE status IS NULL"):
        yield f"keys are claimed without an answer: {rows}"
    for row in place.database.query(_REJECTED):
        yield f"run, rejected rows, and those that are logged: {row}"
    for row in place.database.query(DIFFERENCES):
        yield f"the counts of the metrics are not those of the rows: {row}"


def _sessions(place: Place, patience: float) -> Iterator[str]:
    account = place.database.app
    deadline = time.monotonic() + patience
    while busy := place.database.query(_SESSIONS, database=account.database, user=account.user):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    for pid, state, query in busy:
        yield f"the session {pid} is still {state}: {query}"
    if locks := place.database.query(
        """SELECT pid FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    ):
        yield f"advisory locks are held by {locks}"


def storage_faults(place: Place, *, swept: bool = False) -> list[str]:
    """What the backup bucket and the catalogue's backups say that can't both be true.

    ``swept``: retention has passed long after the last attempt, and a rebuild: no half backup is there, and every
    whole one is listed.
    """
    return list(_storage_faults(place, swept=swept))


def _storage_faults(place: Place, *, swept: bool) -> Iterator[str]:
    objects = {
        each["Key"]: each["Size"]
        for page in place.s3.get_paginator("list_objects_v2").paginate(Bucket=BACKUPS, Prefix="backups/")
        for each in page.get("Contents", ())
    }
    places: dict[str, set[str]] = defaultdict(set)
    for key in objects:
        places["/".join(key.split("/")[:3])].add(key)
    listed = catalogue(place, "backup")
    for folder, keys in places.items():
        backup, manifest = folder.rsplit("/", 1)[1], f"{folder}/manifest.json"
        if manifest not in keys:
            if swept:
                yield f"half a backup is left: {sorted(keys)}"
            if backup in listed:
                yield f"the catalogue lists {backup}, which has no manifest"
            continue
        told = json.loads(place.s3.get_object(Bucket=BACKUPS, Key=manifest)["Body"].read())
        for file in told.get("files") or [told]:  # one file's fields stand in the manifest itself
            if objects.get(file["file"]) != file["bytes"]:
                yield f"{file['file']} has {objects.get(file['file'])} bytes, and its manifest says {file['bytes']}"
            elif swept:
                content = place.s3.get_object(Bucket=BACKUPS, Key=file["file"])["Body"].read()
                if hashlib.sha256(content).hexdigest() != file["sha256"]:
                    yield f"{file['file']} is not what its manifest says"
        if swept and backup not in listed:
            yield f"the whole backup {backup} is not listed"
    for backup, item in listed.items():
        if f"backups/{item['table']}/{backup}/manifest.json" not in objects:
            yield f"the catalogue lists {backup}, and the bucket does not have it"


def unfinished_uploads(place: Place) -> dict[str, list[str]]:
    """The uploads in parts that nobody has completed or given up, by bucket."""
    return {
        bucket: [each["Key"] for each in place.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]
        for bucket in (INTAKE, BACKUPS)
    }
