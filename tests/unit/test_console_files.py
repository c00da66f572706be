"""The console's files: of what they are made, what they weigh, what they speak of, and in which languages."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
from pathlib import Path

import pytest

from chalicelib.console.site import Asset, Site, site
from infra.console import bundle
from infra.console.bundle import SOURCE, STATIC

MODULES = sorted(path for path in SOURCE.rglob("*.js") if path.parent.name != "vendor")
# Files of packages on npm, as they are published there: name, version, and the file's SHA-256.
VENDORED = {
    "preact.js": (
        "preact 10.29.8 dist/preact.module.js",
        "c30e721ebfdc6e2ad4c18c14d2dfb82667829c8aec27de1207774e3fc16858a8",
    ),
    "preact-hooks.js": (
        "preact 10.29.8 hooks/dist/hooks.module.js",
        "a6ee626f2d01570592dd569a792e3f050154aa02890eead8c223fa3ed5aa3d5a",
    ),
    "preact.LICENSE": ("preact 10.29.8 LICENSE", "1fe6958409c8c257a70c587a18b6f7f412b179b456630790d30b2ec9a8e4b7d4"),
    "htm.js": ("htm 3.1.1 dist/htm.module.js", "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4"),
    "htm.LICENSE": ("htm 3.1.1 LICENSE", "740725f7252e750af735d0028cc534970772f513331e9f68150fede8fb3ce00f"),
}
# The page and what it names for a reader of one language, compressed as API Gateway sends them: each file by itself.
MOST_BYTES = 48_000


def entries(language: str) -> dict[str, str]:
    """The texts of a language, by key."""
    texts = "".join((SOURCE / place).read_text() for place in (f"text.{language}.js", f"text/{language}.js"))
    found = re.findall(r'^  "([^"]+)": (".*"),$', texts, re.MULTILINE)
    keys = [key for key, _ in found]
    assert len(keys) == len(set(keys)), "a key stands twice"
    return dict(found)


def test_what_is_vendored_is_what_was_published() -> None:
    paths = [*(SOURCE / "vendor").iterdir(), *STATIC.glob("*.LICENSE")]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    assert found == {name: digest for name, (_, digest) in VENDORED.items()}


@pytest.mark.parametrize("name", ["console.js", "text.en.js", "text.es.js", "style.css"])
def test_what_browsers_load_is_made_of_the_sources(name: str) -> None:
    made_of, _, content = (STATIC / name).read_text().partition("\n")
    assert made_of == bundle.banner(), "the sources are others by now: run make console"
    assert content


def test_another_source_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source)
    monkeypatch.setattr(bundle, "SOURCE", source)
    before = bundle.banner()
    assert before in (STATIC / "console.js").read_text()
    (source / "pages" / "run.js").rename(source / "pages" / "other.js")
    renamed = bundle.banner()
    (source / "style.css").write_text("")
    assert len({before, renamed, bundle.banner()}) == 3


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_console_fits_its_budget(language: str) -> None:
    page = site().page("", language)
    named = [each.rpartition("/")[2] for each in re.findall('(?:href|src)="([^"]+)"', page)]
    assert set(named) == {"console.js", "style.css", "icon.svg", f"text.{language}.js"}
    loaded = [page, *(site().assets[name].content for name in named)]
    assert sum(len(gzip.compress(content.encode(), 6)) for content in loaded) < MOST_BYTES


@pytest.mark.parametrize("path", [*MODULES, SOURCE / "style.css", STATIC / "icon.svg"], ids=lambda path: path.name)
def test_nothing_is_taken_from_elsewhere(path: Path) -> None:
    named = set(re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z0-9./-]+", path.read_text()))
    assert {each for each in named if "//www.w3.org/" not in each} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_module_imports_modules_that_are_there(path: Path) -> None:
    source = path.read_text()
    named = re.findall(r'^(?:import|export)\b[^"]*?from "([^"]+)";', source, re.MULTILINE)
    for name in [*named, *re.findall(r'\bimport\("([^"]+)"\)', source)]:
        assert name in {"preact", "preact/hooks", "htm"} or (path.parent / name).is_file(), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_module_makes_code_or_markup_of_text(path: Path) -> None:
    assert not re.search(
        r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", path.read_text()
    )


def test_both_languages_have_the_same_keys_with_the_same_blanks() -> None:
    english, spanish = entries("en"), entries("es")
    assert list(english) == list(spanish)
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", spanish[key])), key


def test_every_text_that_is_asked_for_is_there() -> None:
    english = entries("en")
    stems = {re.sub(r"\.(one|other)$", "", key) for key in english} | set(english)
    # What the comments show is no request.
    source = "\n".join(
        re.sub(r"(?m)^ *//.*$", "", path.read_text()) for path in MODULES if not path.is_relative_to(SOURCE / "text")
    )
    asked = set(re.findall(r'\bt\("([^"]+)"', source))
    assert asked - stems == set()


def test_another_file_is_another_version() -> None:
    one = Site({"a.js": Asset("1", "text/javascript")}, "")
    assert one.version != Site({"a.js": Asset("2", "text/javascript")}, "").version
    assert one.version != Site({"b.js": Asset("1", "text/javascript")}, "").version
    assert one.version == Site({"a.js": Asset("1", "text/javascript")}, "").version


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-419,es;q=0.9,en;q=0.8", "es"),
        ("de-CH, en;q=0.3 , es;q=0.7", "es"),
        ("en;q=0.5, ES-mx", "es"),
        ("de, fr;q=0.9", "en"),
        ("*", "en"),
        ("es;q=much, en", "en"),
        (",;q=,../es", "en"),
    ],
)
def test_the_page_names_the_words_of_the_language_that_a_browser_likes_best(accepted: str, language: str) -> None:
    page = site().page("console/", accepted)
    assert re.findall(r"text\.[a-z]+\.js", page) == [f"text.{language}.js"]
    assert f'<html lang="{language}">' in page
