"""Uploads, runs, rejections and replays."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.catalog import DynamoCatalog
from chalicelib.errors import Unavailable
from chalicelib.ports import Run, RunKind, RunState
from tests.app.conftest import Api

JOBS = b"1,Recruiter\n2,\nx,Analyst\n4,Engineer\n"
RUN_FIELDS = {
    "id", "kind", "table", "state", "phase", "progress", "expected", "source", "read", "inserted", "updated",
    "unchanged", "rejected", "created", "started", "ended", "seconds", "dictionary", "note", "error", "result",
}  # fmt: skip


@pytest.fixture
def loaded(api: Api) -> tuple[Api, str]:
    """A load of jobs in which the rows 2 and 3 were rejected, and its run."""
    api.drop("incoming/jobs.csv", JOBS)
    api.work()
    return api, api.get("/runs").json_body["runs"][0]["id"]


def test_an_upload_gets_a_form_for_one_key_and_the_run_of_its_file(api: Api) -> None:
    answer = api.post("/uploads", {"filename": "June, ñ.csv", "table": "jobs", "on_conflict": "update"})
    assert answer.status_code == 201
    form = answer.json_body
    assert form["key"] == form["fields"]["key"] == f"incoming/jobs/{form['run']}/June, ñ.csv"
    assert form["fields"]["x-amz-meta-run"] == form["run"]
    assert form["fields"]["x-amz-meta-on-conflict"] == "update"
    assert form["expires_in"] <= 300
    assert answer.headers["Location"] == f"runs/{form['run']}"
    run = api.get(f"/runs/{form['run']}").json_body
    assert (run["state"], run["table"], run["source"]["key"]) == ("queued", "jobs", form["key"])


def test_what_is_null_in_an_upload_is_not_given(api: Api) -> None:
    body = {"filename": "jobs.csv", "table": None, "on_conflict": None, "max_rejected": None}
    assert api.post("/uploads", body).status_code == 201


@pytest.mark.parametrize(("share", "text"), [(b"5e-2", "0.05"), (b"-0.0", "0.0"), (b"0.05", "0.05"), (b"1", "1")])
def test_a_share_may_be_written_in_any_way_that_json_has(api: Api, share: bytes, text: str) -> None:
    answer = api.post("/uploads", raw=b'{"filename": "jobs.csv", "max_rejected": ' + share + b"}")
    assert (answer.status_code, answer.json_body["fields"]["x-amz-meta-max-rejected"]) == (201, text)


def test_the_uploaded_file_is_loaded_by_the_promised_run(api: Api) -> None:
    form = api.post("/uploads", {"filename": "jobs-2021.csv"}).json_body
    api.drop(form["key"], JOBS, {"run": form["run"]})
    api.work()
    run = api.get(f"/runs/{form['run']}").json_body
    assert (run["state"], run["inserted"], run["rejected"]) == ("succeeded", 2, 2)
    assert len(api.get("/runs").json_body["runs"]) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        (None, 400),
        ([], 400),
        ({"filename": 1}, 400),
        ({"filename": "jobs.txt"}, 400),
        ({"filename": "../jobs.csv"}, 400),
        ({"filename": "a/jobs.csv"}, 400),
        ({"filename": "jobs\n.csv"}, 400),
        ({"filename": ".csv"}, 400),
        ({"filename": "x" * 201 + ".csv", "table": "jobs"}, 400),
        ({"filename": "half\ud800.csv", "table": "jobs"}, 400),
        ({"filename": "jobs.csv", "run_id": "mine"}, 400),
        ({"filename": "jobs.csv", "table": ["jobs"]}, 400),
        ({"filename": "jobs.csv", "table": "nosuch"}, 404),
        ({"filename": "other.csv"}, 422),
        ({"filename": "jobs.csv", "on_conflict": "replace"}, 422),
        ({"filename": "jobs.csv", "max_rejected": 2}, 422),
    ],
)
def test_an_upload_that_can_not_be_is_refused(api: Api, body: Any, status: int) -> None:
    answer = api.post("/uploads", body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert api.get("/runs").json_body["runs"] == []


def test_a_run_tells_all_there_is(loaded: tuple[Api, str]) -> None:
    api, run = loaded
    told = api.get(f"/runs/{run}").json_body
    assert set(told) == RUN_FIELDS
    assert (told["kind"], told["table"], told["state"]) == ("load", "jobs", "succeeded")
    assert (told["read"], told["inserted"], told["rejected"]) == (4, 2, 2)
    assert told["source"]["key"] == "incoming/jobs.csv"


def test_runs_are_listed_newest_first_page_by_page_and_by_table(api: Api) -> None:
    made = [
        api.post(f"/tables/{table}/rows", [{"id": "x"}]).json_body["run"]
        for table in ("jobs", "departments", "jobs", "jobs")
    ]
    first = api.get("/runs?limit=3").json_body
    assert [run["id"] for run in first["runs"]] == made[:0:-1]
    rest = api.get(f"/runs?limit=3&after={first['next']}").json_body
    assert ([run["id"] for run in rest["runs"]], rest["next"]) == ([made[0]], None)
    of_jobs = api.get("/runs?table=jobs").json_body["runs"]
    assert [run["id"] for run in of_jobs] == [made[3], made[2], made[0]]


def test_rejections_show_the_cells_as_they_came_and_every_reason(loaded: tuple[Api, str]) -> None:
    api, run = loaded
    told = api.get(f"/runs/{run}/rejections").json_body
    assert told["next"] is None
    second, third = told["rejections"]
    assert (second["table"], second["row"], second["line"]) == ("jobs", 2, 2)
    assert second["cells"] == {"id": "2", "job": None}
    assert [(each["column"], each["code"]) for each in second["reasons"]] == [("job", "constraint-error")]
    assert [(each["column"], each["code"], each["value"]) for each in third["reasons"]] == [("id", "type-error", "x")]
    assert third["corrected_by"] is None


def test_rejections_are_listed_page_by_page(loaded: tuple[Api, str]) -> None:
    api, run = loaded
    first = api.get(f"/runs/{run}/rejections?limit=1").json_body
    rest = api.get(f"/runs/{run}/rejections?limit=1&after={first['next']}").json_body
    assert [each["row"] for each in first["rejections"] + rest["rejections"]] == [2, 3]
    assert rest["next"] is None
    assert api.get(f"/runs/{run}/rejections?after=jobs;2").status_code == 400


def test_reasons_are_counted_by_table_column_and_code_most_first(api: Api) -> None:
    rows = {"jobs": [{"id": "x", "job": ""}, {"id": "y"}, {"id": "z", "job": "Clerk"}], "departments": [{"id": 1}]}
    run = api.post("/batch", rows).json_body["run"]
    assert api.get(f"/runs/{run}/reasons").json_body == {
        "reasons": [
            {"table": "jobs", "column": "id", "code": "type-error", "rows": 3},
            {"table": "departments", "column": "department", "code": "missing-cell", "rows": 1},
            {"table": "jobs", "column": "job", "code": "constraint-error", "rows": 1},
            {"table": "jobs", "column": "job", "code": "missing-cell", "rows": 1},
        ]
    }


def test_a_reason_that_a_row_has_twice_counts_once(api: Api) -> None:
    api.drop("incoming/jobs.csv", b"1,Clerk\n2,Cook,and,more\n3,Baker,too\n")
    api.work()
    run = api.get("/runs").json_body["runs"][0]["id"]
    [reason] = api.get(f"/runs/{run}/reasons").json_body["reasons"]
    assert (reason["code"], reason["rows"]) == ("extra-cell", 2)


def test_a_run_without_rejections_has_no_reasons_and_none_is_known_of_no_run(api: Api) -> None:
    api.drop("incoming/jobs.csv", b"1,Clerk\n")
    api.work()
    run = api.get("/runs").json_body["runs"][0]["id"]
    assert api.get(f"/runs/{run}/reasons").json_body == {"reasons": []}
    assert api.get("/runs/20261122T022045123456-00000000/reasons").status_code == 404


def test_a_correction_goes_over_the_cells_as_they_came(loaded: tuple[Api, str]) -> None:
    api, run = loaded
    answer = api.post(f"/runs/{run}/replay", [{"row": 3, "id": 3}, {"row": 2, "job": " "}])
    assert answer.status_code == 207
    assert [each["row"] for each in answer.json_body["rejections"]] == [2]
    assert api.database.rows("jobs") == [(1, "Recruiter"), (3, "Analyst"), (4, "Engineer")]
    second, third = api.get(f"/runs/{run}/rejections").json_body["rejections"]
    assert (second["corrected_by"], third["corrected_by"]) == (None, answer.json_body["run"])
    replay = api.get(f"/runs/{answer.json_body['run']}").json_body
    assert (replay["kind"], replay["state"], replay["table"]) == ("replay", "succeeded", "jobs")
    assert replay["result"] == {"corrects": run}
    again = api.post(f"/runs/{replay['id']}/replay", [{"row": 2, "job": "Clerk"}])
    assert again.status_code == 201


def test_a_correction_that_the_catalogue_lost_still_tells_what_it_corrects(
    loaded: tuple[Api, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, run = loaded
    with monkeypatch.context() as patch:
        patch.setattr(DynamoCatalog, "put_run", lambda *_: None)
        correction = api.post(f"/runs/{run}/replay", [{"row": 2, "job": "Clerk"}]).json_body["run"]
    assert correction not in {each["id"] for each in api.get("/runs").json_body["runs"]}
    assert api.get(f"/runs/{correction}").json_body["result"] == {"corrects": run}


def test_whole_rows_may_be_sent_instead(loaded: tuple[Api, str]) -> None:
    api, run = loaded
    assert api.post(f"/runs/{run}/replay", [{"id": 2, "job": "Clerk"}]).status_code == 201
    assert (2, "Clerk") in api.database.rows("jobs")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({"jobs": [{"row": 2}]}, 400),
        ([{"row": 2, "job": "A"}, {"id": 3, "job": "B"}], 400),
        ([{"row": 2, "job": "A"}, {"row": 2, "job": "B"}], 400),
        ([{"row": -1}], 400),
        ([{"row": 1.5}], 400),
        ([{"row": 10**20}], 400),
        ([{"row": None}], 400),
        ([{"row": 1, "job": "was not rejected"}], 422),
        ([{"row": 2, "job": "A"}, {"row": 99}], 422),
    ],
)
def test_a_correction_of_what_was_not_rejected_is_refused_whole(
    loaded: tuple[Api, str], body: Any, status: int
) -> None:
    api, run = loaded
    assert api.post(f"/runs/{run}/replay", body).status_code == status
    assert len(api.database.rows("jobs")) == 2


def test_a_row_is_corrected_once(loaded: tuple[Api, str]) -> None:
    api, run = loaded
    by = api.post(f"/runs/{run}/replay", [{"row": 2, "job": "Clerk"}]).json_body["run"]
    answer = api.post(f"/runs/{run}/replay", [{"row": 2, "job": "Clerk"}])
    assert answer.status_code == 422
    assert answer.json_body["errors"] == [{"table": "jobs", "row": 2, "message": f"has been corrected by run {by}"}]


def test_a_batch_of_several_tables_is_corrected_by_table(api: Api) -> None:
    run = api.post("/batch", {"jobs": [{"id": "x", "job": "J"}], "departments": [{"id": 1}]}).json_body["run"]
    corrections = {"jobs": [{"row": 1, "id": 1}], "departments": [{"row": 1, "department": "D"}]}
    answer = api.post(f"/runs/{run}/replay", corrections)
    assert (answer.status_code, answer.json_body["inserted"]) == (201, 2)
    assert api.post(f"/runs/{run}/replay", [{"row": 1}]).status_code == 400


def test_a_file_is_loaded_again_after_its_cause_is_gone(api: Api) -> None:
    hire = b"1,Ana,2021-07-27T16:02:08Z,1,1\n"
    api.drop("incoming/hired_employees.csv", hire)
    api.work()
    run = api.get("/runs").json_body["runs"][0]
    assert run["rejected"] == 1
    api.post("/batch", {"jobs": [{"id": 1, "job": "J"}], "departments": [{"id": 1, "department": "D"}]})
    answer = api.post(f"/runs/{run['id']}/replay")
    assert answer.status_code == 202
    replay = answer.json_body["id"]
    assert answer.headers["Location"] == f"../../runs/{replay}"
    assert (answer.json_body["kind"], answer.json_body["state"]) == ("replay", "queued")
    assert answer.json_body["result"] == {"replays": run["id"]}
    api.work()
    told = api.get(f"/runs/{replay}").json_body
    assert (told["state"], told["inserted"]) == ("succeeded", 1)


def test_a_file_whose_name_can_not_be_held_is_told_so_and_not_loaded_again(api: Api) -> None:
    api.drop("incoming/jobs/a\0.csv", b"1,Clerk\n")
    api.work()
    [run] = api.get("/runs").json_body["runs"]
    assert (run["state"], run["table"], run["source"]["key"]) == ("failed", "jobs", "incoming/jobs/a%00.csv")
    answer = api.post(f"/runs/{run['id']}/replay")
    assert answer.status_code == 409
    assert answer.json_body["detail"].startswith(run["error"]["detail"])


def test_a_batch_has_no_file_to_load_again(api: Api) -> None:
    run = api.post("/tables/jobs/rows", [{"id": "x"}]).json_body["run"]
    assert api.post(f"/runs/{run}/replay").status_code == 409


def test_a_run_under_way_is_told_by_the_catalogue(api: Api) -> None:
    run = Run("20261122T022045123456-4f2a9c1b", RunKind.LOAD, "jobs", RunState.RUNNING, "hash", "validating", 5)
    api.services.catalog.put_run(run)
    told = api.get(f"/runs/{run.id}").json_body
    assert (told["state"], told["phase"], told["progress"]) == ("running", "validating", 5)


def test_runs_under_way_are_told_while_the_database_is_down(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run("20261122T022045123456-4f2a9c1b", RunKind.LOAD, "jobs", RunState.RUNNING, "hash")
    api.services.catalog.put_run(run)

    def down(*_: Any, **__: Any) -> Any:
        raise Unavailable("The database can't be reached.")

    monkeypatch.setattr(type(api.services.database), "transaction", down)
    assert api.get(f"/runs/{run.id}").json_body["state"] == "running"
    assert api.get("/runs/20261122T022045123456-00000000").status_code == 503
