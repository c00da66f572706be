"""The console's files as a browser gets them: without a token, under any base path, and nothing else with them."""

from __future__ import annotations

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
    """What the page names."""
    return re.findall(r'(?:href|src)="([^"]*)"', html)


@pytest.mark.parametrize("base", BASES)
def test_all_that_the_page_names_is_there_under_any_base_path(api: Api, base: str) -> None:
    named = references(text(browse(api, "/console")))
    assert {each.rpartition("/")[2] for each in named} == {"console.js", "text.en.js", "style.css", "icon.svg"}
    for each in named:
        url = urljoin(f"{base}/console", each)
        assert url.startswith(f"{base}/console/")
        assert browse(api, url.removeprefix(base)).status_code == 200, each


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("path", ["/api/console", "/api/console/", "/console", "/console/"])
def test_its_references_hold_with_and_without_a_slash_at_its_end(path: str) -> None:
    answer = entry.app(event("/console", path), None)
    found = {urljoin(f"https://example.org{path}", each) for each in references(answer["body"])}
    assert f"https://example.org{path.rstrip('/')}/{site().version}/console.js" in found


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(("path", "base"), [("/api", "/api"), ("/api/", "/api"), ("/", "")])
def test_the_root_leads_to_the_console(path: str, base: str) -> None:
    answer = entry.app(event("/", path), None)
    assert answer["statusCode"] == 307
    assert urljoin(f"https://example.org{path}", answer["headers"]["Location"]) == f"https://example.org{base}/console"


def test_the_page_is_asked_for_each_time_and_its_files_never_again(api: Api) -> None:
    assert browse(api, "/console").headers["Cache-Control"] == "no-cache"
    answer = browse(api, f"/console/{site().version}/console.js")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("name", "media"), [("console.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_a_file_says_what_it_is(api: Api, name: str, media: str) -> None:
    answer = browse(api, f"/console/{site().version}/{name}")
    assert answer.headers["Content-Type"] == f"{media}; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert text(answer) == site().assets[name].content


def test_the_page_may_run_its_own_files_and_nothing_else(api: Api) -> None:
    answer = browse(api, "/console")
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert re.findall(r"<script[^>]*>([^<]*)<", text(answer)) == [""], "no script stands in the page"
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
    "console.js%00",
    "",
    "/etc/passwd",
    "main.js",
    "source/main.js",
    "../source/main.js",
)


@pytest.mark.parametrize("name", NOWHERE)
@pytest.mark.usefixtures("api")
def test_there_is_nothing_but_the_console_s_files(name: str) -> None:
    assert_nothing(version=site().version, name=name)


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("version", ["0000000000000000", "..", "", "static"])
def test_of_another_version_there_is_nothing(version: str) -> None:
    assert_nothing(version=version, name="console.js")


def assert_nothing(version: str, name: str) -> None:
    path = f"/api/console/{version}/{name}"
    answer = entry.app(event("/console/{version}/{name}", path, version=version, name=name), None)
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
