"""docs/security.md names for each line the tests that prove it, or owns up to a gap: what it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_, _, TABLES = (ROOT / "docs" / "security.md").read_text().partition("\n## OWASP")
LINES = [line for line in TABLES.splitlines() if line.startswith("| ") and not line.endswith("| proof |")]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@cache
def functions(file: str) -> set[str]:
    nodes = ast.walk(ast.parse((ROOT / file).read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


def test_every_risk_has_its_lines() -> None:
    risks = {line.split()[1] for line in LINES if line.startswith("| API")}
    assert risks >= {f"API{number}" for number in range(1, 11)}
    assert len(LINES) > 60


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("|")[1].strip())
def test_a_line_names_tests_that_are_there_or_a_gap(line: str) -> None:
    named = NAMED.findall(line)
    assert named or "**Gap**" in line
    assert len(named) == line.count("`tests/"), "each names a file and a test of it"
    for file, name in named:
        assert name in functions(file), f"{file} has no {name}"
