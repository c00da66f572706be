"""The OpenAPI document ─▶ a page for people: one file of HTML that needs no script and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.api.description.catalogue import Entry, file_errors, problems, rejections
from chalicelib.api.description.curl import curl
from chalicelib.api.description.markup import Content, Markup, element, grid, link, spelled, together

Document = Mapping[str, Any]

_VIEWPORT = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
_START = """export DECANT_URL=http://127.0.0.1:4566/…   # make url
export DECANT_TOKEN=decant_…                # make local-token
curl "$DECANT_URL/tables" -H "Authorization: Bearer $DECANT_TOKEN\""""


@cache
def style() -> str:
    """The page's only style sheet."""
    return Path(__file__).with_name("page.css").read_text()


def content_security_policy() -> str:
    """What the page may do: have its own style, by its hash, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def page(document: Document, prefix: str) -> str:
    """The page; ``prefix`` leads from it to the files beside it."""
    title = document["info"]["title"] + " API"
    main = element(
        "main",
        _introduction(document, prefix),
        *(_tag(document, tag) for tag in document["tags"]),
        _catalogue("Problems", "Types of problem documents, and codes of a run's error.", problems(), "problem"),
        _catalogue("File errors", "Why a whole file is not loaded; codes of a run's error.", file_errors(), "file"),
        _catalogue("Rejections", "Why a row is rejected.", rejections(), "rejection"),
        _schemas(document["components"]["schemas"]),
        id="main",
    )
    head = together(Markup(_VIEWPORT), element("title", title), element("style", Markup(style())))
    body = together(link_to_main(), _navigation(document, title), main)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def link_to_main() -> Markup:
    """What a keyboard meets first."""
    return element("a", "To the contents", href="#main", class_="skip")


def _navigation(document: Document, title: str) -> Markup:
    groups = [
        element(
            "li",
            link(f"#{tag['name']}", tag["name"]),
            element("ul", *(element("li", _to(found)) for *_, found in _operations(document, tag["name"]))),
        )
        for tag in document["tags"]
    ]
    rest = ("problems", "file errors", "rejections", "schemas")
    others = [element("li", link(f"#{name.replace(' ', '-')}", name)) for name in rest]
    return element("nav", element("h1", title), element("ul", *groups, *others), aria_label="Contents")


def _to(operation: Document) -> Markup:
    return link(f"#{operation['operationId']}", str(operation["operationId"]).replace("_", " "))


def _introduction(document: Document, prefix: str) -> Markup:
    about = [element("p", spelled(part)) for part in document["info"]["description"].split("\n\n")]
    files = element(
        "p",
        "The same for programs: ",
        link(f"{prefix}openapi.json", "OpenAPI 3.1"),
        ", and ",
        link(f"{prefix}collection.json", "a collection of requests"),
        " for Postman, Bruno, Insomnia and Hoppscotch.",
    )
    return element("section", *about, files, element("h2", "A first request"), element("pre", _START))


def _tag(document: Document, tag: Document) -> Markup:
    found = [_operation(*each) for each in _operations(document, tag["name"])]
    heading = element("h2", str(tag["name"]).capitalize(), id=tag["name"])
    return element("section", heading, element("p", spelled(tag["description"])), *found)


def _operations(document: Document, tag: str) -> list[tuple[str, str, Document]]:
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
    ]


def _operation(method: str, path: str, operation: Document) -> Markup:
    name = operation["operationId"]
    verb = element("span", method, class_=f"verb {method.lower()}")
    body = operation.get("requestBody")
    return element(
        "article",
        element("h3", link(f"#{name}", verb, " ", element("code", path))),
        element("p", spelled(operation["summary"])),
        element("p", spelled(operation["description"]), class_="quiet"),
        _parameters(operation["parameters"]),
        _body(body) if body else "",
        _answers(operation["responses"]),
        *(_request(method, key, each, operation["responses"]) for key, each in operation["x-requests"].items()),
        id=name,
    )


def _parameters(parameters: Sequence[Document]) -> Markup:
    rows: list[list[Content]] = [
        [element("code", each["name"]), each["in"], _kind(each["schema"]), spelled(each["description"])]
        for each in parameters
    ]
    return grid(["Parameter", "In", "Takes", "What it is"], rows, "parameters") if rows else Markup()


def _kind(schema: Document) -> Content:
    if "enum" in schema:
        told = together(*_between([element("code", each) for each in schema["enum"]], ", "))
    else:
        bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
        told = together(" ".join([str(schema.get("type", "")), *bounds]))
    return together(told, f"; {schema['default']} if left out") if "default" in schema else told


def _body(body: Document) -> Markup:
    [content] = body["content"].values()
    optional = "" if body["required"] else ", which may be left out"
    return element("p", "The body is JSON: ", _schema_link(content["schema"]), f"{optional}.")


def _answers(responses: Document) -> Markup:
    rows: list[list[Content]] = []
    refused = []
    for status, answer in responses.items():
        if "$ref" in answer or set(answer.get("content", ())) == {"application/problem+json"}:
            refused.append(link("#problems", status))
            continue
        kinds = [
            together(_schema_link(content["schema"]) if "$ref" in content["schema"] else media)
            for media, content in answer.get("content", {}).items()
        ]
        rows.append([status, answer["description"], together(*_between(kinds, ", "))])
    table = grid(["Status", "Means", "Holds"], rows, "answers")
    return together(table, element("p", "Refused with ", *_between(refused, ", "), ".", class_="quiet"))


def _request(method: str, key: str, request: Document, responses: Document) -> Markup:
    status = str(request["status"])
    told = [element("pre", curl(method, request["target"], request.get("body")))]
    answers = [content.get("examples", {}) for content in responses[status].get("content", {}).values()]
    told += [element("pre", _shown(examples[key]["value"])) for examples in answers if key in examples]
    summary = element("summary", f"Example: {request['summary'].lower()} ", element("span", status, class_="status"))
    return element("details", summary, *told)


def _catalogue(title: str, about: str, entries: Sequence[Entry], prefix: str) -> Markup:
    rows: list[list[Content]] = [
        [
            element("code", entry.code, id=f"{prefix}-{entry.code}"),
            str(entry.status or ""),
            together(entry.title + ". ", spelled(entry.cause)),
            spelled(entry.cure),
        ]
        for entry in entries
    ]
    anchor = title.lower().replace(" ", "-")
    table = grid(["Code", "Status", "Cause", "Cure"], rows, "catalogue")
    return element("section", element("h2", title, id=anchor), element("p", about), table)


def _schemas(schemas: Mapping[str, Any]) -> Markup:
    told = [_schema(name, schema) for name, schema in schemas.items()]
    return element("section", element("h2", "Schemas", id="schemas"), element("p", "JSON Schema 2020-12."), *told)


def _schema(name: str, schema: Document) -> Markup:
    return element(
        "details", element("summary", element("code", name)), element("pre", _shown(schema)), id=f"schema-{name}"
    )


def _schema_link(schema: Document) -> Markup:
    name = schema["$ref"].rsplit("/", 1)[-1]
    return link(f"#schema-{name}", element("code", name))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _between(parts: Sequence[Content], between: str) -> list[Content]:
    return [each for part in parts for each in (between, part)][1:]
