"""What people do with a deployed Decant, from the first file to a restore, through S3, queue, functions and API."""

import csv
import io
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.postgres import close_connection
from infra.local.record import Record
from tests import oracle
from tests.conftest import connect_url
from tests.e2e.conftest import Call

SAMPLES = Path(__file__).parents[2] / "sample_data"
FINAL = {"succeeded", "failed", "refused", "duplicate"}
Run = dict[str, Any]
Drop = Callable[..., str]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def query(stack: Record) -> Iterator[Query]:
    """Run a statement as the database's owner."""
    connection = connect_url(stack.database_url)

    def run(sql: str) -> list[tuple[Any, ...]]:
        cursor = connection.cursor()
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    yield run
    close_connection(connection)


@pytest.fixture(scope="module")
def drop(stack: Record) -> Drop:
    """Put a file into the intake bucket; return the version that S3 gave it."""

    def put(key: str, content: bytes, **metadata: str) -> str:
        put = stack.client("s3").put_object(
            Bucket=stack.intake_bucket, Key=f"incoming/{key}", Body=content, Metadata=metadata
        )
        version: str = put["VersionId"]
        return version

    return put


@pytest.fixture(scope="module")
def ended(call: Call) -> Callable[[str], Run]:
    """Wait for the run of a version of an object, or of that id, to end."""

    def wait(name: str) -> Run:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for run in call("GET", "/runs?limit=200").json["runs"]:
                if name in (run["id"], (run["source"] or {}).get("version")) and run["state"] in FINAL:
                    found: Run = run
                    return found
            time.sleep(0.2)
        raise TimeoutError(name)

    return wait


@pytest.fixture(scope="module")
def loaded(drop: Drop, ended: Callable[[str], Run]) -> dict[str, Run]:
    """The sample tables, dropped at once, children first."""
    tables = ["hired_employees", "departments", "jobs"]
    versions = {table: drop(f"{table}.xlsx", (SAMPLES / f"{table}.xlsx").read_bytes()) for table in tables}
    return {table: ended(version) for table, version in versions.items()}


def test_files_dropped_in_any_order_end_in_their_tables(loaded: dict[str, Run], query: Query) -> None:
    for table, run in loaded.items():
        assert run["state"] == "succeeded", run
        assert run["note"] is None
        expected = oracle.read_folder(SAMPLES)[table]
        assert (run["inserted"], run["inserted"] + run["rejected"]) == (len(expected), run["read"])
        assert query(f"SELECT count(*) FROM {table}") == [(len(expected),)]


@pytest.mark.parametrize("year", [2020, 2021, 2022])
@pytest.mark.usefixtures("loaded")
def test_metrics_equal_an_independent_computation(call: Call, year: int) -> None:
    hires = call("GET", f"/metrics/hires-by-quarter?year={year}").json
    assert hires["rows"] == oracle.hires_by_quarter(SAMPLES, year)
    above = call("GET", f"/metrics/departments-above-mean?year={year}").json
    mean, rows = oracle.departments_above_mean(SAMPLES, year)
    assert above["rows"] == rows
    assert above["mean"] == pytest.approx(mean)


def test_rejections_are_listed_and_corrected_rows_go_in(loaded: dict[str, Run], call: Call, query: Query) -> None:
    run = loaded["hired_employees"]["id"]
    listed = call("GET", f"/runs/{run}/rejections?limit=1000").json["rejections"]
    lines = csv.DictReader(io.StringIO(call("GET", f"/runs/{run}/rejections?limit=1000&format=csv").body.decode()))
    assert [line[f"decant_csv_row_of_{run}"] for line in lines] == [str(row["row"]) for row in listed]
    bad = next(row for row in listed if [each["column"] for each in row["reasons"]] == ["name"])
    answer = call("POST", f"/runs/{run}/replay", [{"row": bad["row"], "name": "Corrected Name"}])
    assert (answer.status, answer.json["inserted"]) == (201, 1)
    assert query(f"SELECT name FROM hired_employees WHERE id = {bad['cells']['id']}") == [("Corrected Name",)]
    query(f"DELETE FROM hired_employees WHERE id = {bad['cells']['id']}")


def test_the_same_content_is_loaded_once(loaded: dict[str, Run], drop: Drop, ended: Callable[[str], Run]) -> None:
    again = ended(drop("departments-again.xlsx", (SAMPLES / "departments.xlsx").read_bytes()))
    assert again["state"] == "duplicate"
    assert loaded["departments"]["id"] in again["error"]["detail"]


