"""The headers that every answer has."""

from __future__ import annotations

import pytest
from chalice.app import Response

from chalicelib.api.headers import SECURITY_HEADERS, finished
from chalicelib.errors import DecantError
from chalicelib.settings import Settings
from tests.unit.test_authorizers import ENVIRONMENT

OURS, THEIRS = "https://console.example", "https://evil.example"


def headers(origin: str | None, allowed: set[str], *, preflight: bool = False) -> dict[str, str]:
    answer = finished(Response("", {"A": "1"}), origin, allowed, preflight=preflight)
    return {name: str(text) for name, text in answer.headers.items()}


def test_every_answer_has_the_security_headers() -> None:
    assert headers(None, set()) == {"A": "1", **SECURITY_HEADERS}


def test_a_header_that_a_view_has_set_stays() -> None:
    answer = finished(Response("", {"Cache-Control": "private"}), None, (), preflight=False)
    assert answer.headers["Cache-Control"] == "private"


def test_without_origins_no_page_may_call() -> None:
    assert not [name for name in headers(OURS, set(), preflight=True) if name.startswith(("Access-", "Vary"))]


def test_a_page_of_the_list_may_call() -> None:
    given = headers(OURS, {OURS, "https://other.example"})
    assert given["Access-Control-Allow-Origin"] == OURS
    assert given["Vary"] == "Origin"
    assert "Location" in given["Access-Control-Expose-Headers"]
    asked = headers(OURS, {OURS}, preflight=True)
    assert "Authorization" in asked["Access-Control-Allow-Headers"]
    assert asked["Access-Control-Allow-Methods"] == "GET, POST"


@pytest.mark.parametrize("origin", [THEIRS, None, "null", f"{OURS}.evil.example", "HTTPS://CONSOLE.EXAMPLE"])
def test_no_other_page_may(origin: str | None) -> None:
    given = headers(origin, {OURS}, preflight=True)
    assert not [name for name in given if name.startswith("Access-")]
    assert given["Vary"] == "Origin"


def test_credentials_are_never_allowed() -> None:
    assert "Access-Control-Allow-Credentials" not in headers(OURS, {OURS}, preflight=True)


@pytest.mark.parametrize("text", ["*", "https://*.example", "console.example", f"{OURS}/", f"{OURS}/a", "null"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(DecantError, match="DECANT_CORS_ORIGINS"):
        Settings.from_environment({**ENVIRONMENT, "DECANT_CORS_ORIGINS": text})


def test_origins_come_with_commas_or_blanks() -> None:
    text = f"{OURS}, http://127.0.0.1:8000"
    read = Settings.from_environment({**ENVIRONMENT, "DECANT_CORS_ORIGINS": text}).cors_origins
    assert read == {OURS, "http://127.0.0.1:8000"}
