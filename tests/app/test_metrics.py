"""The metrics over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from chalicelib.dictionary.package import parse_dictionary
from chalicelib.wiring import use
from tests.app.conftest import Api, make_api

HIRES = [
    {"id": 1, "name": "A", "datetime": "2021-01-01T00:00:00Z", "department_id": 1, "job_id": 2},
    {"id": 2, "name": "B", "datetime": "2021-12-31T23:59:59.999999Z", "department_id": 1, "job_id": 2},
    {"id": 3, "name": "C", "datetime": "2020-12-31T23:59:59Z", "department_id": 2, "job_id": 1},
]


@pytest.fixture
def hired(filled: Api) -> Api:
    assert filled.post("/tables/hired_employees/rows", HIRES).status_code == 201
    return filled


def test_hires_by_quarter_are_told_for_2021_unless_told_otherwise(hired: Api) -> None:
    expected = {
        "metric": "hires-by-quarter",
        "year": 2021,
        "columns": ["department", "job", "Q1", "Q2", "Q3", "Q4"],
        "rows": [{"department": "Supply Chain", "job": "Analyst", "Q1": 1, "Q2": 0, "Q3": 0, "Q4": 1}],
    }
    assert hired.get("/metrics/hires-by-quarter").json_body == expected
    assert hired.get("/metrics/hires-by-quarter?year=2021").json_body == expected
    assert [row["Q4"] for row in hired.get("/metrics/hires-by-quarter?year=2020").json_body["rows"]] == [1]
    assert hired.get("/metrics/hires-by-quarter?year=9999").json_body["rows"] == []


def test_departments_above_the_mean_are_told_with_the_mean(hired: Api) -> None:
    assert hired.get("/metrics/departments-above-mean?year=2021").json_body == {
        "metric": "departments-above-mean",
        "year": 2021,
        "columns": ["id", "department", "hired"],
        "rows": [{"id": 1, "department": "Supply Chain", "hired": 2}],
        "mean": 1.0,
        "departments": 2,
        "hires": 2,
    }


@pytest.mark.parametrize("how", ["query", "header"])
def test_metrics_come_as_csv(hired: Api, how: str) -> None:
    path = "/metrics/hires-by-quarter"
    answer = hired.get(f"{path}?format=csv") if how == "query" else hired.get(path, headers={"Accept": "text/csv"})
    assert answer.body.decode() == "department,job,Q1,Q2,Q3,Q4\r\nSupply Chain,Analyst,1,0,0,1\r\n"


def test_a_csv_tells_the_figures_in_its_headers(hired: Api) -> None:
    answer = hired.get("/metrics/departments-above-mean?format=csv")
    assert answer.body.decode() == "id,department,hired\r\n1,Supply Chain,2\r\n"
    assert {name: answer.headers[f"Decant-{name}"] for name in ("Mean", "Departments", "Hires")} == {
        "Mean": "1.0", "Departments": "2", "Hires": "2",
    }  # fmt: skip


def test_there_is_no_mean_of_no_departments(api: Api) -> None:
    assert "Decant-Mean" not in api.get("/metrics/departments-above-mean?format=csv").headers


@pytest.mark.parametrize("year", ["0", "10000", "-1", "2021.0", "", "x", "2021%20", "%D9%A2%D9%A0%D9%A2%D9%A1"])
def test_a_year_is_a_whole_number_from_1_to_9999(api: Api, year: str) -> None:
    assert api.get(f"/metrics/hires-by-quarter?year={year}").status_code == 400


@pytest.mark.parametrize("metric", ["hires-by-quarter", "departments-above-mean"])
@pytest.mark.parametrize("how", ["query", "header"])
def test_metrics_come_as_a_picture(hired: Api, metric: str, how: str) -> None:
    path, accept = f"/metrics/{metric}", {"Accept": "image/svg+xml,*/*;q=0.5"}
    answer = hired.get(f"{path}?format=svg") if how == "query" else hired.get(path, headers=accept)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{metric}-2021.svg"'
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert ElementTree.fromstring(answer.body.decode()).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_picture_of_a_year_without_hires_says_so(hired: Api) -> None:
    assert "Nobody was hired in the year." in hired.get("/metrics/hires-by-quarter?year=1999&format=svg").body.decode()


def test_a_picture_of_no_departments_has_no_mean(api: Api) -> None:
    picture = api.get("/metrics/departments-above-mean?format=svg").body.decode()
    assert "No department hired more than the mean." in picture
    assert "mean 0" not in picture


def test_an_unknown_format_is_406(api: Api) -> None:
    assert api.get("/metrics/hires-by-quarter?format=png").status_code == 406
    assert api.get("/metrics/hires-by-quarter", headers={"Accept": "image/png"}).status_code == 406
    assert api.get("/tables/jobs/rows?format=svg").status_code == 406


def test_the_metrics_are_listed(api: Api) -> None:
    told = api.get("/metrics").json_body["metrics"]
    assert [metric["name"] for metric in told] == ["hires-by-quarter", "departments-above-mean"]


@pytest.fixture
def other(aws: None, make_database: Callable[[Any], Any]) -> Iterator[Api]:  # noqa: ARG001 - aws must be there first
    """The API over a dictionary that has nothing to do with employees."""
    fields = [
        {"name": "day", "type": "date", "constraints": {"required": True}},
        {"name": "code", "type": "string", "constraints": {"required": True}},
        {"name": "amount", "type": "number", "precision": 10, "scale": 2},
        {"name": "paid", "type": "boolean"},
        {"name": "row", "type": "integer"},
    ]
    resource = {"name": "invoices", "schema": {"fields": fields, "primaryKey": ["day", "code"]}}
    with make_database(parse_dictionary({"name": "other", "resources": [resource]})) as database:
        made = make_api(database)
        with use(made.services):
            yield made


def test_another_dictionary_has_none_of_them(other: Api) -> None:
    assert other.get("/metrics").json_body == {"metrics": []}
    assert other.get("/metrics/hires-by-quarter").status_code == 404


def test_another_dictionary_s_rows_go_in_and_come_out(other: Api) -> None:
    rows = [
        {"day": "2021-02-03", "code": "b", "amount": "10.50", "paid": True, "row": 1},
        {"day": "2021-02-03", "code": "=a", "amount": -1.25, "paid": None, "row": None},
        {"day": "2020-02-29", "code": "z", "amount": None, "paid": False, "row": 2},
        {"day": "2020-02-30", "code": "z", "row": 7},
    ]
    answer = other.post("/tables/invoices/rows", rows)
    assert (answer.status_code, answer.json_body["inserted"]) == (207, 3)
    seen: list[dict[str, Any]] = []
    after = ""
    while True:
        page = other.get(f"/tables/invoices/rows?limit=1{after}").json_body
        seen += page["rows"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [
        {"day": "2020-02-29", "code": "z", "amount": None, "paid": False, "row": 2},
        {"day": "2021-02-03", "code": "=a", "amount": "-1.25", "paid": None, "row": None},
        {"day": "2021-02-03", "code": "b", "amount": "10.50", "paid": True, "row": 1},
    ]
    csv = other.get("/tables/invoices/rows?format=csv&amount__lt=0").body.decode()
    assert csv == "day,code,amount,paid,row\r\n2021-02-03,'=a,-1.25,,\r\n"
    assert [row["code"] for row in other.get("/tables/invoices/rows?paid=true").json_body["rows"]] == ["b"]
    replay = other.post(f"/runs/{answer.json_body['run']}/replay", [{"day": "2020-02-28", "code": "z", "row": 7}])
    assert replay.status_code == 201
    assert other.get("/openapi.json").status_code == 200
