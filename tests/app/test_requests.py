"""What the API makes of requests that are wrong, and how it says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.api import tables
from chalicelib.api.problems import problem_document
from chalicelib.errors import DecantError, NotFound, Unavailable
from tests.app.conftest import CALLER, Api

ROWS = "/tables/departments/rows"
DEEP = b"[" * 10_000 + b"]" * 10_000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"  \n", 400),
        (b"{", 400),
        (b"null", 400),
        (b"1", 400),
        (b'"text"', 400),
        (b'{"id": 1}', 400),
        (b'[{"id": 1, "department": "A"}] trailing', 400),
        (b'[{"id": 1, "id": 2, "department": "A"}]', 400),
        (b'[{"id": NaN, "department": "A"}]', 400),
        (b'[{"id": -Infinity, "department": "A"}]', 400),
        (b"\xff\xfe[]", 400),
        (b"[{'id': 1}]", 400),
        (DEEP, 400),
        (b'[{"id": ' + DEEP + b"}]", 400),
        (b"[" + b" " * 5_000_000 + b"]", 413),
    ],
)
def test_a_body_that_is_not_an_array_of_rows_is_refused_whole(api: Api, body: bytes, status: int) -> None:
    answer = api.post(ROWS, raw=body)
    assert answer.status_code == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance"} <= set(answer.json_body)
    assert answer.json_body["instance"] == ROWS
    assert api.database.rows("departments") == []


def test_bytes_that_a_gateway_replaced_are_not_stored(api: Api) -> None:
    # API Gateway reads a body as UTF-8, and puts U+FFFD where it can't.
    answer = api.post(ROWS, raw='[{"id": 1, "department": "A\ufffdo"}]'.encode())
    assert (answer.status_code, "UTF-8" in answer.json_body["detail"]) == (400, True)
    assert api.database.rows("departments") == []
    assert api.post(ROWS, raw=rb'[{"id": 1, "department": "\ufffd"}]').status_code == 201
    assert api.database.rows("departments") == [(1, "\ufffd")]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/csv"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/octet-stream"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_a_body_in_another_format_is_415(api: Api, headers: dict[str, str]) -> None:
    answer = api.post(ROWS, [{"id": 1, "department": "A"}], headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, "application/problem+json")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=UTF-8", "application/vnd.rows+json"]
)
def test_json_goes_by_several_names(api: Api, content_type: str) -> None:
    answer = api.post(ROWS, [{"id": 1, "department": "A"}], headers={"Content-Type": content_type})
    assert answer.status_code == 201


def test_json_needs_no_name(api: Api) -> None:
    answer = api.client.http.post(ROWS, headers=CALLER, body=b'\xef\xbb\xbf[{"id": 1, "department": "A"}]')
    assert answer.status_code == 201


@pytest.mark.parametrize("body", [[], [1], {"departments": {}}, {"departments": None}, {"departments": "x"}, "x", 1])
def test_a_batch_is_an_object_of_arrays(api: Api, body: object) -> None:
    assert api.post("/batch", body).status_code == 400


def test_a_batch_for_an_unknown_table_is_404_and_takes_nothing(api: Api) -> None:
    answer = api.post("/batch", {"departments": [{"id": 1, "department": "A"}], "nosuch": [{}]})
    assert answer.status_code == 404
    assert api.database.rows("departments") == []


@pytest.mark.parametrize("query", ["mode=maybe", "on_conflict=replace", "mode=atomic&mode=partial", "modus=atomic"])
def test_an_unknown_way_of_writing_is_400(api: Api, query: str) -> None:
    assert api.post(f"{ROWS}?{query}", [{"id": 1, "department": "A"}]).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "fault"),
    [
        ("GET", f"{ROWS}?limit=0", None, {"parameter": "limit"}),
        ("GET", f"{ROWS}?order=id", None, {"parameter": "order"}),
        ("GET", f"{ROWS}?id__gte=x", None, {"parameter": "id__gte"}),
        ("GET", f"{ROWS}?after=x", None, {"parameter": "after"}),
        ("GET", f"{ROWS}?id=1&id=2", None, {"parameter": "id"}),
        ("GET", "/runs?after=x", None, {"parameter": "after"}),
        ("GET", "/health?x=1", None, {"parameter": "x"}),
        ("GET", "/metrics/hires-by-quarter?year=0", None, {"parameter": "year"}),
        ("POST", f"{ROWS}?mode=maybe", [{}], {"parameter": "mode"}),
        ("POST", "/uploads", {"filename": "../x.csv"}, {"field": "filename"}),
        ("POST", "/uploads", {"filename": "jobs.csv", "key": "x"}, {"field": "key"}),
        ("POST", "/backups", {"tables": []}, {"field": "tables"}),
        ("POST", "/restores", {"dry_run": 1}, {"field": "dry_run"}),
        ("POST", "/restores", {"as_of": "yesterday"}, {"field": "as_of"}),
    ],
)
def test_the_field_or_parameter_at_fault_is_named(
    api: Api, method: str, path: str, body: Any, fault: dict[str, str]
) -> None:
    answer = api.get(path) if method == "GET" else api.post(path, body)
    assert answer.status_code == 400
    [told] = answer.json_body["errors"]
    assert fault.items() <= told.items()
    assert told["message"] in answer.json_body["detail"]


@pytest.mark.parametrize("path", ["/tables/hired%5Femployees", "/metrics/hires%2Dby%2Dquarter"])
def test_a_path_may_be_written_with_escapes(api: Api, path: str) -> None:
    assert api.get(path).status_code == 200


@pytest.mark.parametrize("name", ["..%2f..%2fsecret", "%2e%2e", "%00", "x%27%3B--", "%C3%A9", "%FF", "%"])
@pytest.mark.parametrize("collection", ["backups", "runs", "tables", "metrics"])
def test_an_escaped_name_leads_nowhere_else(api: Api, collection: str, name: str) -> None:
    answer = api.get(f"/{collection}/{name}")
    assert answer.status_code == 404
    assert answer.json_body["instance"].isascii()


def test_the_instance_is_a_uri_reference() -> None:
    assert problem_document(NotFound("x"), "/tables/é '; --")["instance"] == "/tables/%C3%A9%20';%20--"
    assert problem_document(NotFound("x"), "/tables/a%20b")["instance"] == "/tables/a%20b"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv; charset=utf-8"),
        ("text/html, */*;q=0.8", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
        ("image/svg+xml", "application/problem+json"),
        ("text/csv;q=0", "application/problem+json"),
    ],
)
def test_the_accept_header_chooses_the_format(api: Api, accept: str, content_type: str) -> None:
    answer = api.get(ROWS, headers={"Accept": accept})
    assert answer.headers["Content-Type"] == content_type
    assert answer.status_code == (406 if "problem" in content_type else 200)


def test_the_query_s_format_beats_the_accept_header(api: Api) -> None:
    assert api.get(f"{ROWS}?format=csv", headers={"Accept": "application/json"}).body == b"id,department\r\n"
    assert api.get(f"{ROWS}?format=svg").status_code == 406


def test_an_error_of_ours_tells_nothing_of_the_inside(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("secret of the inside")

    monkeypatch.setattr(tables, "table_object", fail)
    answer = api.get("/tables")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert b"secret" not in answer.body
    assert answer.json_body["type"] == "urn:decant:problem:internal-error"


def test_a_defect_that_we_named_ourselves_stays_inside_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise DecantError("The database refused a statement: relation secret does not exist.")

    monkeypatch.setattr(tables, "table_object", fail)
    answer = api.get("/tables")
    assert answer.status_code == 500
    assert b"secret" not in answer.body


def test_a_part_that_is_down_is_503_and_says_when_to_come_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise Unavailable("The database can't be reached.", hint="Try again in a moment.")

    monkeypatch.setattr(tables, "table_object", fail)
    answer = api.get("/tables")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json_body["detail"] == "The database can't be reached. Try again in a moment."


TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
NAME = TEXT | st.sampled_from(["id", "department", "departments", "filename", "table", "backup", "as_of"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAME, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON, path=st.sampled_from([ROWS, "/batch", "/uploads", "/restores", "/tables/jobs/restores"]))
def test_no_json_makes_the_service_fail(api: Api, body: Any, path: str) -> None:
    assert api.post(path, body).status_code < 500


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=60), path=st.sampled_from([ROWS, "/batch", "/uploads"]))
def test_no_bytes_make_the_service_fail(api: Api, body: bytes, path: str) -> None:
    assert api.post(path, raw=body).status_code < 500
