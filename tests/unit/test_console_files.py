"""The console's files: what is vendored, what it weighs, what it speaks of, and in which languages."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from chalicelib.console.site import Asset, Site, site

STATIC = Path(__file__).parents[2] / "chalicelib" / "console" / "static"
MODULES = sorted(path for path in STATIC.rglob("*.js") if path.parent.name != "vendor")
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
# Compressed, as API Gateway sends them: each file by itself.
MOST_BYTES_BEFORE_THE_FIRST_PAINT = 40 * 1024
MOST_BYTES = 96 * 1024


def entries(language: str) -> dict[str, str]:
    """The texts of a language, by key."""
    texts = "".join(path.read_text() for path in sorted((STATIC / "text").glob(f"{language}*.js")))
    found = re.findall(r'^  "([^"]+)": (".*"),$', texts, re.MULTILINE)
    keys = [key for key, _ in found]
    assert len(keys) == len(set(keys)), "a key stands twice"
    return dict(found)


def test_what_is_vendored_is_what_was_published() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (STATIC / "vendor").iterdir()}
    assert found == {name: digest for name, (_, digest) in VENDORED.items()}


def compressed(names: Iterable[str]) -> dict[str, int]:
    return {name: len(gzip.compress(site().assets[name].content.encode(), 6)) for name in names}


def imported(name: str) -> set[str]:
    """The modules that one imports before it runs, and those that they import."""
    packages = {"preact": "vendor/preact.js", "preact/hooks": "vendor/preact-hooks.js", "htm": "vendor/htm.js"}
    found = re.findall(r'(?m)^import\b[^"]*?from ?"([^"]+)";', site().assets[name].content)
    paths = [packages.get(each) or (STATIC / name).parent.joinpath(each).resolve().relative_to(STATIC).as_posix()
             for each in found]  # fmt: skip
    return {name}.union(*(imported(each) for each in paths))


def test_the_console_fits_its_budget() -> None:
    language = max(
        (imported(f"text/{each}.js") for each in ("en", "es")), key=lambda names: sum(compressed(names).values())
    )
    first = compressed({*imported("main.js"), *language, "style.css", "icon.svg"})
    assert "vendor/preact.js" in first
    assert not [name for name in first if name.startswith("pages/") and name != "pages/signin.js"]
    assert sum(first.values()) < MOST_BYTES_BEFORE_THE_FIRST_PAINT, first
    assert sum(compressed(site().assets).values()) < MOST_BYTES


@pytest.mark.parametrize("path", [*MODULES, STATIC / "style.css", STATIC / "icon.svg"], ids=lambda path: path.name)
def test_nothing_is_taken_from_elsewhere(path: Path) -> None:
    named = set(re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z0-9./-]+", path.read_text()))
    assert {each for each in named if "//www.w3.org/" not in each} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_a_module_imports_modules_that_are_there(path: Path) -> None:
    source = path.read_text()
    named = re.findall(r'^(?:import|export)\b[^"]*?from "([^"]+)";', source, re.MULTILINE)
    for name in [*named, *re.findall(r'\bimport\("([^"]+)"\)', source)]:
        assert name in {"preact", "preact/hooks", "htm"} or (path.parent / name).is_file(), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(STATIC).as_posix())
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
    source = "\n".join(re.sub(r"(?m)^ *//.*$", "", path.read_text()) for path in MODULES if path.parent.name != "text")
    asked = set(re.findall(r'\bt\("([^"]+)"', source))
    assert asked - stems == set()


def test_another_file_is_another_version() -> None:
    one = Site({"a.js": Asset("1", "text/javascript")}, "")
    assert one.version != Site({"a.js": Asset("2", "text/javascript")}, "").version
    assert one.version != Site({"b.js": Asset("1", "text/javascript")}, "").version
    assert one.version == Site({"a.js": Asset("1", "text/javascript")}, "").version
