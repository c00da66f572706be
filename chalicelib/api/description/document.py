"""The OpenAPI 3.1 document, from the routes as they are registered and the data dictionary in use."""

from __future__ import annotations

import sys
from typing import Any

from chalicelib.api import schemas
from chalicelib.api.description.examples import examples_of
from chalicelib.api.description.operation import describe
from chalicelib.api.description.refusals import refusals
from chalicelib.dictionary.json_schema import row_schema
from chalicelib.dictionary.model import Dictionary

_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "decant_<id>_<secret>, with some of the scopes read, write and operate. A stage may have IAM or "
        "Cognito instead.",
    }
}
_FIRST = ("tables", "uploads", "runs", "backups", "metrics")
_ABOUT = """Pours spreadsheets and batches into constrained tables, backs them up and restores them.

JSON in and out. Errors are problem documents (RFC 9457), whose types are listed with their cause and cure.
Long work answers 202 with the run to look at; with `Prefer: wait=20` it answers when done, if done in time.
A POST takes an `Idempotency-Key`: the same key with the same request gets the first answer again."""


def openapi_document(routes: Any, dictionary: Dictionary) -> dict[str, Any]:
    """The document for Chalice's ``routes`` and a dictionary."""
    examples = examples_of(dictionary)
    described = {
        (path, method): entry.view_function
        for path, methods in sorted(routes.items())
        for method, entry in methods.items()
        if entry.view_function.operation.described
    }
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), view in described.items():
        found = examples.get(view.__name__, ())
        paths.setdefault(path, {})[method.lower()] = describe(path, method, view, dictionary, found, list(_SCHEMES))
    modules = sorted({view.__module__ for view in described.values()}, key=_place)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Decant", "version": "1", "description": _ABOUT},
        # Relative to where this document was got, which has the API's base path whatever it is.
        "servers": [{"url": "."}],
        "tags": [{"name": name.rsplit(".", 1)[-1], "description": _about(name)} for name in modules],
        "paths": paths,
        "components": {
            "securitySchemes": _SCHEMES,
            "responses": refusals(),
            "schemas": schemas.schemas(dictionary)
            | {f"Row.{table.name}": row_schema(table) for table in dictionary.tables},
        },
    }


def _place(module: str) -> tuple[int, str]:
    """Where a module's routes stand: what most people want comes first."""
    name = module.rsplit(".", 1)[-1]
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _about(module: str) -> str:
    """What a module says that its routes are for."""
    return str(sys.modules[module].__doc__).partition("\n\n")[0].strip()
