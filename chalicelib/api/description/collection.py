"""The OpenAPI document ─▶ a collection of requests, in the format that Postman, Bruno, Insomnia and others read.

https://schema.postman.com/collection/json/v2.1.0/draft-07/docs/index.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chalicelib.api.description.example import BACKUP, FILE_RUN, RUN, SNAPSHOT
from chalicelib.api.responses import JSON

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
# What whoever uses the collection fills in, and what stands for it in the examples.
VARIABLES = {"run": RUN, "fileRun": FILE_RUN, "backup": BACKUP, "snapshot": SNAPSHOT}
_GIVEN = {"baseUrl": "https://api.example.org/api", "token": "decant_id_secret", **VARIABLES}


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """The collection: a folder for each tag, a request for each example, and the answer that it documents."""
    info = document["info"]
    return {
        "info": {"name": info["title"], "description": info["description"], "schema": _SCHEMA},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": name, "value": value, "type": "string"} for name, value in _GIVEN.items()],
        "item": [
            {"name": tag["name"], "description": tag["description"], "item": list(_items(document, tag["name"]))}
            for tag in document["tags"]
        ],
    }


def _items(document: Mapping[str, Any], tag: str) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        for method, operation in methods.items():
            for key, asked in operation["x-requests"].items() if tag in operation["tags"] else ():
                request = _request(method.upper(), asked, operation["summary"])
                name = f"{operation['operationId'].replace('_', ' ')}: {asked['summary'].lower()}"
                yield {"name": name, "request": request, "response": [_response(key, asked, operation, request)]}


def _request(method: str, asked: Mapping[str, Any], summary: str) -> dict[str, Any]:
    target = _variable(asked["target"])
    parts = urlsplit(target)
    url: dict[str, Any] = {
        "raw": "{{baseUrl}}" + target,
        "host": ["{{baseUrl}}"],
        "path": parts.path.strip("/").split("/"),
    }
    if parts.query:
        url["query"] = [{"key": key, "value": value} for key, value in parse_qsl(parts.query, keep_blank_values=True)]
    request: dict[str, Any] = {"method": method, "header": [], "url": url, "description": summary}
    if "body" in asked:
        request["header"].append({"key": "Content-Type", "value": JSON})
        raw = _variable(json.dumps(asked["body"], indent=2, ensure_ascii=False))
        request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    return request


def _response(key: str, asked: Mapping[str, Any], operation: Mapping[str, Any], request: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": asked["summary"], "originalRequest": request, "code": asked["status"]}
    for media, content in operation["responses"][str(asked["status"])].get("content", {}).items():
        if key in content.get("examples", {}):
            value = content["examples"][key]["value"]
            shown["header"] = [{"key": "Content-Type", "value": media}]
            shown["body"] = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return shown


def _variable(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(value, f"{{{{{name}}}}}")
    return text
