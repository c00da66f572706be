"""One operation of the OpenAPI document."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.api.blueprint import Operation
from chalicelib.api.description.example import Example
from chalicelib.api.description.links import links
from chalicelib.api.description.refusals import always, refusal
from chalicelib.api.request import LONGEST_WAIT
from chalicelib.api.responses import CSV, JSON, SVG
from chalicelib.api.row_page import OPERATORS
from chalicelib.dictionary.model import Dictionary
from chalicelib.idempotency import KEY_PATTERN, LONGEST_KEY
from chalicelib.identifiers import PATTERN
from chalicelib.metrics.registry import metrics_of

_REASONS = {
    200: "Done", 201: "All rows went in, or the thing was made", 202: "Queued; Location tells where the run is",
    207: "Some rows went in", 303: "It is at Location", 404: "There is no such thing", 409: "The state forbids it",
    422: "Nothing went in", 503: "A part is down",
}  # fmt: skip
_VARIABLE = re.compile(r"\{(\w+)\}")
_VARIABLES = {
    "table": "The name of a table, as GET /tables lists them.",
    "run": "The id of a run, as GET /runs lists them.",
    "backup": "The id of a backup, as GET /backups lists them.",
    "metric": "The name of a metric, as GET /metrics lists them.",
}


def describe(
    path: str, method: str, view: Any, dictionary: Dictionary, examples: Sequence[Example], schemes: Iterable[str]
) -> dict[str, Any]:
    """The operation of a view. Its ``x-requests`` are the examples, by their keys, as requests that can be sent."""
    operation: Operation = view.operation
    answers = dict(operation.answers)
    if 202 in answers:  # a client that waits long enough gets the run as it ended
        answers.setdefault(200, answers[202])
    summary, _, more = str(inspect.getdoc(view)).partition("\n\n")
    responses = {
        str(status): _answer(view.__name__, status, schema, operation)
        for status, schema in answers.items()
        if schema != "Problem"
    }
    for status in always(operation, method):
        responses[str(status)] = refusal(status, responses.get(str(status)))
    if 200 not in operation.answers and 202 in operation.answers:
        responses["200"]["description"] = "The run has ended, in the time that Prefer gave it"
    for each in examples:
        _show(responses, each)
    document: dict[str, Any] = {
        "operationId": view.__name__,
        "tags": [view.__module__.rsplit(".", 1)[-1]],
        "summary": summary,
        "description": " ".join([*more.split(), *([f"Needs the scope {operation.scope}."] if operation.scope else [])]),
        # Since 3.1 the names beside a scheme may be roles of any kind, which a caller needs.
        "security": [{name: [operation.scope.value] if operation.scope else []} for name in schemes],
        "parameters": _parameters(path, method, operation, dictionary, examples),
        "responses": dict(sorted(responses.items())),
        "x-requests": {_key(each): _request(path, each) for each in examples},
    }
    if operation.body is not None:
        content: dict[str, Any] = {"schema": _reference(operation.body)}
        # Bodies with faults are shown with their requests alone: they are not as the schema says.
        good = [each for each in examples if each.status in (200, 201, 202)]
        shown = {_key(each): _titled(each, each.body) for each in good if each.body is not None}
        document["requestBody"] = {
            "required": operation.body_required,
            "content": {JSON: content | ({"examples": shown} if shown else {})},
        }
    return document


def _parameters(
    path: str, method: str, operation: Operation, dictionary: Dictionary, examples: Iterable[Example]
) -> list[dict[str, Any]]:
    filling = {name: value for each in reversed(list(examples)) for name, value in each.variables.items()}
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "description": _VARIABLES.get(name, "Its name."),
         "schema": _variable(name, dictionary), **({"example": filling[name]} if name in filling else {})}
        for name in _VARIABLE.findall(path)
    ]  # fmt: skip
    for name, schema in (operation.query or {}).items():
        shown = {each: value for each, value in schema.items() if each != "description"}
        found.append({"name": name, "in": "query", "description": schema["description"], "schema": shown})
    if operation.filters:
        found.append(_filters(dictionary))
    if method == "POST":
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key with the same request gets the first answer again, for a day.",
                "example": "4f2a9c1b-monday",
                "schema": {"type": "string", "maxLength": LONGEST_KEY, "pattern": KEY_PATTERN},
            }
        )
    if 202 in operation.answers:
        described = f"wait=seconds (RFC 7240), {LONGEST_WAIT} at most: answer when the run has ended, if in time."
        prefer = {"name": "Prefer", "in": "header", "description": described, "schema": {"type": "string"}}
        found.append(prefer | {"example": f"wait={LONGEST_WAIT}"})
    return found


def _variable(name: str, dictionary: Dictionary) -> dict[str, Any]:
    if name == "table":
        return {"type": "string", "enum": [table.name for table in dictionary.tables]}
    if name == "metric":
        return {"type": "string", "enum": [metric.name for metric in metrics_of(dictionary)]}
    return {"type": "string", **({"pattern": PATTERN} if name in ("run", "backup") else {})}


def _filters(dictionary: Dictionary) -> dict[str, Any]:
    columns: dict[str, list[dict[str, Any]]] = {}
    for column in (column for table in dictionary.tables for column in table.columns):
        known = columns.setdefault(column.name, [])
        if column.type.json_schema not in known:
            known.append(column.type.json_schema)
    filters = {
        filtered: found[0] if len(found) == 1 else {"anyOf": found}
        for name, found in columns.items()
        for filtered in (name, *(f"{name}__{operator}" for operator in OPERATORS))
    }
    return {
        "name": "filters",
        "in": "query",
        "description": f"A column of the table, or a column with __ and one of {', '.join(OPERATORS)} behind it.",
        "style": "form",
        "explode": True,
        "schema": {
            "type": "object",
            "properties": filters,
            "additionalProperties": False,
        },
    }


def _answer(view: str, status: int, schema: str | None, operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _REASONS[status]}
    if schema is None:
        answer["headers"] = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}
        return answer
    answer["content"] = {JSON: {"schema": _reference(schema)}}
    if status == 200:
        also = ((CSV, operation.csv), (SVG, operation.svg))
        answer["content"] |= {media: {"schema": {"type": "string"}} for media, has in also if has}
    if found := links(view, status, schema):
        answer["links"] = found
    return answer


def _show(responses: dict[str, Any], example: Example) -> None:
    """Put an example's answer where its status and type are described."""
    answer = responses[str(example.status)]
    if "$ref" in answer:
        answer = responses[str(example.status)] = refusal(example.status, {"description": "The problem"})
    if example.answer is not None:
        examples = answer["content"][example.media].setdefault("examples", {})
        examples[_key(example)] = _titled(example, example.answer)


def _request(path: str, example: Example) -> dict[str, Any]:
    request = {"summary": _title(example), "target": example.target(path), "status": example.status}
    return request | ({} if example.body is None else {"body": example.body})


def _titled(example: Example, value: Any) -> dict[str, Any]:
    return {"summary": _title(example), "value": value}


def _title(example: Example) -> str:
    return example.name[0].upper() + example.name[1:]


def _key(example: Example) -> str:
    return re.sub(r"[^a-z0-9]+", "-", example.name.lower())


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
