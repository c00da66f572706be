"""What must hold when the queue has run dry, whatever was killed: told by plain SQL, listings and queries.

It shares nothing with the product but the names of tables, buckets and keys. What may not be left in the database is in
``tests.left_behind``.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tests.torture.place import BACKUPS, CATALOG, INTAKE, Place

FINAL = {"succeeded", "failed", "refused", "duplicate"}
# Kinds whose every run that the ledger has is shown by the catalogue, with no one asking.
SHOWN = {"load", "restore"}
State = dict[str, dict[int, tuple[Any, ...]]]

_LEDGER = "SELECT id, kind, state, read, inserted, updated, unchanged, rejected, key FROM decant.runs WHERE id > :after"
_COUNTS = ("read", "inserted", "updated", "unchanged", "rejected")


def state_of(place: Place) -> State:
    """The rows of all tables at one moment, by their key."""
    found: State = {}
    with place.database.database.transaction(snapshot=True) as transaction:
        for table in place.database.dictionary.tables:
            found[table.name] = {row[0]: row for row in transaction.run(f'SELECT * FROM public."{table.name}"')}
    return found


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
