"""A browser before the console of a stack of its own, with the samples loaded.

The browser is the system's Chromium, or what `DECANT_CHROMIUM` names; none is ever downloaded, and where there is none
these tests are skipped. A test asks for `visit`; whatever happens, no visit may end with an error in the console, an
exception on the page, a breach of the policy of contents, or a request that left the origin.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from decant.samples import drop, follow
from infra.local.record import Record
from tests.browser.visit import Look, Visit
from tests.stacks import ROOT, own_stack

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# As root there is no sandbox; the rest keeps the browser from speaking with its maker.
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    named = os.environ.get("DECANT_CHROMIUM")
    program = next(filter(None, map(shutil.which, [named] if named else PROGRAMS)), None)
    assert program or not named, f"DECANT_CHROMIUM names {named}, which is not there"
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(PROGRAMS)} is installed, and DECANT_CHROMIUM names none")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=SWITCHES)


@pytest.fixture(scope="session")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    """The record of a stack with the samples; it is not started where there is no browser."""
    assert browser
    stack = own_stack(tmp_path_factory.mktemp("console"))
    with stack as record:
        follow(record, drop(record, ROOT / "sample_data"), lambda _: None)
        yield record
    stack.forget()


@pytest.fixture
def visit(browser: Browser, stack: Record) -> Iterator[Callable[..., Visit]]:
    """Begin a visit, signed in unless told otherwise: `visit("#/runs", look=Look.PHONE_DARK, locale="es")`."""
    visits: list[Visit] = []

    def begin(place: str = "", *, look: Look = Look.DESKTOP_LIGHT, signed_in: bool = True, locale: str = "en") -> Visit:
        visits.append(Visit(browser, stack, look=look, token=stack.token if signed_in else None, locale=locale))
        visits[-1].go(place)
        return visits[-1]

    yield begin
    for each in visits:
        each.end()
    assert [fault for each in visits for fault in each.faults] == []
