"""The documents, held against one another and against what they tell of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.dictionary.package import parse_dictionary
from chalicelib.points import Point

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def links(document: Path) -> Iterator[str]:
    """The relative links of a document, without their fragments."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not re.match(r"[a-z]+:", target) and (path := target.partition("#")[0]):
            yield path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_its_links_lead_somewhere(document: Path) -> None:
    assert [link for link in links(document) if not (document.parent / link).exists()] == []


def test_every_document_is_listed() -> None:
    listed = {(DOCS / link).resolve() for link in links(DOCS / "README.md")}
    documents = {path for path in DOCS.rglob("*.md") if "decisions" not in path.parts}
    assert documents - {DOCS / "README.md"} <= listed


def test_the_points_at_which_processes_are_killed_are_counted_right() -> None:
    assert f"any of {len(Point)} points" in (ROOT / "README.md").read_text()
    assert f"one of the {len(Point)} points" in (DOCS / "reliability.md").read_text()


def test_the_dictionary_of_the_guide_is_one() -> None:
    guide = (DOCS / "bring-your-own-tables.md").read_text()
    [printed] = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    assert [table.name for table in parse_dictionary(json.loads(printed)).tables] == ["titles", "loans"]
