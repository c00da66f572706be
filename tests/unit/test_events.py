"""What S3 says of arrivals."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import BadRequest
from chalicelib.load.events import Arrival, arrivals


def record(**changes: Any) -> dict[str, Any]:
    stored = {"key": "incoming/a.csv", "eTag": '"e"', "sequencer": "00A1", **changes.pop("object", {})}
    moment = changes.pop("moment", "2026-01-01T00:00:00.000Z")
    return {"eventName": "ObjectCreated:Put", "eventTime": moment, "s3": {"bucket": {"name": "b"}, "object": stored}}


def arrival(**changes: Any) -> Arrival:
    [only] = arrivals({"Records": [record(**changes)]})
    return only


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"sequencer": "00A1"}, {"sequencer": "00B"}),
        ({"sequencer": "00a1"}, {"sequencer": "00A2"}),
        ({"sequencer": "00A"}, {"sequencer": "00A1"}),
    ],
)
def test_sequencers_are_compared_padded_on_the_right(older: dict[str, Any], newer: dict[str, Any]) -> None:
    assert arrival(object=older).order < arrival(object=newer).order


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.500Z"),
        ("2026-01-01T01:00:00+02:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.500001+00:00"),
    ],
)
def test_without_a_sequencer_the_moment_tells_however_it_is_written(older: str, newer: str) -> None:
    without = {"sequencer": None}
    assert arrival(object=without, moment=older).order < arrival(object=without, moment=newer).order


def test_the_run_of_an_event_is_the_same_every_time_and_another_for_another_version() -> None:
    assert arrival().run_id == arrival().run_id
    assert arrival().run_id != arrival(object={"versionId": "2"}).run_id
    assert arrival().run_id != arrival(object={"sequencer": "00A2"}).run_id
    assert arrival().run_id.startswith("20260101T000000000000-")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("incoming/a+b%20%C3%B1.csv", "incoming/a b ñ.csv"), ("incoming/a%2Bb.csv", "incoming/a+b.csv")],
)
def test_keys_are_decoded(sent: str, meant: str) -> None:
    assert arrival(object={"key": sent}).key == meant


def test_quotes_of_an_etag_are_none_of_it() -> None:
    assert arrival().etag == "e"


def test_test_events_folders_and_deletions_are_no_arrivals() -> None:
    deleted = {**record(), "eventName": "ObjectRemoved:Delete"}
    assert list(arrivals({"Event": "s3:TestEvent"})) == []
    assert list(arrivals({"Records": [deleted, record(object={"key": "incoming/folder/"})]})) == []


@pytest.mark.parametrize(
    "message",
    [
        {"Event": "s3:Other"},
        {"Records": 5},
        {"Records": None},
        {"Records": ["text"]},
        {"Records": [{}]},
        {"Records": [record(moment="yesterday")]},
        {"Records": [{**record(), "s3": {}}]},
    ],
)
def test_what_is_no_notification_is_refused_with_the_reason(message: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="The queue holds a notification"):
        list(arrivals(message))
