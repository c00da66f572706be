"""The OpenAPI 3.1 document, from the routes as they are registered and the data dictionary in use."""

from __future__ import annotations

import inspect
import re
from typing import Any

from chalice.app import Response

from chalicelib.api import schemas
from chalicelib.api.blueprint import Blueprint, Operation
from chalicelib.api.fallback import EVERYTHING
from chalicelib.api.problems import MEDIA_TYPE
from chalicelib.api.request import LONGEST_WAIT, ApiRequest
from chalicelib.api.responses import CSV, JSON, SVG, json_response
from chalicelib.api.row_page import OPERATORS
from chalicelib.dictionary.json_schema import row_schema
from chalicelib.dictionary.model import Dictionary
from chalicelib.wiring import services

openapi = Blueprint(__name__)

_REASONS = {
    200: "Done", 201: "All rows went in, or the thing was made", 202: "Queued; Location tells where the run is",
    207: "Some rows went in", 303: "It is at Location", 401: "The request has no valid token",
    403: "The token lacks the scope", 404: "There is no such thing", 409: "The state forbids it",
    422: "Nothing went in", 429: "Too many requests; Retry-After tells when to come back", 503: "A part is down",
}  # fmt: skip
_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "decant_<id>_<secret>, with some of the scopes read, write and operate. A stage may have IAM or "
        "Cognito instead.",
    }
}
_VARIABLE = re.compile(r"\{(\w+)\}")


@openapi.get("/openapi.json", answers={200: "OpenApi"})
def get_openapi(_request: ApiRequest) -> Response:
    """Describe this API."""
    return json_response(openapi_document(openapi.current_app.routes, services().dictionary))


def openapi_document(routes: Any, dictionary: Dictionary) -> dict[str, Any]:
    """The document for Chalice's ``routes`` and a dictionary."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Decant",
            "version": "1",
            "description": "Pours spreadsheets and batches into constrained tables, backs them up and restores them.",
        },
        # Relative to where this document was got, which has the API's base path whatever it is.
        "servers": [{"url": "."}],
        "paths": {
            path: {method.lower(): _operation(path, method, entry.view_function, dictionary)
                   for method, entry in methods.items()}
            for path, methods in sorted(routes.items()) if path not in EVERYTHING
        },
        "components": {
            "securitySchemes": _SCHEMES,
            "schemas": schemas.schemas(dictionary)
            | {f"Row.{table.name}": row_schema(table) for table in dictionary.tables}
        },
    }  # fmt: skip


def _operation(path: str, method: str, view: Any, dictionary: Dictionary) -> dict[str, Any]:
    operation: Operation = view.operation
    answers = dict(operation.answers)
    if 202 in answers:  # a client that waits long enough gets the run as it ended
        answers.setdefault(200, answers[202])
    document: dict[str, Any] = {
        "operationId": view.__name__,
        "summary": inspect.getdoc(view),
        # Since 3.1 the names beside a scheme may be roles of any kind, which a caller needs.
        "security": [{name: [operation.scope.value] if operation.scope else []} for name in _SCHEMES],
        "parameters": _parameters(path, method, operation, dictionary),
        "responses": {
            **{str(status): _answer(status, schema, operation) for status, schema in answers.items()},
            **{str(status): _refusal(status) for status in (401, 403, 429)},
            "default": _answer(0, "Problem", operation),
        },
    }
    if operation.body is not None:
        document["requestBody"] = {
            "required": operation.body_required,
            "content": {JSON: {"schema": _reference(operation.body)}},
        }
    return document


def _parameters(path: str, method: str, operation: Operation, dictionary: Dictionary) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": _variable(name, dictionary)}
        for name in _VARIABLE.findall(path)
    ]
    for name, schema in operation.query.items():
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
                "schema": {"type": "string", "maxLength": 255},
            }
        )
    if 202 in operation.answers:
        described = f"wait=seconds (RFC 7240), {LONGEST_WAIT} at most: answer when the run has ended, if in time."
        found.append({"name": "Prefer", "in": "header", "description": described, "schema": {"type": "string"}})
    return found


def _variable(name: str, dictionary: Dictionary) -> dict[str, Any]:
    return {"type": "string", **({"enum": [table.name for table in dictionary.tables]} if name == "table" else {})}


def _filters(dictionary: Dictionary) -> dict[str, Any]:
    columns = dict.fromkeys(name for table in dictionary.tables for name in table.column_names)
    names = [each for name in columns for each in (name, *(f"{name}__{operator}" for operator in OPERATORS))]
    return {
        "name": "filters",
        "in": "query",
        "description": f"A column of the table, or a column with __ and one of {', '.join(OPERATORS)} behind it.",
        "style": "form",
        "explode": True,
        "schema": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in names},
            "additionalProperties": False,
        },
    }


def _answer(status: int, schema: str | None, operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _REASONS.get(status, "The problem")}
    if schema is not None:
        answer["content"] = {MEDIA_TYPE if schema == "Problem" else JSON: {"schema": _reference(schema)}}
        if status == 422:  # what an Idempotency-Key that came with another request gets, whatever else it may be
            answer["content"].setdefault(MEDIA_TYPE, {"schema": _reference("Problem")})
        if operation.csv and status == 200:
            answer["content"][CSV] = {"schema": {"type": "string"}}
        if operation.svg and status == 200:
            answer["content"][SVG] = {"schema": {"type": "string"}}
    return answer


def _refusal(status: int) -> dict[str, Any]:
    name, text = ("Retry-After", "Seconds") if status == 429 else ("WWW-Authenticate", "What is lacking (RFC 6750)")
    headers = {name: {"description": text, "schema": {"type": "string"}}}
    return {**_answer(status, "Problem", Operation()), "headers": headers}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
