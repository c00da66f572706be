"""Every page, on a desktop and a phone, in light and dark: nobody is kept out, nothing is cut off, and a picture."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from decant.samples import client_of
from infra.local.record import Record
from tests.browser.visit import Look, Visit

PLACES = {
    "upload": "",
    "runs": "#/runs",
    "run": "#/runs/{run}",
    "tables": "#/tables",
    "table": "#/tables/hired_employees",
    "dictionary": "#/tables/hired_employees/dictionary",
    "backups": "#/backups",
    "backup": "#/backups/{backup}",
    "restore": "#/backups/restore?table=departments",
    "metrics": "#/metrics",
    "health": "#/health",
    "nowhere": "#/nowhere",
}


@pytest.fixture(scope="module")
def places(stack: Record) -> dict[str, str]:
    """Where each page is, with something on it."""
    client = client_of(stack)
    assert client.ask("/backups", "POST")["state"] == "succeeded"
    backups, runs = client.ask("/backups")["backups"], client.ask("/runs")["runs"]
    [run] = [each["id"] for each in runs if each["table"] == "hired_employees" and each["kind"] == "load"]
    [backup] = [each["id"] for each in backups if each["table"] == "hired_employees"]
    return {name: place.format(run=quote(run), backup=quote(backup)) for name, place in PLACES.items()}


def check(visit: Visit, name: str) -> None:
    found = {}
    for look in Look:
        visit.wear(look)
        visit.picture(f"{name}-{look.name.lower().replace('_', '-')}")
        wide, window = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        found[look.name] = visit.barriers() + ([f"{wide} wide in a window of {window}"] if wide > window else [])
    assert found == {look.name: [] for look in Look}


@pytest.mark.parametrize("name", PLACES)
def test_nobody_is_kept_out_of_a_page(visit: Callable[..., Visit], places: dict[str, str], name: str) -> None:
    check(visit(places[name]), name)


def test_nobody_is_kept_out_at_the_door(visit: Callable[..., Visit]) -> None:
    check(visit(signed_in=False), "sign-in")
