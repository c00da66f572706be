"""The service as a whole: its health, its description, and its entry points."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from chalice.config import Config
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

import app as entry
from chalicelib import worker
from chalicelib.api.fallback import EVERYTHING
from chalicelib.errors import Unavailable
from chalicelib.ports import Run, RunKind, RunState
from chalicelib.wiring import use
from tests.app.conftest import Api

ROOT = Path(__file__).parents[2]
PARTS = ("database", "storage", "queue", "catalog")


def test_health_tells_each_part(api: Api) -> None:
    answer = api.get("/health")
    assert answer.status_code == 200
    assert answer.json_body == {"status": "ok", **dict.fromkeys(PARTS, "ok")}


@pytest.mark.parametrize("part", PARTS)
def test_health_is_503_when_a_part_is_down(api: Api, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    services = api.services
    broken, method = {
        "database": (services.database, "transaction"),
        "storage": (services.intake, "list"),
        "queue": (services.queue, "waiting"),
        "catalog": (services.catalog, "run"),
    }[part]

    def down(*_: Any, **__: Any) -> Any:
        raise Unavailable("It is down.")

    monkeypatch.setattr(type(broken), method, down)
    answer = api.get("/health")
    assert answer.status_code == 503
    assert answer.json_body == {"status": "down", **dict.fromkeys(PARTS, "ok"), part: "down"}


def test_the_description_is_valid_openapi_3_1(api: Api) -> None:
    document = api.get("/openapi.json").json_body
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_the_description_has_every_route_and_every_table(api: Api) -> None:
    document = api.get("/openapi.json").json_body
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    routes = {(path, method) for path, methods in entry.app.routes.items() for method in methods}
    assert described == {
        (path, method)
        for path, method in routes
        if path not in EVERYTHING and not entry.app.routes[path][method].view_function.operation.public  # type: ignore[attr-defined]
    }
    assert {"Row.departments", "Row.jobs", "Row.hired_employees"} <= set(document["components"]["schemas"])


def test_the_description_says_who_may_do_what(api: Api) -> None:
    document = api.get("/openapi.json").json_body
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            operation = entry.app.routes[path][method.upper()].view_function.operation  # type: ignore[attr-defined]
            assert told["security"] == [{"token": [operation.scope] if operation.scope else []}]
            assert {"401", "403", "429"} <= set(told["responses"])


def test_the_description_says_what_a_client_gets_who_waits(api: Api) -> None:
    paths = api.get("/openapi.json").json_body["paths"]
    described = [told["responses"] for methods in paths.values() for told in methods.values()]
    ordered = [answers for answers in described if "202" in answers]
    assert ordered
    for answers in ordered:
        ended, queued = ({**answers[status]["content"]["application/json"]} for status in ("200", "202"))
        assert ended["schema"] == queued["schema"]


def test_answers_are_as_described(filled: Api) -> None:
    document = filled.get("/openapi.json").json_body
    filled.post("/backups")
    filled.work()
    backup = filled.get("/backups").json_body["backups"][0]["id"]
    run = filled.post("/batch", {"jobs": [{"id": "x"}], "departments": [{"id": 9, "department": "N"}]}).json_body["run"]
    asked = [
        ("GET", "/health"), ("GET", "/tables"), ("GET", "/tables/{table}"), ("GET", "/tables/{table}/rows"),
        ("GET", "/runs"), ("GET", "/runs/{run}"), ("GET", "/runs/{run}/rejections"), ("GET", "/backups"),
        ("GET", "/backups/{backup}"), ("GET", "/metrics"), ("GET", "/metrics/{metric}"), ("GET", "/openapi.json"),
        ("POST", "/backups/{backup}/verify"), ("POST", "/backups"), ("POST", "/restores"), ("POST", "/drills"),
        ("POST", "/backups/{backup}/pin"), ("POST", "/backups/{backup}/unpin"), ("POST", "/backups/rebuild"),
        ("POST", "/tables/{table}/backups"), ("POST", "/tables/{table}/restores"),
    ]  # fmt: skip
    bodies: dict[str, Any] = {
        "/tables/{table}/rows": [{"id": 1}],
        "/batch": {"jobs": [{"id": 8, "job": "J"}, {"id": 8}]},
        "/uploads": {"filename": "jobs.csv"},
        "/runs/{run}/replay": {"jobs": [{"row": 1, "id": 1}]},
    }
    for method, path in [*asked, *(("POST", path) for path in bodies)]:
        filling = {"table": "jobs", "run": run, "backup": backup, "metric": "departments-above-mean"}
        real = path.format(**filling)
        answer = filled.get(real) if method == "GET" else filled.post(real, bodies.get(path))
        told = document["paths"][path][method.lower()]["responses"]
        schema = told[str(answer.status_code)]["content"]["application/json"]["schema"]
        OAS31Validator({**schema, "components": document["components"]}).validate(answer.json_body)


@pytest.mark.parametrize("base", ["", "/api", "/_aws/execute-api/abc/api"])
@pytest.mark.parametrize("path", ["/backups", "/tables/jobs/backups", "/backups/"])
def test_a_location_resolves_below_whatever_the_url_began_with(api: Api, base: str, path: str) -> None:
    answer = api.post(path)
    expected = f"https://host{base}/runs/{answer.json_body['id']}"
    assert urljoin(f"https://host{base}{path}", answer.headers["Location"]) == expected


def test_the_worker_gets_each_record_of_an_event(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[str, int]] = []
    monkeypatch.setattr(worker, "handle", lambda _services, *message: taken.append(message))
    event = api.client.events.generate_sqs_event(["one", "two"])
    assert api.client.lambda_.invoke("worker", event).payload is None
    assert taken == [("one", 1), ("two", 1)]


def test_a_message_of_work_is_done(filled: Api) -> None:
    run = Run("20261122T022045123456-4f2a9c1b", RunKind.BACKUP, "jobs", RunState.QUEUED, "hash")
    filled.services.catalog.add_run(run)
    message = {"work": "backup", "run": run.id, "tables": ["jobs"]}
    event = filled.client.events.generate_sqs_event([json.dumps(message)])
    with use(filled.services):
        filled.client.lambda_.invoke("worker", event)
    assert filled.get(f"/runs/{run.id}").json_body["state"] == "succeeded"


def test_every_event_function_is_an_attribute_of_the_app_s_module() -> None:
    handlers = [each.handler_string for each in entry.app.pure_lambda_functions]
    handlers += [each.handler_string for each in entry.app.event_sources]
    handlers += [each.handler_string for each in entry.app.builtin_auth_handlers]
    assert "app.worker" in handlers
    for handler in handlers:
        module, name = handler.split(".")
        assert module == "app"
        assert hasattr(entry, name)


def test_the_configuration_names_functions_that_exist() -> None:
    configured = json.loads((ROOT / ".chalice" / "config.json").read_text())
    functions = {"api_handler", *(each.name for each in entry.app.event_sources)}
    functions |= {each.name for each in entry.app.builtin_auth_handlers}
    functions |= {each.name for each in entry.app.pure_lambda_functions}
    stages = [configured, *configured["stages"].values()]
    assert {name for stage in stages for name in stage.get("lambda_functions", {})} <= functions
    assert Config(config_from_disk=configured).app_name == entry.app.app_name


def test_importing_the_app_asks_nothing_of_the_outside() -> None:
    program = """
