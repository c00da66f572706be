"""What the console costs: its first paint, and the requests that it makes."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Request, expect

from tests.browser.visit import Visit

# The page and all that it names, each file compressed by itself.
MOST_BYTES = 48_000
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


@pytest.mark.parametrize(("locale", "words"), [("en-US", "text.en.js"), ("es-PE", "text.es.js")])
def test_the_first_paint_takes_a_page_and_what_that_names(visit: Callable[..., Visit], locale: str, words: str) -> None:
    window = visit(signed_in=False, locale=locale)
    expect(window.page.locator("#token")).to_be_visible()
    page, *others = window.requests
    named = window.page.evaluate("[...document.querySelectorAll('link, script')].map(each => each.href || each.src)")
    asked = [each.url for each in others]
    assert len(asked) == len(set(asked))
    assert set(asked) <= set(named), "one round trip after the page's own"
    # The icon is not waited for; Chromium may ask for it later.
    assert {url.rpartition("/")[2] for url in asked} - {"icon.svg"} == {"console.js", words, "style.css"}
    assert sum(len(gzip.compress(body(each))) for each in (page, *others)) <= MOST_BYTES


def body(request: Request) -> bytes:
    answer = request.response()
    assert answer is not None
    return answer.body()


def test_a_page_asks_for_what_it_shows_and_once(visit: Callable[..., Visit]) -> None:
    asked = {}
    for place in ASKED:
        window = visit(place)
        # What is asked for when something else has come shows nothing that says so.
        window.page.wait_for_load_state("networkidle")
        asked[place] = sorted((method, urlsplit(path).path) for method, path in window.api_requests())
    assert asked == {place: [("GET", path) for path in sorted(paths)] for place, paths in ASKED.items()}


def test_all_that_it_asks_for_lies_under_the_stage_of_the_gateway(visit: Callable[..., Visit]) -> None:
    window = visit("#/runs")
    assert "/_aws/execute-api/" in window.api_url, "the API is not at the root of its host"
    assert [each.url for each in window.requests if not each.url.startswith(f"{window.api_url}/")] == []
    window.page.goto(urljoin(window.api_url + "/", "."))
    expect(window.page.get_by_role("heading", level=1)).to_be_visible()