@pytest.mark.usefixtures("loaded")
def test_a_dirty_file_tells_every_reason(call: Call, drop: Drop, ended: Callable[[str], Run]) -> None:
    path = SAMPLES / "dirty" / "hired_employees-several-reasons.csv"
    run = ended(drop(f"hired_employees/{path.name}", path.read_bytes()))
    expected = json.loads(path.with_name(f"{path.name}.expected.json").read_text())["rejections"]
    listed = call("GET", f"/runs/{run['id']}/rejections").json["rejections"]
    found = {(row["row"], row["line"], each["column"], each["code"]) for row in listed for each in row["reasons"]}
    assert found >= {(each["row"], each["line"], each["column"], each["code"]) for each in expected}


def test_an_encrypted_workbook_fails_with_what_to_do(drop: Drop, ended: Callable[[str], Run]) -> None:
    content = (SAMPLES / "dirty" / "unreadable" / "departments-encrypted.xlsx").read_bytes()
    run = ended(drop("departments-secret.xlsx", content))
    assert (run["state"], run["error"]["code"]) == ("failed", "encrypted-file")
    assert "password" in run["error"]["hint"]


def test_an_overwritten_object_ends_in_its_newest_content(
    drop: Drop, ended: Callable[[str], Run], query: Query
) -> None:
    options = {"on-conflict": "update"}
    versions = [drop("departments/seven.csv", f"7001,Name {n}\n".encode(), **options) for n in range(4)]
    runs = [ended(version) for version in versions]
    assert runs[-1]["state"] == "succeeded"
    assert query("SELECT department FROM departments WHERE id = 7001") == [("Name 3",)]
    query("DELETE FROM departments WHERE id = 7001")


def test_an_upload_form_gives_the_run_that_loads_the_file(call: Call, ended: Callable[[str], Run]) -> None:
    form = call("POST", "/uploads", {"filename": "departments-form.csv"}).json
    boundary = uuid4().hex
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    )
    head = f'{fields}--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    body = head.encode() + b"7002,Forms\n" + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        form["url"], body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status in (200, 201, 204)
    run = ended(form["run"])
    assert (run["state"], run["inserted"]) == ("succeeded", 1)


def test_a_batch_goes_in_once_for_its_key(call: Call, query: Query) -> None:
    rows = {"departments": [{"id": 7003, "department": "Batches"}, {"id": 7004, "department": None}]}
    key = {"Idempotency-Key": uuid4().hex}
    first, second = (call("POST", "/batch", rows, **key) for _ in range(2))
    assert first.status == second.status == 207
    assert first.json == second.json
    assert query("SELECT id FROM departments WHERE id IN (7003, 7004)") == [(7003,)]
    assert call("POST", "/batch", {"departments": [{"id": 1}]}, **key).status == 422


@pytest.mark.usefixtures("loaded")
def test_back_up_break_and_restore(call: Call, query: Query) -> None:
    def rows() -> list[list[tuple[Any, ...]]]:
        return [query(f"SELECT * FROM {table} ORDER BY id") for table in ("departments", "jobs", "hired_employees")]

    wait = {"Prefer": "wait=20"}
    before = rows()
    saved = call("POST", "/backups", **wait).json
    assert saved["state"] == "succeeded", saved
    query("DELETE FROM hired_employees WHERE id % 3 = 0")
    query("UPDATE departments SET department = 'lost' WHERE id < 5")
    query("INSERT INTO jobs VALUES (7005, 'Intruder')")
    dry = call("POST", "/restores", {"dry_run": True}, **wait).json
    assert dry["state"] == "succeeded", dry
    assert rows() != before
    done = call("POST", "/restores", **wait).json
    assert done["state"] == "succeeded", done
    assert rows() == before
    changes = {
        each["table"]: (each["inserted"] > 0, each["updated"], each["deleted"]) for each in done["result"]["tables"]
    }
    assert changes == {"departments": (False, 4, 0), "jobs": (False, 0, 1), "hired_employees": (True, 0, 0)}


@pytest.mark.usefixtures("loaded")
def test_a_restore_that_would_break_references_is_refused(call: Call, query: Query) -> None:
    wait = {"Prefer": "wait=20"}
    saved = call("POST", "/tables/departments/backups", **wait).json
    query("INSERT INTO departments VALUES (7006, 'Young')")
    query("INSERT INTO hired_employees VALUES (7006, 'New Hire', now(), 7006, 1)")
    refused = call("POST", "/tables/departments/restores", {"backup": saved["result"]["backups"][0]}, **wait).json
    assert refused["state"] == "refused"
    assert "7006" in json.dumps(refused["error"])
    assert query("SELECT count(*) FROM departments WHERE id = 7006") == [(1,)]
    query("DELETE FROM hired_employees WHERE id = 7006")
    query("DELETE FROM departments WHERE id = 7006")
