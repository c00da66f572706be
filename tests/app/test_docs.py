"""The API's documents in a browser: a page that needs nothing, and the files beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app as entry
from chalicelib.api.description.collection import VARIABLES, collection
from chalicelib.api.description.curl import curl
from chalicelib.api.description.document import openapi_document
from chalicelib.api.description.markup import element, spelled
from chalicelib.api.description.page import page
from chalicelib.dictionary.package import load_dictionary, parse_dictionary
from chalicelib.settings import PACKAGED_DICTIONARY
from chalicelib.wiring import use
from tests.app.conftest import Api
from tests.other_dictionary import OTHER

HOSTILE = "<script>alert(1)</script> & \"'`code`"


class Outline(HTMLParser):
    """What a page consists of: its elements, ids and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.names.append(tag)
        self.attributes |= set(given)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []


def document() -> dict[str, Any]:
    return openapi_document(entry.app.routes, load_dictionary(PACKAGED_DICTIONARY))


def public(api: Api, path: str) -> Any:
    """Ask as a browser does, without a token."""
    return api.client.http.get(path)


def test_the_page_is_open_to_everybody(api: Api) -> None:
    answer = public(api, "/docs")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_runs_nothing_and_loads_nothing(api: Api) -> None:
    answer = public(api, "/docs")
    text = answer.body.decode()
    [sheet] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy
    outline = Outline(text)
    assert not {"script", "link", "img", "iframe", "form"} & set(outline.names)
    assert not {name for name in outline.attributes if name.startswith("on") or name in ("style", "src")}


def test_every_operation_has_an_anchor_and_every_link_leads_somewhere(api: Api) -> None:
    outline = Outline(public(api, "/docs").body.decode())
    assert len(set(outline.ids)) == len(outline.ids)
    operations = [operation for methods in document()["paths"].values() for operation in methods.values()]
    assert {operation["operationId"] for operation in operations} <= set(outline.ids)
    inner = [link[1:] for link in outline.links if link.startswith("#")]
    assert set(inner) <= set(outline.ids)
    for base in ("https://host/docs", "https://host/api/docs"):
        for link in (link for link in outline.links if not link.startswith("#")):
            path = urljoin(base, link).removeprefix(base.removesuffix("/docs"))
            assert public(api, path).status_code == 200


def test_every_link_leads_to_an_operation_and_fills_its_path() -> None:
    told = document()
    paths = {each["operationId"]: path for path, methods in told["paths"].items() for each in methods.values()}
    links = [
        link
        for methods in told["paths"].values()
        for operation in methods.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert {"get_run", "list_rejections", "post_replay", "post_verification", "post_table_restore"} <= {
        link["operationId"] for link in links
    }
    for link in links:
        assert set(re.findall(r"\{(\w+)\}", paths[link["operationId"]])) == set(link["parameters"])


def test_the_files_beside_it_are_what_the_api_says_of_itself(api: Api) -> None:
    told = public(api, "/docs/openapi.json").json_body
    assert told["servers"] == [{"url": ".."}]
    assert told["paths"] == api.get("/openapi.json").json_body["paths"]
    assert public(api, "/docs/collection.json").json_body == json.loads(json.dumps(collection(told)))


@pytest.mark.parametrize("path", ["/docs", "/docs/openapi.json", "/docs/collection.json"])
def test_a_stage_may_keep_the_names_of_its_tables_to_itself(api: Api, path: str) -> None:
    closed = replace(api.services, settings=replace(api.services.settings, docs_open=False))
    with use(closed):
        answer = public(api, path)
        assert answer.status_code == 404
        assert "departments" not in answer.body.decode()
        assert api.get("/openapi.json").status_code == 200


def test_a_dictionary_can_not_put_markup_into_the_page() -> None:
    package = json.loads(json.dumps(OTHER))
    package["resources"][0] |= {"title": HOSTILE, "description": HOSTILE}
    package["resources"][0]["schema"]["fields"][1]["description"] = HOSTILE
    text = page(openapi_document(entry.app.routes, parse_dictionary(package)), "docs/")
    assert "alert(1)" in text
    assert "script" not in Outline(text).names


@given(st.text(), st.text())
def test_text_never_becomes_markup(text: str, value: str) -> None:
    made = element("p", text, spelled(text), title=value)
    assert set(Outline(made).names) <= {"p", "code"}
    assert len(Outline(made).attributes) == 1


@given(st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner, max_size=3), max_leaves=5))
def test_a_shell_takes_a_sample_s_body_as_it_is(body: Any) -> None:
    words = shlex.split(curl("POST", "/batch", body).replace("\\\n", " "))
    assert words[:4] == ["curl", "-X", "POST", "$DECANT_URL/batch"]
    assert body is None or json.loads(words[-1]) == body


def items(folder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in folder["item"]:
        if "item" in item:
            yield from items(item)
        else:
            yield item


def filled(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def test_the_collection_s_requests_are_the_examples_that_are_tested() -> None:
    told = document()
    sent = [
        (item["request"]["method"], filled(item["request"]["url"]["raw"]).removeprefix("{{baseUrl}}"),
         json.loads(filled(item["request"]["body"]["raw"])) if "body" in item["request"] else None,
         item["response"][0]["code"])
        for item in items(collection(told))
    ]  # fmt: skip
    tested = [
        (method.upper(), request["target"], request.get("body"), request["status"])
        for methods in told["paths"].values()
        for method, operation in methods.items()
        for request in operation["x-requests"].values()
    ]
    assert sorted(map(repr, sent)) == sorted(map(repr, tested))


def test_the_collection_is_of_the_published_format_and_holds_no_secret() -> None:
    made = collection(document())
    assert made["info"]["schema"].endswith("/v2.1.0/collection.json")
    names = {each["key"] for each in made["variable"]}
    used = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(made)))
    assert used == names
    for item in items(made):
        url = item["request"]["url"]
        rebuilt = "/".join([*url["host"], *url["path"]])
        assert url["raw"].partition("?")[0] == rebuilt
