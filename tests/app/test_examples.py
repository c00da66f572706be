"""The examples of the OpenAPI document: every one is sent as it stands there, and answered as it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

import app as entry
from chalicelib.api.description.document import openapi_document
from chalicelib.api.description.example import BACKUP, FILE_RUN, RUN, SNAPSHOT
from chalicelib.api.description.examples import examples_of
from chalicelib.api.description.sample_answers import spoiled
from chalicelib.api.description.sample_rows import ancestors, sample_rows
from chalicelib.api.responses import json_text
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import load_dictionary, parse_dictionary
from chalicelib.settings import PACKAGED_DICTIONARY
from chalicelib.wiring import use
from tests.app.conftest import Api, make_api
from tests.conftest import TestDatabase
from tests.other_dictionary import OTHER

DICTIONARY = load_dictionary(PACKAGED_DICTIONARY)
DICTIONARIES = {"shipped": DICTIONARY, "other": parse_dictionary(OTHER)}
# What differs from one deployment, and one moment, to the next.
FREE = {"fields", "manifest", "openapi", "info", "rows"}


@cache
def document(dictionary: Dictionary = DICTIONARY) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json_text(openapi_document(entry.app.routes, dictionary)))
    return told


def operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


@dataclass(frozen=True)
class Sent:
    """An example's request, and what is documented of its answer."""

    method: str
    target: str
    body: Any
    status: int
    key: str
    responses: Mapping[str, Any]


def requests(described: Mapping[str, Any]) -> Iterator[Sent]:
    for _, method, operation in operations(described):
        for key, request in operation["x-requests"].items():
            yield Sent(method, request["target"], request.get("body"), request["status"], key, operation["responses"])


def response(described: Mapping[str, Any], responses: Mapping[str, Any], status: object) -> Mapping[str, Any]:
    told: Mapping[str, Any] = responses[str(status)]
    if "$ref" in told:
        told = described["components"]["responses"][told["$ref"].rsplit("/", 1)[-1]]
    return told


class Played:
    """The API with rows, backups and runs in it, which take the places of the ids that examples have."""

    def __init__(self, api: Api, dictionary: Dictionary) -> None:
        self.api = api
        self.dictionary = dictionary
        self.table = dictionary.tables[0]
        family = ancestors(dictionary, dictionary.tables[-1])
        rows = {table.name: sample_rows(dictionary, table, 2) for table in family}
        assert self._post("/batch", rows).status_code == 201
        assert self._post("/backups").status_code == 202
        api.work()
        listed = api.get(f"/backups?table={self.table.name}").json_body["backups"]
        self.places = {BACKUP: listed[0]["id"], SNAPSHOT: listed[0]["snapshot"]}
        names = ",".join(self.table.column_names)
        api.drop(f"incoming/{self.table.name}/a.csv", f"{names}\n".encode())
        api.work()
        self.places[FILE_RUN] = api.get("/runs?limit=1").json_body["runs"][0]["id"]

    def _post(self, path: str, body: Any = None) -> Any:
        return self.api.post(path, body)

    def send(self, sent: Sent) -> Any:
        first, second, third = sample_rows(self.dictionary, self.table, 3)
        bad = [first, spoiled(self.table, second), spoiled(self.table, third)]
        batch = self._post(f"/tables/{self.table.name}/rows", bad).json_body
        target, body = sent.target, json.dumps(sent.body)
        self.places[RUN] = batch["run"]
        for shown, real in self.places.items():
            target, body = target.replace(shown, real), body.replace(shown, real)
        if sent.method == "get":
            return self.api.get(target)
        return self._post(target, json.loads(body))


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("dictionary", DICTIONARIES.values(), ids=DICTIONARIES)
def test_every_example_is_answered_as_it_says(
    dictionary: Dictionary,
    make_database: Callable[[Dictionary], AbstractContextManager[TestDatabase]],
    subtests: pytest.Subtests,
) -> None:
    with make_database(dictionary) as database:
        api = make_api(database)
        with use(api.services):
            played = Played(api, dictionary)
            for sent in requests(document(dictionary)):
                with subtests.test(f"{sent.method} {sent.target}: {sent.key}"):
                    hold(played, sent)


def hold(played: Played, sent: Sent) -> None:
    """Send an example, and hold the answer against what is documented of it."""
    described = document(played.dictionary)
    answer = played.send(sent)
    assert answer.status_code == sent.status, answer.body
    told = response(described, sent.responses, sent.status)
    if "content" not in told:
        return
    media = answer.headers["Content-Type"].split(";")[0]
    content = told["content"][media]
    shown = content["examples"][sent.key]["value"]
    if not media.endswith("json"):
        head, *_ = answer.body.decode().splitlines()
        assert media == "image/svg+xml" or head.replace(played.places[RUN], RUN) == shown.splitlines()[0]
        return
    OAS31Validator({**content["schema"], "components": described["components"]}).validate(answer.json_body)
    for name in ("rejections", "read", "rejected", "detail", "errors") if sent.status != 200 else ():
        assert shown.get(name) == answer.json_body.get(name)
    assert alike(shown, answer.json_body)


def alike(shown: Any, real: Any) -> bool:
    """Whether an answer has what is shown of it, but for what differs from one moment to the next."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return all(name in real and (name in FREE or alike(shown[name], real[name])) for name in shown)
    return None in (shown, real) or type(shown) is type(real)


@pytest.mark.parametrize("dictionary", DICTIONARIES.values(), ids=DICTIONARIES)
def test_every_example_is_as_its_schema_says(dictionary: Dictionary) -> None:
    described = document(dictionary)
    for _, _, operation in operations(described):
        contents = [operation["requestBody"]] if "requestBody" in operation else []
        contents += [response(described, operation["responses"], status) for status in operation["responses"]]
        for each in contents:
            for media, content in each.get("content", {}).items():
                validator = OAS31Validator({**content["schema"], "components": described["components"]})
                for example in content.get("examples", {}).values():
                    validator.validate(example["value"])
                    assert media.endswith("json") or isinstance(example["value"], str)


def test_every_operation_has_an_example_of_each_way_it_succeeds() -> None:
    lacking = []
    for path, method, operation in operations(document()):
        shown = {request["status"] for request in operation["x-requests"].values()}
        waited = {200} if "202" in operation["responses"] else set()
        succeeds = {int(status) for status in operation["responses"] if status[0] in "23"} - waited
        lacking += [f"{method} {path}: {status}" for status in sorted(succeeds - shown)]
    assert not lacking, f"chalicelib/api/description/examples.py lacks {lacking}"


def test_no_example_is_of_an_operation_that_is_gone() -> None:
    assert set(examples_of(DICTIONARY)) <= {operation["operationId"] for *_, operation in operations(document())}
