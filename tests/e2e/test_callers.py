"""What callers meet at a deployed Decant alone: the gateway's prefixes and escapes, and what leads on to S3."""

import base64
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import fastavro
import pytest

from chalicelib.postgres import close_connection
from infra.local.record import Record
from tests.conftest import connect_url
from tests.e2e.conftest import Call

WAIT = {"Prefer": "wait=20"}
# Rows of these tests, which other tests must not find.
FIRST, LAST = 8000, 8999


@pytest.fixture(autouse=True, scope="module")
def own_rows(stack: Record) -> Iterator[None]:
    """Delete the rows that these tests made."""
    yield
    connection = connect_url(stack.database_url)
    for table in ("departments", "jobs"):
        connection.execute_simple(f"DELETE FROM {table} WHERE id BETWEEN {FIRST} AND {LAST}")
    close_connection(connection)


def fetch(request: urllib.request.Request | str) -> tuple[int, Any, bytes]:
    """Status, headers and body of an answer, errors included."""
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def shown(stack: Record, url: str, method: str = "GET") -> urllib.request.Request:
    """A request that shows the stack's token."""
    return urllib.request.Request(url, headers=stack.authorization(), method=method)


def post_form(form: dict[str, Any], content: bytes, **changes: str) -> int:
    """Post a file as a browser does; return the status."""
    boundary = uuid4().hex
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    fields = "".join(f'{part}{name}"\r\n\r\n{value}\r\n' for name, value in {**form["fields"], **changes}.items())
    body = f'{fields}{part}file"; filename="a"\r\n\r\n'.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return fetch(urllib.request.Request(form["url"], body, headers, method="POST"))[0]


def ended(stack: Record, url: str) -> Any:
    """The run at a URL, once it has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        run = json.loads(fetch(shown(stack, url))[2])
        if run["ended"] is not None:
            return run
        time.sleep(0.1)
    raise TimeoutError(url)


@pytest.mark.parametrize("prefix", ["/_aws/execute-api/{api}/api", "/restapis/{api}/api/_user_request_"])
@pytest.mark.parametrize("path", ["/backups", "/tables/j%6Fbs/backups", "/tables/jobs/backups/"])
def test_a_location_leads_to_its_run_whatever_the_url_began_with(stack: Record, prefix: str, path: str) -> None:
    url = stack.endpoint_url + prefix.format(api=stack.api_url.split("/")[-2]) + path
    status, headers, body = fetch(shown(stack, url, "POST"))
    assert status == 202
    status, _, run = fetch(shown(stack, urljoin(url, headers["Location"])))
    assert (status, json.loads(run)["id"]) == (200, json.loads(body)["id"])


def test_the_description_leads_to_the_api(stack: Record, call: Call) -> None:
    [server] = call("GET", "/openapi.json").json["servers"]
    root = urljoin(f"{stack.api_url}/openapi.json", server["url"])
    status, _, body = fetch(shown(stack, urljoin(root, "tables")))
    assert (status, list(json.loads(body))) == (200, ["tables", "dictionary"])


def test_a_backup_is_downloaded_and_read_by_another_tool(call: Call) -> None:
    rows = [{"id": 8001, "job": "Año 日本 😀"}, {"id": 8002, "job": "=1+1"}]
    assert call("POST", "/tables/jobs/rows", rows).status == 201
    backup = call("POST", "/tables/jobs/backups", **WAIT).json["result"]["backups"][0]
    answer = call("GET", f"/backups/{backup}/file")  # urllib follows the 303, as browsers do
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''jobs-{backup}.avro"
    saved: list[Any] = list(fastavro.reader(io.BytesIO(answer.body)))
    assert [row for row in saved if FIRST <= row["id"] <= LAST] == rows


def test_an_upload_form_takes_its_own_file_alone_and_its_run_can_be_replayed(stack: Record, call: Call) -> None:
    answer = call("POST", "/uploads", {"filename": "jobs ñ.csv"})
    form = answer.json
    conditions = json.loads(base64.b64decode(form["fields"]["policy"]))["conditions"]
    assert {"key": form["key"]} in conditions
    assert ["content-length-range", 1, form["max_bytes"]] in conditions
    assert post_form(form, b"8010,A\n", key="incoming/departments/8010.csv") == 403
    assert post_form(form, b"8010,A\n", **{"x-amz-meta-run": "another"}) == 403
    assert post_form(form, b"") == 400
    assert post_form(form, b"8010,A\n8011,\n") in (200, 201, 204)
    loaded = ended(stack, urljoin(f"{stack.api_url}/uploads", answer.headers["Location"]))
    assert loaded["id"] == form["run"]
    assert (loaded["state"], loaded["inserted"], loaded["rejected"]) == ("succeeded", 1, 1)
    again = call("POST", f"/runs/{form['run']}/replay", **WAIT).json
    assert (again["kind"], again["unchanged"], again["rejected"]) == ("replay", 1, 1)


def test_what_is_escaped_in_a_path_leads_to_the_same_or_nowhere(call: Call) -> None:
    assert call("GET", "/tables/hired%5Femployees").json["name"] == "hired_employees"
    for path in ("/backups/..%2f..%2fsecret", "/runs/%2e%2e", "/tables/x'%3B--", "/tables/d%C3%A9p", "/runs/%00"):
        assert call("GET", path).status in (403, 404), path


def test_bytes_that_are_not_utf_8_are_refused_and_not_replaced(call: Call) -> None:
    answer = call("POST", "/tables/jobs/rows", '[{"id": 8020, "job": "Año"}]'.encode("latin-1"))
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert call("GET", "/tables/jobs/rows?id=8020").json["rows"] == []


def test_of_two_posts_of_the_same_ids_at_once_one_wins(call: Call) -> None:
    def post(number: int) -> Any:
        rows = [{"id": 8100 + each, "department": f"Of {number}"} for each in range(50)]
        return call("POST", "/tables/departments/rows", rows)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(post, range(2)))
    assert sorted(answer.status for answer in answers) == [201, 422]
    assert sum(answer.json["inserted"] for answer in answers) == 50


def test_two_posts_with_one_key_at_once_get_one_answer(call: Call) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    with ThreadPoolExecutor(2) as pool:
        posts = [pool.submit(call, "POST", "/tables/jobs/rows", [{"id": 8200, "job": "Once"}], **key) for _ in range(2)]
        answers = {(post.result().status, post.result().body) for post in posts}
    assert len(answers) == 1
