"""One visit to the console: a window of the browser, and a record of all that goes wrong in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, ConsoleMessage, Error, Request, Response, expect

from infra.local.record import Record

# On a machine with other work a page takes its time.
PATIENCE_MILLISECONDS = 60_000
SCREENSHOTS = Path(__file__).parents[2] / ".local" / "screenshots"

expect.set_options(timeout=PATIENCE_MILLISECONDS)


class Look(Enum):
    """Sizes of the window, and the colours that the system prefers."""

    DESKTOP_LIGHT = (1280, 800, "light")
    DESKTOP_DARK = (1280, 800, "dark")
    PHONE_LIGHT = (390, 844, "light")
    PHONE_DARK = (390, 844, "dark")

    @property
    def size(self) -> Any:
        return {"width": self.value[0], "height": self.value[1]}

    @property
    def colours(self) -> Literal["light", "dark"]:
        return "dark" if self.value[2] == "dark" else "light"


class Visit:
    """A window at the console of a stack, signed in with `token` when there is one.

    `requests` are all that the browser made, in their order; `faults` is what must never happen. A status of 400 and
    above is a fault, unless `expected` has it.
    """

    def __init__(self, browser: Browser, stack: Record, *, look: Look, token: str | None, locale: str) -> None:
        self.api_url = stack.api_url
        self.requests: list[Request] = []
        self.faults: list[str] = []
        self.expected: set[int] = set()
        self._origin = "{0.scheme}://{0.netloc}/".format(urlsplit(stack.api_url))
        self._context = browser.new_context(
            viewport=look.size, color_scheme=look.colours, locale=locale, reduced_motion="reduce", timezone_id="UTC"
        )
        self._context.set_default_timeout(PATIENCE_MILLISECONDS)
        if token is not None:
            self._context.add_init_script(f"sessionStorage.setItem('decant-token', {json.dumps(token)})")
        self.page = self._context.new_page()
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)
        self.page.on("console", self._told)
        self.page.on("pageerror", self._failed)

    def go(self, place: str) -> None:
        """Open a place of the console, such as `#/runs`, and wait for it."""
        self.page.goto(f"{self.api_url}/console{place}")
        self.settled()

    def turn_to(self, place: str) -> None:
        """Go on to the page at another place, as a link does, without loading the console anew."""
        self.page.evaluate("place => { document.querySelector('h1').id = 'left'; location.hash = place }", place)
        expect(self.page.locator("h1#left")).to_have_count(0)
        self.settled()

    def settled(self) -> None:
        """Wait until the page shows what it has to show."""
        expect(self.page.locator("h1")).to_be_visible()
        expect(self.page.locator(".loading")).to_have_count(0)

    def wear(self, look: Look) -> None:
        """Change the size of the window and the colours."""
        self.page.set_viewport_size(look.size)
        self.page.emulate_media(color_scheme=look.colours)

    def picture(self, name: str, *, whole: bool = True) -> Path:
        """Keep a picture of the page, from its top, all of it or what the window shows."""
        self.page.evaluate("scrollTo(0, 0)")
        file = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=file, full_page=whole, animations="disabled", caret="hide")
        return file

    def barriers(self) -> list[str]:
        """What keeps people out, as axe finds it: its serious and critical findings, each with where it is."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{each['id']} ({each['impact']}): {each['help']}: {node['target']} {node['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    def api_requests(self) -> list[tuple[str, str]]:
        """Method and path, with the query, of each request to the API; static files are none."""
        began = f"{self.api_url}/"
        asked = [(each.method, each.url.removeprefix(began)) for each in self.requests if each.url.startswith(began)]
        return [(method, path) for method, path in asked if not path.startswith("console")]

    def end(self) -> None:
        self._context.close()

    def _asked(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((self._origin, "blob:", "data:")):
            self.faults.append(f"left the origin: {request.method} {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.faults.append(f"{response.status}: {response.request.method} {response.url}")

    def _told(self, message: ConsoleMessage) -> None:
        # What Chromium says of a status is told by the answer itself.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.faults.append(f"{message.type}: {message.text} ({self._where(message.location)})")

    def _failed(self, error: Error) -> None:
        self.faults.append(f"on the page: {error}")

    @staticmethod
    def _where(location: Mapping[str, Any]) -> str:
        return f"{location.get('url')}:{location.get('lineNumber')}"