import socket
import sys

def refuse(*_, **__):
    raise AssertionError("import app opened a socket")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
import app
assert "awswrangler" not in sys.modules and "boto3" not in sys.modules, "import app imports what only a call needs"
print(len(app.app.routes))
"""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT, env={"PATH": "", "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) == len(entry.app.routes)


def test_a_chalice_route_s_path_is_one_that_api_gateway_takes() -> None:
    for path in entry.app.routes:
        assert re.fullmatch(r"/|(/([a-zA-Z0-9._-]+|\{[a-z]+\+?\}))+", path)


def test_what_varies_at_a_place_of_a_path_has_one_name() -> None:
    """API Gateway takes no two; an emulator that does may serve one of them alone."""
    names: dict[str, set[str]] = {}
    for path in entry.app.routes:
        parts = path.split("/")
        for place, part in enumerate(parts):
            if part.startswith("{") and not part.endswith("+}"):
                names.setdefault("/".join(parts[:place]), set()).add(part)
    assert {before: found for before, found in names.items() if len(found) > 1} == {}


def invoke(method: str, resource: str, path: str, body: str | None = None, **more: Any) -> Any:
    """Call the app as API Gateway does, which adds the stage to the path."""
    event = {
        "requestContext": {
            "httpMethod": method, "resourcePath": resource, "path": f"/api{path}", "stage": "api", "requestId": "r-1",
            "authorizer": {"principalId": "id", "name": "tests", "scopes": "read write operate"},
        },
        "headers": {"content-type": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"table": "jobs"},
        "stageVariables": None,
        "body": body,
        "isBase64Encoded": False,
    }  # fmt: skip
    return entry.app(event | more, None)


def test_a_request_of_api_gateway_is_answered(api: Api) -> None:
    sent = json.dumps([{"id": 1, "job": "ñ"}])
    answer = invoke("POST", "/tables/{table}/rows", "/tables/jobs/rows", sent)
    assert answer["statusCode"] == 201
    packed = base64.b64encode(sent.encode()).decode()
    again = invoke("POST", "/tables/{table}/rows", "/tables/jobs/rows", packed, isBase64Encoded=True)
    assert json.loads(again["body"])["unchanged"] == 1
    assert api.database.rows("jobs") == [(1, "ñ")]


@pytest.mark.usefixtures("api")
def test_an_error_names_the_path_that_was_asked_for() -> None:
    problem = json.loads(invoke("POST", "/tables/{table}/rows", "/tables/jobs/rows")["body"])
    assert (problem["status"], problem["instance"]) == (400, "/api/tables/jobs/rows")


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(("body", "encoded"), [("\ud800", False), ("no base64!", True), ("ñ", True), ("", False)])
def test_a_body_that_came_broken_is_a_bad_request(body: str, encoded: bool) -> None:
    answer = invoke("POST", "/tables/{table}/rows", "/tables/jobs/rows", body, isBase64Encoded=encoded)
    assert answer["statusCode"] == 400


@pytest.mark.usefixtures("api")
def test_a_defect_tells_the_request_by_which_the_log_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.api.tables.table_object", lambda *_: 1 / 0)
    answer = invoke("GET", "/tables", "/tables")
    assert answer["statusCode"] == 500
    assert "r-1" in json.loads(answer["body"])["detail"]
