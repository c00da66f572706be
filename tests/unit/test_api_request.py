"""How a request's headers are understood."""

from __future__ import annotations

from typing import Any

import pytest
from chalice.app import Request

from chalicelib.api.request import LONGEST_WAIT, ApiRequest
from chalicelib.errors import BadRequest


def request(
    query: dict[str, list[str]] | None = None, parameters: tuple[str, ...] = ("a", "limit"), **headers: str
) -> ApiRequest:
    event: dict[str, Any] = {
        "multiValueQueryStringParameters": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "pathParameters": {"table": "jobs"},
        "requestContext": {
            "httpMethod": "GET",
            "resourcePath": "/tables/{table}/rows",
            "path": "/api/tables/jobs/rows",
        },
        "body": None,
        "stageVariables": None,
    }
    return ApiRequest(Request(event), parameters)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=5", 5),
        ("Wait = 5", 5),
        ('respond-async, wait="7"', 7),
        ("handling=lenient; wait=3, respond-async", 3),
        ("wait=999999", LONGEST_WAIT),
        ("wait=-1", 0),
        ("wait=x", 0),
        ("await=9", 0),
        ("return=minimal", 0),
        ("", 0),
    ],
)
def test_prefer_tells_how_long_a_client_waits(prefer: str, seconds: int) -> None:
    assert request(prefer=prefer).wait == seconds


def test_a_client_that_prefers_nothing_does_not_wait() -> None:
    assert request().wait == 0


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1e1", "\uff11", "0", "11", "9" * 5000, " 1"])
def test_a_number_is_checked(text: str) -> None:
    with pytest.raises(BadRequest, match="from 1 to 10"):
        request({"limit": [text]}).number("limit", 5, 1, 10)


def test_a_number_has_a_default() -> None:
    assert request().number("limit", 5, 1, 10) == 5
    assert request({"limit": ["10"]}).number("limit", 5, 1, 10) == 10


def test_an_unknown_or_repeated_parameter_is_refused() -> None:
    with pytest.raises(BadRequest, match="'b' means nothing"):
        request({"b": ["1"]})
    with pytest.raises(BadRequest, match="twice"):
        request({"a": ["1", "2"]})


def test_a_reference_climbs_to_the_root_of_the_api() -> None:
    assert request().reference("runs/x") == "../../runs/x"


def test_the_next_page_keeps_the_query() -> None:
    assert request({"a": ["ñ &"]}).next_link("t=") == {"Link": '<?a=%C3%B1+%26&after=t%3D>; rel="next"'}
    assert request().next_link(None) == {}


def test_a_key_s_digest_covers_the_query_and_its_scope_caller_and_route() -> None:
    keys = [request({"a": [value]}, idempotency_key="k").idempotency_key for value in ("1", "1", "2")]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0] is not None
    assert keys[0].scope == "anonymous GET /tables/jobs/rows"
