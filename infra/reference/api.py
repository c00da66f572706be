"""api.md, from the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.api.description.curl import curl
from infra.reference.markdown import block, code, document, table

_SHOWN = 30


def api_document(described: Mapping[str, Any]) -> str:
    """The routes, what they take and answer, and the first example of each."""
    parts = [part for tag in described["tags"] for part in _tag(described, tag)]
    return document(
        "HTTP API",
        described["info"]["description"],
        "A running stack shows the same at `/docs`, with every example, and gives it to programs as OpenAPI 3.1 at "
        "`/openapi.json` (with a token) and `/docs/openapi.json`. "
        "[decant.postman_collection.json](decant.postman_collection.json) is a collection of requests for Postman, "
        "Bruno, Insomnia and Hoppscotch. Errors are in [errors.md](errors.md).",
        table(["route", "does", "scope"], _routes(described)),
        *parts,
    )


def _operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _routes(described: Mapping[str, Any]) -> Iterator[list[str]]:
    for tag in described["tags"]:
        for method, path, operation in _operations(described):
            if tag["name"] in operation["tags"]:
                yield [f"[`{method} {path}`](#{operation['operationId']})", operation["summary"], _scope(operation)]


def _scope(operation: Mapping[str, Any]) -> str:
    return ", ".join(scope for each in operation["security"] for scopes in each.values() for scope in scopes)


def _tag(described: Mapping[str, Any], tag: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {tag['name'].capitalize()}"
    yield tag["description"]
    for method, path, operation in _operations(described):
        if tag["name"] in operation["tags"]:
            yield from _operation(method, path, operation)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'### <a id="{operation["operationId"]}"></a>`{method} {path}`'
    yield f"{operation['summary']} {operation['description']}".strip()
    yield table(
        ["parameter", "in", "takes", "what it is"],
        [[code(each["name"]), each["in"], _kind(each["schema"]), each["description"]]
         for each in operation["parameters"]],
    )  # fmt: skip
    answers = {status: each["description"] for status, each in operation["responses"].items() if "$ref" not in each}
    refused = [status for status, each in operation["responses"].items() if "$ref" in each and status != "default"]
    told = "; ".join(f"**{status}** {text}" for status, text in answers.items())
    yield f"Answers: {told}. Refused with {', '.join(refused)}."
    for key, request in list(operation["x-requests"].items())[:1]:
        yield block(curl(method, request["target"], request.get("body")), "sh")
        yield from _answer(key, operation["responses"][str(request["status"])])


def _answer(key: str, response: Mapping[str, Any]) -> Iterator[str]:
    for content in response.get("content", {}).values():
        if key in content.get("examples", {}):
            value = content["examples"][key]["value"]
            lines = json.dumps(value, indent=2, ensure_ascii=False).splitlines()
            # A long answer is cut; the page of a running stack has it whole.
            yield block("\n".join([*lines[:_SHOWN], *(["…"] if len(lines) > _SHOWN else [])]), "json")


def _kind(schema: Mapping[str, Any]) -> str:
    if "properties" in schema:
        return "columns"
    if "enum" in schema:
        told = ", ".join(code(each) for each in schema["enum"])
    else:
        bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
        told = " ".join([str(schema.get("type", "")), *bounds])
    return f"{told}; {code(str(schema['default']))} if left out" if "default" in schema else told
