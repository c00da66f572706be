"""Bad JSON and attacks through the API: a problem that says what is wrong, never a 500, and nothing taken that is bad.

Each test is of a line of the list in tests/hostile.py.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from chalice.test import HTTPResponse

from chalicelib.access.principal import Scope
from chalicelib.access.tokens import new_token
from chalicelib.token_store import DynamoTokens
from tests import hostile
from tests.app.conftest import CALLER, Api

ROWS = "/tables/departments/rows"
GOOD = {"id": 1, "department": "A"}
DEEP = b"[" * 10_000 + b"]" * 10_000
COVERED: dict[str, Callable[..., None]] = {}


def covers(line: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Note that a test is of this line of the list."""

    def note(test: Callable[..., None]) -> Callable[..., None]:
        COVERED[line] = test
        return test

    return note


def refused(api: Api, answer: HTTPResponse, status: int) -> Any:
    """The problem that an answer tells; no row was taken."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.body
    assert answer.json_body["detail"]
    assert api.database.rows("departments") == []
    return answer.json_body


def bearer(tokens: DynamoTokens, *scopes: Scope) -> dict[str, str]:
    text, kept = new_token("another", scopes, dt.datetime.now(dt.UTC), None)
    tokens.add(kept)
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.parametrize("lines", [(*hostile.JSON, *hostile.ATTACKS)])
def test_every_line_of_the_list_has_a_test(lines: tuple[str, ...]) -> None:
    assert set(COVERED) == set(lines)


@covers("duplicate keys")
def test_a_name_twice_is_refused(api: Api) -> None:
    problem = refused(api, api.post(ROWS, raw=b'[{"id": 1, "id": 2, "department": "A"}]'), 400)
    assert "'id' twice" in problem["detail"]


@covers("depth 10,000")
@pytest.mark.parametrize("body", [DEEP, b'[{"id": ' + DEEP + b"}]", b'{"departments": ' + DEEP + b"}"])
def test_what_is_too_deep_is_refused(api: Api, body: bytes) -> None:
    for path in (ROWS, "/batch", "/uploads", "/restores"):
        assert "deeper" in refused(api, api.post(path, raw=body), 400)["detail"]


@covers("0 rows")
@covers("1 row")
@covers("1000 rows")
@covers("1001 rows")
@pytest.mark.parametrize(("count", "status"), [(0, 400), (1, 201), (1000, 201), (1001, 413)])
def test_from_1_to_1000_rows_are_taken(api: Api, count: int, status: int) -> None:
    answer = api.post(ROWS, [{"id": number, "department": "A"} for number in range(count)])
    assert answer.status_code == status, answer.body
    assert len(api.database.rows("departments")) == (count if status == 201 else 0)


@covers("an object for an array")
@pytest.mark.parametrize(("path", "body"), [(ROWS, GOOD), (ROWS, "x"), ("/batch", [GOOD]), ("/batch", {"jobs": GOOD})])
def test_an_object_is_no_array_nor_an_array_an_object(api: Api, path: str, body: Any) -> None:
    refused(api, api.post(path, body), 400)


@covers("wrong content type")
@pytest.mark.parametrize("content_type", ["text/csv", "application/xml", "application/json; charset=utf-16", ";"])
def test_another_type_is_refused(api: Api, content_type: str) -> None:
    refused(api, api.post(ROWS, [GOOD], headers={"Content-Type": content_type}), 415)


@covers("no content type")
def test_json_needs_no_type(api: Api) -> None:
    answer = api.client.http.post(ROWS, headers=CALLER, body=json.dumps([GOOD]).encode())
    assert answer.status_code == 201
    assert api.database.rows("departments") == [(1, "A")]


@covers("gzip bomb")
def test_what_is_packed_is_not_unpacked(api: Api) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    refused(api, api.post(ROWS, raw=bomb, headers={"Content-Encoding": "gzip"}), 415)
    refused(api, api.post(ROWS, raw=bomb), 400)


@covers("trailing data")
def test_data_behind_the_array_are_refused(api: Api) -> None:
    problem = refused(api, api.post(ROWS, raw=json.dumps([GOOD]).encode() + b" []"), 400)
    assert "Extra data" in problem["detail"]


@covers("unknown columns")
def test_a_row_with_a_column_that_the_table_has_not_is_rejected_alone(api: Api) -> None:
    answer = api.post(ROWS, [GOOD, {"id": 2, "department": "B", "salary": 7}])
    assert answer.status_code == 207
    [rejected] = answer.json_body["rejections"]
    assert (rejected["row"], rejected["column"], rejected["code"]) == (2, "salary", "extra-cell")
    assert api.database.rows("departments") == [(1, "A")]


SQL = ["id; DROP TABLE departments; --", 'departments" --', "departments'--", "1 OR 1=1", "pg_catalog.pg_tables"]


@covers("SQL in table, order and filter names")
@pytest.mark.parametrize("name", SQL)
def test_no_name_is_sql(filled: Api, name: str) -> None:
    before = filled.database.rows("departments")
    assert filled.get(f"/tables/{quote(name, safe='')}/rows").status_code == 404
    assert filled.post(f"/tables/{quote(name, safe='')}/rows", [GOOD]).status_code == 404
    assert filled.post("/batch", {name: [GOOD]}).status_code == 404
    for query in (f"order={quote(name)}", f"{quote(name)}=1", f"id__{quote(name)}=1", f"after={quote(name)}"):
        assert filled.get(f"{ROWS}?{query}").status_code == 400
    assert filled.database.rows("departments") == before


@covers("..%2f in a backup id")
@pytest.mark.parametrize("name", ["..%2f..%2fsecret", "%2e%2e", "..", "%2e%2e%2f", "%252e%252e%252f", "a%00b"])
def test_an_escaped_path_leads_nowhere(filled: Api, name: str) -> None:
    filled.s3.put_object(Bucket="backups", Key="secret/manifest.json", Body=b"{}")
    for path in (f"/backups/{name}", f"/backups/{name}/file", f"/runs/{name}"):
        assert filled.get(path).status_code == 404
    assert filled.post("/restores", {"backup": name}).status_code in (400, 404, 422)


@covers("mass assignment")
def test_a_field_that_is_not_for_callers_is_refused(api: Api) -> None:
    for field in ("run_id", "run", "key", "state", "decant_row"):
        refused(api, api.post("/uploads", {"filename": "jobs.csv", field: "mine"}), 400)
        assert api.post(ROWS, [GOOD | {field: "mine"}]).status_code == 422
    assert api.database.rows("departments") == []


@covers("reading another's run")
def test_a_run_is_told_to_readers_alone(filled: Api, tokens: DynamoTokens) -> None:
    filled.drop("incoming/jobs.csv", b"3,Clerk\n")
    filled.work()
    run = filled.get("/runs").json_body["runs"][0]["id"]
    writer = bearer(tokens, Scope.WRITE)
    for path in ("/runs", f"/runs/{run}", f"/runs/{run}/rejections", "/runs/20261122T022045123456-4f2a9c1b"):
        assert filled.client.http.get(path, headers=writer).status_code == 403
    assert filled.get("/runs/20261122T022045123456-4f2a9c1b").status_code == 404


@covers("restoring with a reader's token")
def test_a_reader_restores_nothing(filled: Api, tokens: DynamoTokens) -> None:
    headers = bearer(tokens, Scope.READ) | {"Content-Type": "application/json"}
    for path in ("/restores", "/tables/jobs/restores", "/backups", "/tables/jobs/backups"):
        assert filled.client.http.post(path, headers=headers, body=b"{}").status_code == 403
    assert filled.messages() == []


@covers("log injection")
def test_what_callers_send_begins_no_line_of_the_log(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    forged = '\n{"level": "ERROR", "forged": true}\r\n'
    api.get(f"/tables/{quote(forged)}")
    api.get(f"{ROWS}?{quote(forged)}=1")
    api.post(ROWS, [{"id": forged, "department": forged}])
    api.post("/uploads", {"filename": forged})
    written = capsys.readouterr()
    assert not [line for line in (written.out + written.err).splitlines() if line.startswith('{"level": "ERROR"')]


@covers("replayed upload forms")
def test_a_form_that_is_used_twice_loads_each_content_once(api: Api) -> None:
    form = api.post("/uploads", {"filename": "jobs.csv"}).json_body
    for _ in range(2):
        api.drop(form["key"], b"1,Clerk\n", {"run": form["run"]})
        api.work()
    assert api.database.rows("jobs") == [(1, "Clerk")]
    api.drop(form["key"], b"2,Chief\n", {"run": form["run"]})
    api.work()
    assert api.database.rows("jobs") == [(1, "Clerk"), (2, "Chief")]
    runs = api.get("/runs").json_body["runs"]
    assert sorted((run["id"] == form["run"], run["state"], run["inserted"]) for run in runs) == [
        (False, "duplicate", 0),
        (False, "succeeded", 1),  # other content is another run's
        (True, "succeeded", 1),
    ]


@covers("formula injection in exports")
@pytest.mark.parametrize("name", ["=1+1", "+1-1", "@SUM(1)", "-1+1", "\t=1", "'=1"])
def test_no_cell_of_an_export_is_a_formula(api: Api, name: str) -> None:
    assert api.post("/tables/jobs/rows", [{"id": 1, "job": name}]).status_code == 201
    [_, line, _] = api.get("/tables/jobs/rows?format=csv").body.decode().split("\r\n")
    assert line == f"1,'{name.strip()}"
