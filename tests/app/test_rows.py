"""POST and GET of rows, and POST /batch."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from chalicelib.api.answers import constraints_object
from chalicelib.dictionary.package import parse_dictionary
from tests.app.conftest import Api
from tests.other_dictionary import OTHER

HIRE = {"id": 1, "name": "Ana O'Kinneally", "datetime": "2021-07-27T16:02:08Z", "department_id": 1, "job_id": 2}
COUNTS = ("read", "inserted", "updated", "unchanged", "rejected")


def counts(answer: object) -> tuple[int, ...]:
    assert isinstance(answer, dict)
    return tuple(answer[name] for name in COUNTS)


def test_rows_that_all_go_in_answer_201(filled: Api) -> None:
    answer = filled.post("/tables/hired_employees/rows", [HIRE, {**HIRE, "id": 2}])
    assert answer.status_code == 201
    assert counts(answer.json_body) == (2, 2, 0, 0, 0)
    assert answer.json_body["rejections"] == []
    assert set(answer.json_body) == {"run", *COUNTS, "rejections"}
    assert [row[0] for row in filled.database.rows("hired_employees")] == [1, 2]


def test_some_rows_going_in_answers_207_with_every_reason_of_every_bad_row(filled: Api) -> None:
    bad = {"id": "1.5", "name": " ", "datetime": "2021-02-30T00:00:00Z", "department_id": 99, "extra": 1}
    answer = filled.post("/tables/hired_employees/rows", [bad, HIRE])
    assert answer.status_code == 207
    assert counts(answer.json_body) == (2, 1, 0, 0, 1)
    found = {(each["row"], each["column"], each["code"]) for each in answer.json_body["rejections"]}
    assert found == {
        (1, "id", "type-error"),
        (1, "name", "constraint-error"),
        (1, "datetime", "type-error"),
        (1, "department_id", "foreign-key"),
        (1, "job_id", "missing-cell"),
        (1, "extra", "extra-cell"),
    }
    assert all(set(each) == {"row", "column", "code", "message", "value"} for each in answer.json_body["rejections"])


def test_no_row_going_in_answers_422(filled: Api) -> None:
    answer = filled.post("/tables/departments/rows", [{"id": 1, "department": "Other"}])
    assert answer.status_code == 422
    assert counts(answer.json_body) == (1, 0, 0, 0, 1)
    assert answer.json_body["rejections"][0]["code"] == "primary-key"


def test_atomic_mode_lists_the_bad_rows_and_takes_none(api: Api) -> None:
    rows = [{"id": 1, "department": "One"}, {"id": "x", "department": "Two"}]
    answer = api.post("/tables/departments/rows?mode=atomic", rows)
    assert answer.status_code == 422
    assert counts(answer.json_body) == (2, 0, 0, 0, 2)
    assert [each["row"] for each in answer.json_body["rejections"]] == [2]
    assert api.database.rows("departments") == []
    run = api.get(f"/runs/{answer.json_body['run']}").json_body
    assert run["state"] == "refused"
    assert len(api.get(f"/runs/{run['id']}/rejections").json_body["rejections"]) == 1


@pytest.mark.parametrize(
    ("on_conflict", "status", "expected", "name"),
    [
        ("reject", 207, (3, 1, 0, 1, 1), "Supply Chain"),
        ("skip", 201, (3, 1, 0, 2, 0), "Supply Chain"),
        ("update", 201, (3, 1, 1, 1, 0), "Renamed"),
    ],
)
def test_a_row_that_is_there_already_is_treated_as_asked(
    filled: Api, on_conflict: str, status: int, expected: tuple[int, ...], name: str
) -> None:
    rows = [{"id": 1, "department": "Renamed"}, {"id": 2, "department": "Staff"}, {"id": 3, "department": "New"}]
    answer = filled.post(f"/tables/departments/rows?on_conflict={on_conflict}", rows)
    assert (answer.status_code, counts(answer.json_body)) == (status, expected)
    assert filled.database.rows("departments")[0] == (1, name)


def test_numbers_count_as_they_are_written(api: Api) -> None:
    raw = (
        b'[{"id": 1.0, "department": "of a workbook"}, {"id": 1e3, "department": "-"}, {"id": 2.5, "department": "-"}]'
    )
    answer = api.post("/tables/departments/rows", raw=raw)
    assert answer.status_code == 207
    assert [(each["row"], each["value"]) for each in answer.json_body["rejections"]] == [(2, "1e3"), (3, "2.5")]
    assert api.database.rows("departments") == [(1, "of a workbook")]


def test_text_that_postgres_cannot_hold_is_a_rejection_of_its_row(api: Api) -> None:
    raw = rb"""[
        {"id": 1, "department": "nul \u0000"},
        {"id": 2, "department": "half \ud83d"},
        {"id": 3, "department": "\u00f1 \ud83d\ude42"}
    ]"""
    answer = api.post("/tables/departments/rows", raw=raw)
    assert answer.status_code == 207
    assert [(each["row"], each["code"]) for each in answer.json_body["rejections"]] == [
        (1, "type-error"), (2, "type-error"),
    ]  # fmt: skip
    assert api.database.rows("departments") == [(3, "ñ 🙂")]
    run = answer.json_body["run"]
    assert len(api.get(f"/runs/{run}/rejections").json_body["rejections"]) == 2
    assert api.get(f"/runs/{run}/rejections?format=csv").status_code == 200


def test_text_may_be_wrong_in_two_ways_at_once(api: Api) -> None:
    answer = api.post("/tables/departments/rows", raw=rb'[{"id": 1, "department": "nul \u0000 and half \udc00"}]')
    assert answer.status_code == 422


def test_elements_that_are_no_objects_are_rejections_too(api: Api) -> None:
    answer = api.post("/tables/departments/rows", [1, None, [], "x", {"id": [1], "department": {"a": 1}}])
    assert answer.status_code == 422
    assert counts(answer.json_body) == (5, 0, 0, 0, 5)
    assert {each["row"] for each in answer.json_body["rejections"]} == {1, 2, 3, 4, 5}


def test_a_batch_fills_parents_first_whatever_order_it_names_them_in(api: Api) -> None:
    answer = api.post(
        "/batch",
        {
            "hired_employees": [HIRE],
            "jobs": [{"id": 2, "job": "Analyst"}, {"id": "x", "job": "?"}],
            "departments": [{"id": 1, "department": "Supply Chain"}],
        },
    )
    assert answer.status_code == 207
    assert counts(answer.json_body) == (4, 3, 0, 0, 1)
    assert answer.json_body["tables"]["jobs"] == dict(zip(COUNTS, (2, 1, 0, 0, 1), strict=True))
    assert [(each["table"], each["row"]) for each in answer.json_body["rejections"]] == [("jobs", 2)]


def test_an_atomic_batch_takes_rows_of_no_table_when_one_is_bad(api: Api) -> None:
    answer = api.post("/batch?mode=atomic", {"departments": [{"id": 1, "department": "A"}], "jobs": [{"id": 1}]})
    assert answer.status_code == 422
    assert api.database.rows("departments") == api.database.rows("jobs") == []


@pytest.mark.parametrize("rows", [1, 1000])
def test_a_request_takes_up_to_1000_rows(api: Api, rows: int) -> None:
    sent = [{"id": number, "department": f"D{number}"} for number in range(rows)]
    answer = api.post("/tables/departments/rows", sent)
    assert (answer.status_code, answer.json_body["inserted"]) == (201, rows)


@pytest.mark.parametrize("path", ["/tables/departments/rows", "/batch"])
@pytest.mark.parametrize(("rows", "status", "kind"), [(0, 400, "bad-request"), (1001, 413, "too-large")])
def test_no_rows_and_too_many_rows_are_refused_whole(api: Api, path: str, rows: int, status: int, kind: str) -> None:
    sent: object = [{"id": number, "department": "D"} for number in range(rows)]
    answer = api.post(path, {"departments": sent} if path == "/batch" else sent)
    assert (answer.status_code, answer.json_body["type"]) == (status, f"urn:decant:problem:{kind}")
    assert api.database.rows("departments") == []


def test_a_clean_batch_has_a_run_too(api: Api) -> None:
    answer = api.post("/tables/departments/rows", [{"id": 1, "department": "A"}])
    run = api.get(f"/runs/{answer.json_body['run']}").json_body
    assert (run["kind"], run["state"], run["table"], run["inserted"]) == ("batch", "succeeded", "departments", 1)
    assert run["dictionary"] == api.services.dictionary.digest


def test_rows_are_listed_page_by_page_in_the_order_of_the_key(api: Api) -> None:
    ids = [7, 3, -5, 2147483647, 0]
    assert api.post("/tables/jobs/rows", [{"id": each, "job": f"J{each}"} for each in ids]).status_code == 201
    seen, after = [], ""
    while True:
        page = api.get(f"/tables/jobs/rows?limit=2{after}").json_body
        seen += [row["id"] for row in page["rows"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == sorted(ids)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("department_id=1", [1, 2]),
        ("datetime__gte=2021-01-01&datetime__lt=2022-01-01", [2]),
        ("datetime=2020-12-31T19:00:00-05:00", [2]),
        ("id__gt=1&id__lte=3", [2, 3]),
        ("id__eq=99999999999", []),
        ("id__lt=99999999999", [1, 2, 3]),
        ("name=%3D1%2B1", [3]),
    ],
)
def test_rows_are_filtered_by_columns(filled: Api, query: str, expected: list[int]) -> None:
    rows = [
        {**HIRE, "id": 1, "datetime": "2020-12-31T23:59:59.999999Z"},
        {**HIRE, "id": 2, "datetime": "2021-01-01T00:00:00Z"},
        {**HIRE, "id": 3, "datetime": "2022-01-01T00:00:00Z", "department_id": 2, "name": "=1+1"},
    ]
    assert filled.post("/tables/hired_employees/rows", rows).status_code == 201
    answer = filled.get(f"/tables/hired_employees/rows?{query}")
    assert [row["id"] for row in answer.json_body["rows"]] == expected


def test_rows_come_as_csv_that_no_spreadsheet_runs(filled: Api) -> None:
    names = ["=HYPERLINK(1)", "+1-1", "-1", "@x", 'quo"ted, two\nlines', "ñ"]
    rows = [{**HIRE, "id": number - 3, "name": name} for number, name in enumerate(names)]
    assert filled.post("/tables/hired_employees/rows", rows).status_code == 201
    answer = filled.get("/tables/hired_employees/rows", headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.body.decode().split("\r\n")[:4] == [
        "id,name,datetime,department_id,job_id",
        "-3,'=HYPERLINK(1),2021-07-27T16:02:08Z,1,2",
        "-2,'+1-1,2021-07-27T16:02:08Z,1,2",
        "-1,-1,2021-07-27T16:02:08Z,1,2",
    ]
    assert filled.get("/tables/hired_employees/rows").json_body["rows"][0]["name"] == "=HYPERLINK(1)"


def test_a_page_of_csv_links_to_the_next(filled: Api) -> None:
    first = filled.get("/tables/jobs/rows?format=csv&limit=1")
    link = first.headers["Link"]
    assert link.startswith("<?")
    assert link.endswith('>; rel="next"')
    second = filled.get("/tables/jobs/rows" + link[1 : link.index(">")])
    assert second.body.decode() == "id,job\r\n2,Analyst\r\n"
    assert "Link" not in second.headers


def test_a_page_of_big_rows_is_shorter_than_asked_for(api: Api) -> None:
    for number in range(8):
        rows = [{"id": number, "department": "x" * 900_000}]
        assert api.post("/tables/departments/rows", rows).status_code == 201
    page = api.get("/tables/departments/rows?limit=8").json_body
    assert 1 <= len(page["rows"]) < 8
    assert len(json.dumps(page)) < 6_000_000
    rest = api.get(f"/tables/departments/rows?limit=8&after={page['next']}").json_body
    assert rest["rows"][0]["id"] == page["rows"][-1]["id"] + 1


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "limit=%EF%BC%91", "after=x", "after=WyJ4Il0", "nosuch=1", "id=x",
     "id__like=1", "id=1&id=2", "order=id", "id;drop=1", "datetime__gte=2021-02-30", "name=%00"],
)  # fmt: skip
def test_a_query_that_means_nothing_is_a_problem(filled: Api, query: str) -> None:
    answer = filled.get(f"/tables/hired_employees/rows?{query}")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "value", ["' OR '1'='1", "Staff'--", "'; DROP TABLE departments; --", "Staff\\", ":f0", "%", "$1"]
)
def test_a_filter_s_value_is_never_sql(filled: Api, value: str) -> None:
    assert filled.get(f"/tables/departments/rows?department={quote(value)}").json_body["rows"] == []
    row = {"id": 9, "department": value}
    assert filled.post("/tables/departments/rows", [row]).status_code == 201
    assert filled.get(f"/tables/departments/rows?department={quote(value)}").json_body["rows"] == [row]


def test_tables_are_told_with_their_row_counts(filled: Api) -> None:
    told = filled.get("/tables").json_body
    assert {table["name"]: table["rows"] for table in told["tables"]} == {
        "departments": 2, "jobs": 2, "hired_employees": 0,
    }  # fmt: skip
    table = filled.get("/tables/hired_employees").json_body
    assert [column["name"] for column in table["columns"]] == ["id", "name", "datetime", "department_id", "job_id"]
    assert [key["table"] for key in table["foreign_keys"]] == ["departments", "jobs"]


def test_a_table_tells_what_its_columns_are_held_to(filled: Api) -> None:
    columns = filled.get("/tables/departments").json_body["columns"]
    assert [column["constraints"] for column in columns] == [{"minimum": -(2**31), "maximum": 2**31 - 1}, {}]


def test_every_constraint_is_told_as_json() -> None:
    told = {
        f"{table.name}.{column.name}": constraints_object(column)
        for table in parse_dictionary(OTHER).tables
        for column in table.columns
    }
    assert told["branches.code"] == {"pattern": "[A-Z]{2}[0-9]{2}", "max_length": 4}
    assert told["branches.region"] == {"enum": ["north", "south"]}
    assert told["branches.open"] == {}
    assert told["titles.title"] == {"min_length": 2}
    assert told["titles.isbn"]["maximum"] == 9999999999999
    assert told["titles.published"] == {"minimum": "1450-01-01"}
    assert told["titles.price"] == {"minimum": "0.00"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/tables/x"), ("GET", "/tables/x/rows"), ("POST", "/tables/x/rows"), ("POST", "/tables/..%2fjobs/rows"),
     ("POST", "/tables/x/backups"), ("POST", "/tables/x/restores"), ("GET", "/metrics/x"), ("GET", "/runs/x"),
     ("GET", "/runs/x/rejections"), ("POST", "/runs/x/replay"), ("GET", "/backups/..%2f..%2fx"),
     ("GET", "/backups/x/file"), ("POST", "/backups/x/verify"), ("GET", "/runs/20261122T022045123456-4f2a9c1b"),
     ("GET", "/backups/20261122T022045123456-4f2a9c1b")],
)  # fmt: skip
def test_what_does_not_exist_is_404(api: Api, method: str, path: str) -> None:
    answer = api.get(path) if method == "GET" else api.post(path, [{}] if path.endswith("rows") else None)
    assert answer.status_code == 404, answer.body
    problem = answer.json_body
    assert set(problem) == {"type", "title", "status", "detail", "instance"}
    assert (problem["status"], problem["instance"]) == (404, path)
