"""The main work without a mouse, and in another language."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from decant.samples import client_of
from infra.local.record import Record
from tests.browser.visit import Visit

MOST_STEPS = 60


def focused(page: Page) -> str:
    """What a screen reader would say of what has the focus: its name, or its text."""
    told: str = page.evaluate(
        "(e => e === document.body ? '' : e.getAttribute('aria-label') || (e.labels?.[0] ?? e).innerText)"
        "(document.activeElement)"
    )
    return told.strip()


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the focus is at what is called so; it must be seen there."""
    passed = []
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        passed.append(focused(page))
        if re.search(wanted, passed[-1]):
            # The link that skips is seen by being there: without the focus it is not.
            ring = (
                "(s => s.outlineStyle !== 'none' || s.boxShadow !== 'none')(getComputedStyle(document.activeElement))"
            )
            assert page.evaluate(f"{ring} || document.activeElement.matches('.skip')"), f"{wanted!r} shows no focus"
            expect(page.locator(":focus")).to_be_in_viewport()
            return
    raise AssertionError(f"no Tab leads to {wanted!r}: {passed}")


@pytest.fixture
def run(stack: Record) -> str:
    """A run with a rejected row, which lacks what it is about."""
    rows = [{"id": 990_001, "job": ""}, {"id": 990_002, "job": "Tuner"}]
    answer = client_of(stack).ask("/tables/jobs/rows", "POST", rows)
    return str(answer["run"])


def test_signing_in_and_correcting_a_row_without_a_mouse(visit: Callable[..., Visit], stack: Record, run: str) -> None:
    window = visit(signed_in=False)
    page, keys = window.page, window.page.keyboard
    expect(page.get_by_label("Access token")).to_be_focused()
    keys.insert_text(stack.token)
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Upload")).to_be_focused()
    tab_to(page, "Choose files")

    page.reload()
    window.settled()
    tab_to(page, "Skip to the content")
    keys.press("Enter")
    expect(page.locator("main")).to_be_focused()

    page.reload()
    window.settled()
    tab_to(page, "^Runs$")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Runs")).to_be_focused()

    window.turn_to(f"#/runs/{run}")
    for _ in range(MOST_STEPS):
        keys.press("Tab")
        if page.evaluate("document.activeElement.matches('[data-at]')"):
            break
    cell = page.locator("[data-at]:focus")
    expect(cell).to_have_attribute("data-label", "job")
    keys.press("Enter")
    keys.insert_text("Tuner of pianos")
    keys.press("Enter")
    tab_to(page, "Send 1 row")
    keys.press("Enter")
    expect(page.locator(".send-dock")).to_contain_text("1 row is in")


def test_it_speaks_the_language_of_the_browser_and_that_which_is_chosen(visit: Callable[..., Visit]) -> None:
    page = visit(locale="es-PE").page
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("navigation", name="Principal")).to_be_visible()
    page.locator(".preferences summary").click()
    page.locator("#language").select_option("en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
