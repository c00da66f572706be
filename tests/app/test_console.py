"""The console's files as a browser gets them: without a token, under any base path, and nothing else with them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from urllib.parse import urljoin

import pytest
from chalice.test import HTTPResponse

import app as entry
from chalicelib.console.site import site
from tests.app.conftest import KEPT_TOKEN, Api

BASES = (
    "https://x.execute-api.eu-central-1.amazonaws.com/api",
    "https://decant.example.org",
    "http://127.0.0.1:1/a/b/c",
)


def browse(api: Api, path: str) -> HTTPResponse:
    return api.client.http.get(path)


def text(answer: HTTPResponse) -> str:
    return answer.body.decode()


def references(html: str) -> list[str]:
    """What the page names: in its attributes, and in its import map."""
    [imports] = re.findall(r'<script type="importmap">(.*?)</script>', html)
    return [*re.findall(r'(?:href|src)="([^"]*)"', html), *json.loads(imports)["imports"].values()]


@pytest.mark.parametrize("base", BASES)
def test_all_that_the_page_names_is_there_under_any_base_path(api: Api, base: str) -> None:
    named = references(text(browse(api, "/console")))
    assert len(named) > len(site().assets)
    for each in named:
        url = urljoin(f"{base}/console", each)
        assert url.startswith(f"{base}/console/")
        assert browse(api, url.removeprefix(base)).status_code == 200, each


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("path", ["/api/console", "/api/console/", "/console", "/console/"])
def test_its_references_hold_with_and_without_a_slash_at_its_end(path: str) -> None:
    answer = entry.app(event("/console", path), None)
    found = {urljoin(f"https://example.org{path}", each) for each in references(answer["body"])}
    assert f"https://example.org{path.rstrip('/')}/{site().version}/main.js" in found


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(("path", "base"), [("/api", "/api"), ("/api/", "/api"), ("/", "")])
def test_the_root_leads_to_the_console(path: str, base: str) -> None:
    answer = entry.app(event("/", path), None)
    assert answer["statusCode"] == 307
    assert urljoin(f"https://example.org{path}", answer["headers"]["Location"]) == f"https://example.org{base}/console"


def test_every_module_is_fetched_at_once_and_nothing_twice(api: Api) -> None:
    html = text(browse(api, "/console"))
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]*)">', html)
    modules = [name for name in site().assets if name.endswith(".js")]
    assert sorted(preloaded) == sorted(f"console/{site().version}/{name}" for name in modules)


def test_the_page_is_asked_for_each_time_and_its_files_never_again(api: Api) -> None:
    assert browse(api, "/console").headers["Cache-Control"] == "no-cache"
    answer = browse(api, f"/console/{site().version}/main.js")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("name", "media"), [("main.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_a_file_says_what_it_is(api: Api, name: str, media: str) -> None:
    answer = browse(api, f"/console/{site().version}/{name}")
    assert answer.headers["Content-Type"] == f"{media}; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert text(answer) == site().assets[name].content


def test_the_page_may_run_its_own_files_and_nothing_else(api: Api) -> None:
    answer = browse(api, "/console")
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    [imports] = re.findall(r'<script type="importmap">(.*?)</script>', text(answer))
    digest = base64.b64encode(hashlib.sha256(imports.encode()).digest()).decode()
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert policy["style-src"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    # The import map is the only script that stands in the page.
    assert len(re.findall(r"<script", text(answer))) == 2
    assert not re.search(r"\son\w+=|\sstyle=", text(answer))


def test_the_page_may_send_files_to_where_uploads_go(api: Api) -> None:
    form = api.post("/uploads", {"filename": "jobs.csv"}).json_body
    policy = browse(api, "/console").headers["Content-Security-Policy"]
    [allowed] = re.findall(r"connect-src ([^;]*)", policy)
    assert any(form["url"].startswith(f"{origin}/") for origin in allowed.split())


NOWHERE = (
    "nothing.js",
    "..",
    "../site.py",
    "..%2Fsite.py",
    "%2e%2e%2findex.html",
    "main.js%00",
    "",
    "preact.LICENSE",
    "/etc/passwd",
)


@pytest.mark.parametrize("name", NOWHERE)
@pytest.mark.parametrize("folder", [None, "pages", "..", "%2e%2e", "vendor", "", "/"])
@pytest.mark.usefixtures("api")
def test_there_is_nothing_but_the_console_s_files(folder: str | None, name: str) -> None:
    place = {"name": name} if folder is None else {"name": folder, "file": name}
    assert_nothing({"version": site().version, **place})


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("version", ["0000000000000000", "..", "", "pages"])
def test_of_another_version_there_is_nothing(version: str) -> None:
    assert_nothing({"version": version, "name": "main.js"})


def assert_nothing(variables: dict[str, str]) -> None:
    resource = "/console/" + "/".join(f"{{{name}}}" for name in variables)
    answer = entry.app(event(resource, "/api/console/" + "/".join(variables.values()), **variables), None)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["type"] == "urn:decant:problem:not-found"
    assert answer["headers"]["Cache-Control"] == "no-store"


def test_the_api_tells_a_caller_who_they_are(api: Api) -> None:
    assert api.get("/me").json_body == {
        "id": KEPT_TOKEN.id,
        "name": "tests",
        "scopes": ["operate", "read", "write"],
    }


def event(resource: str, path: str, **variables: str) -> dict[str, object]:
    """A request as API Gateway hands it on, which no authorizer has seen."""
    return {
        "requestContext": {"httpMethod": "GET", "resourcePath": resource, "path": path},
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": variables or None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
