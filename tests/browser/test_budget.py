"""What the console costs: its first paint, and the requests that it makes."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Request, expect

from tests.browser.visit import Visit

# What the first paint waits for, and all that is on its way by then; each file compressed by itself.
PAINT_BYTES, WHOLE_BYTES = 42_000, 90_000
# What each page asks the API for when it is opened anew; `me` tells whose token is kept.
ASKED = {
    "#/": {"me", "tables", "runs"},
    "#/runs": {"me", "tables", "runs"},
    "#/tables": {"me", "tables"},
    "#/tables/jobs": {"me", "tables/jobs", "tables/jobs/rows"},
    "#/backups": {"me", "tables", "backups"},
    "#/backups/restore?table=jobs": {"me", "tables", "backups"},
    "#/metrics": {"me", "metrics", "metrics/hires-by-quarter", "metrics/departments-above-mean"},
    "#/health": {"me", "health"},
}


def test_the_first_paint_takes_a_page_and_what_that_names(visit: Callable[..., Visit]) -> None:
    window = visit(signed_in=False)
    expect(window.page.get_by_label("Access token")).to_be_visible()
    page, *others = window.requests
    answer = page.response()
    assert answer is not None
    html = answer.text()
    named = window.page.evaluate("[...document.querySelectorAll('[href], [src]')].map(each => each.href || each.src)")
    assert window.api_requests() == [], "nothing but static files before anybody signs in"
    assert {each.url for each in others} <= set(named), "one round trip after the page's own"
    assert max(Counter(each.url for each in others).values()) == 1
    files = {page.url: html.encode(), **{each.url: body(each) for each in others}}
    [style] = (url for url in files if url.endswith(".css"))
    [main] = (url for url in files if url.endswith("/main.js"))
    assert weight(files, {page.url, style, *imported(files, main)}) <= PAINT_BYTES
    assert weight(files, files) <= WHOLE_BYTES


def body(request: Request) -> bytes:
    answer = request.response()
    assert answer is not None
    return answer.body()


def weight(files: Mapping[str, bytes], urls: Iterable[str]) -> int:
    return sum(len(gzip.compress(files[url])) for url in urls)


def imported(files: Mapping[str, bytes], module: str) -> set[str]:
    """A module and all that it imports before it runs; what the import map names lies in `vendor/`."""
    found, waiting = set(), [module]
    while waiting:
        found.add(url := waiting.pop())
        names = re.findall(r"""^(?:im|ex)port\b[^"'();]*["']([^"']+)["']""", files[url].decode(), re.MULTILINE)
        waiting += {urljoin(url, name) for name in names if name.startswith(".")} - found
    return found | {url for url in files if "/vendor/" in url}


def test_a_page_asks_for_what_it_shows_and_once(visit: Callable[..., Visit]) -> None:
    window = visit("#/nowhere")
    asked = {}
    for place in ASKED:
        window.turn_to(place)
        window.requests.clear()
        window.page.reload()
        window.settled()
        asked[place] = sorted((method, urlsplit(path).path) for method, path in window.api_requests())
    assert asked == {place: [("GET", path) for path in sorted(paths)] for place, paths in ASKED.items()}


def test_all_that_it_asks_for_lies_under_the_stage_of_the_gateway(visit: Callable[..., Visit]) -> None:
    window = visit("#/runs")
    assert "/_aws/execute-api/" in window.api_url, "the API is not at the root of its host"
    assert [each.url for each in window.requests if not each.url.startswith(f"{window.api_url}/")] == []
    window.page.goto(urljoin(window.api_url + "/", "."))
    expect(window.page.get_by_role("heading", level=1)).to_be_visible()
