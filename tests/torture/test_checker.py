"""The checker of the torture finds what it looks for: each state here breaks a promise, and it says which."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.torture.attempts import Attempt, Plan, delivery
from tests.torture.checker import (
    disagreements,
    runs_that_disagree,
    state_of,
    storage_faults,
)
from tests.torture.place import BACKUPS, CATALOG, Place
from tests.torture.torment import Torment, Violated

COUNTS = {"read": 3, "inserted": 2, "updated": 0, "unchanged": 0, "rejected": 1}
ENTRY = {"id": "r", "kind": "load", "state": "succeeded", "key": "k", **COUNTS}
ITEM = {"id": "r", "kind": "load", "state": "succeeded", "counts": COUNTS}


@pytest.mark.parametrize(
    ("entry", "item", "swept", "found"),
    [
        (ENTRY, ITEM, True, None),
        ({**ENTRY, "rejected": 2}, ITEM, False, "don't add up"),
        (ENTRY, None, False, "the catalogue lacks"),
        ({**ENTRY, "kind": "batch"}, None, False, None),
        ({**ENTRY, "kind": "batch"}, None, True, "the catalogue lacks"),
        (ENTRY, {**ITEM, "state": "failed"}, False, "is failed in the catalogue and succeeded in the ledger"),
        (ENTRY, {**ITEM, "counts": {**COUNTS, "inserted": 3}}, False, "other counts"),
        (None, ITEM, False, "the ledger does not know it"),
        (None, {**ITEM, "state": "failed"}, True, None),
        (None, {**ITEM, "state": "running"}, False, "still running"),
        (None, {**ITEM, "state": "queued"}, False, None),
        (None, {**ITEM, "state": "queued"}, True, "still queued"),
    ],
)
def test_a_ledger_and_a_catalogue_that_disagree(
    entry: dict[str, Any] | None, item: dict[str, Any] | None, swept: bool, found: str | None
) -> None:
    faults = list(runs_that_disagree({"r": entry} if entry else {}, {"r": item} if item else {}, swept=swept))
    assert found in faults[0] if found else faults == []


Break = Callable[[Place, str], None]


def _no_manifest(place: Place, folder: str) -> None:
    place.s3.delete_object(Bucket=BACKUPS, Key=f"{folder}/manifest.json")


def _flipped(place: Place, folder: str) -> None:
    key = f"{folder}/data.avro"
    content = place.s3.get_object(Bucket=BACKUPS, Key=key)["Body"].read()
    place.s3.put_object(Bucket=BACKUPS, Key=key, Body=content[:-1] + bytes([content[-1] ^ 1]))


def _unlisted(place: Place, folder: str) -> None:
    key = {"partition": {"S": "backup"}, "id": {"S": folder.rsplit("/", 1)[1]}}
    place.dynamodb.delete_item(TableName=CATALOG, Key=key)


def test_a_bucket_and_a_catalogue_that_disagree(place: Place) -> None:
    """Of three backups of one snapshot each is broken in another way."""
    torment = Torment(place, seed=0)
    torment.do("backup")
    breaks: dict[str, tuple[Break, list[str]]] = {
        "departments": (_no_manifest, ["half a backup", "has no manifest"]),
        "jobs": (_flipped, ["is not what its manifest says"]),
        "hired_employees": (_unlisted, ["is not listed"]),
    }
    assert [fault for fault in storage_faults(place, swept=True) if "not listed" not in fault] == []
    for table, (break_, found) in breaks.items():
        [*_, last] = place.s3.list_objects_v2(Bucket=BACKUPS, Prefix=f"backups/{table}/")["Contents"]
        break_(place, "/".join(last["Key"].split("/")[:3]))
        faults = storage_faults(place, swept=True)
        for text in found:
            assert [fault for fault in faults if text in fault], faults
    for each in place.s3.list_objects_v2(Bucket=BACKUPS, Prefix="backups/")["Contents"]:
        place.s3.delete_object(Bucket=BACKUPS, Key=each["Key"])
    torment.sweep()


def test_rows_that_no_model_has_are_found(place: Place) -> None:
    torment = Torment(place, seed=0)
    place.database.query("INSERT INTO jobs VALUES (99, 'Nobody') RETURNING id")
    assert state_of(place) != torment.source.state
    with pytest.raises(Violated, match="jobs: 1 too many"):
        torment.do("few rows")


def test_a_process_is_killed_where_it_was_planned(place: Place) -> None:
    message = {"work": "backup", "run": "20200101T000000000000-00000000", "tables": ["jobs"]}
    attempt = Attempt("worker", delivery(json.dumps(message), 1), Plan("run.begun"))
    outcome = place.workers[0].make(attempt)
    try:
        assert (outcome.killed, outcome.points) == (True, ["run.begun"])
        assert [fault for fault in disagreements(place) if "still running" in fault]
    finally:
        Torment(place, seed=0).sweep()  # it ends the run, whose message is lost
