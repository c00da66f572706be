"""Every page, on a desktop and a phone, in light and dark: nobody is kept out, nothing is cut off, and a picture."""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import quote

import pytest
from playwright.sync_api import ViewportSize

from decant.samples import client_of
from infra.local.record import Record
from tests.browser.visit import Look, Visit

PLACES = {
    "upload": "#/",
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
    "nowhere": "#/nowhere/at-all",
}
README: ViewportSize = {"width": 1280, "height": 1080}
# Spanish words are longer than English ones: what fits them on a phone fits. Colours are the same in any language.
LOOKS = {"en": tuple(Look), "es": (Look.PHONE_LIGHT,)}


@pytest.fixture(scope="module")
def places(stack: Record) -> dict[str, str]:
    """Where each page is, with something on it."""
    client = client_of(stack)
    assert client.ask("/backups", "POST")["state"] == "succeeded"
    backups, runs = client.ask("/backups")["backups"], client.ask("/runs")["runs"]
    run = next(each["id"] for each in runs if (each["source"] or {}).get("key") == "incoming/hired_employees.xlsx")
    backup = next(each["id"] for each in backups if each["table"] == "hired_employees")
    return {name: place.format(run=quote(run), backup=quote(backup)) for name, place in PLACES.items()}


def barriers(visit: Visit, name: str, looks: Collection[Look] = tuple(Look)) -> list[str]:
    """What keeps people out of the page that is open."""
    found = []
    for look in looks:
        visit.wear(look)
        visit.picture(f"{name}-{look.name.lower().replace('_', '-')}")
        wide, window = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        cut_off = [f"{wide} wide in a window of {window}"] if wide > window else []
        found += [f"{name}, {look.name}: {each}" for each in visit.barriers() + cut_off]
    visit.wear(Look.DESKTOP_LIGHT)
    return found


@pytest.mark.parametrize("locale", LOOKS)
def test_nobody_is_kept_out_of_a_page(visit: Callable[..., Visit], places: dict[str, str], locale: str) -> None:
    window = visit("#/nowhere", locale=locale)
    found: list[str] = []
    for name, place in places.items():
        window.turn_to(place)
        if (name, locale) == ("run", "en"):
            window.page.set_viewport_size(README)
            window.picture("readme", whole=False)
        found += barriers(window, name if locale == "en" else f"{name}-{locale}", LOOKS[locale])
    assert found == []


def test_nobody_is_kept_out_at_the_door(visit: Callable[..., Visit]) -> None:
    assert barriers(visit(signed_in=False), "sign-in") == []
