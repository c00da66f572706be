"""Every generated document, by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import app
from chalicelib.api.description.collection import collection
from chalicelib.api.description.document import openapi_document
from chalicelib.dictionary.package import load_dictionary
from chalicelib.settings import PACKAGED_DICTIONARY
from infra.reference.api import api_document
from infra.reference.dictionary import dictionary_document
from infra.reference.errors import errors_document, rejections_document
from infra.reference.settings import settings_document

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@cache
def documents() -> Mapping[str, str]:
    """The documents as they ought to be."""
    dictionary = load_dictionary(PACKAGED_DICTIONARY)
    described = openapi_document(app.app.routes, dictionary)
    return {
        "api.md": api_document(described),
        "dictionary.md": dictionary_document(dictionary),
        "errors.md": errors_document(),
        "rejection-codes.md": rejections_document(),
        "settings.md": settings_document(),
        "decant.postman_collection.json": json.dumps(collection(described), indent=2, ensure_ascii=False) + "\n",
    }
