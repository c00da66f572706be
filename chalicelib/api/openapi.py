"""The OpenAPI 3.1 document, from the routes as they are registered and the data dictionary in use."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.api.blueprint import Blueprint
from chalicelib.api.request import ApiRequest
from chalicelib.api.responses import json_response
from chalicelib.wiring import services

openapi = Blueprint(__name__)


@openapi.get("/openapi.json", answers={200: "OpenApi"})
def get_openapi(_request: ApiRequest) -> Response:
    """Describe this API."""
    # Few functions describe the API, and all import this module.
    from chalicelib.api.description.document import openapi_document

    return json_response(openapi_document(openapi.current_app.routes, services().dictionary))
