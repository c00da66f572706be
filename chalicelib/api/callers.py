"""Who asks: what a client shows of its credentials, and by which it knows what it may offer."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.api.blueprint import Blueprint, Operation
from chalicelib.api.request import ApiRequest
from chalicelib.api.responses import json_response

callers = Blueprint(__name__)


def get_me(request: ApiRequest) -> Response:
    """Tell the caller whom its credentials show, and their scopes."""
    who = request.principal
    return json_response({"id": who.id, "name": who.name, "scopes": sorted(who.scopes)})


callers.route("/me", methods=["GET"], operation=Operation(answers={200: "Caller"}))(get_me)
