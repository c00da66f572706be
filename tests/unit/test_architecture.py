"""The import rule: ``app, api, work → wiring → flows → dictionary, errors``; adapters are behind wiring alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WORDS = {"dictionary", "errors", "identifiers", "points", "ports", "time_left"}
FLOWS = {"load", "backup", "metrics"}
SHARED = {"ledger", "publishing"}
ADAPTERS = {"audit_log", "catalog", "postgres", "queue", "storage", "token_store"}
# What changes the database itself: its roles, its tables, its passwords.
CHANGES = {"migrations", "roles", "rotation"}

# What the parts of chalicelib may import of one another, besides themselves.
MAY_IMPORT = {
    "errors": set[str](),
    "identifiers": set[str](),
    "points": set[str](),
    "time_left": {"errors"},
    "dictionary": {"errors"},
    "ports": {"errors"},
    "settings": {"errors", "access"},
    # What two flows share and neither owns.
    **dict.fromkeys(SHARED, WORDS),
    **dict.fromkeys(FLOWS, WORDS | SHARED),
    "telemetry": WORDS,
    "audit": WORDS | {"telemetry"},
    "aws_errors": set(),
    "dynamo": {"aws_errors", "errors"},
    **dict.fromkeys(ADAPTERS, WORDS),
    **dict.fromkeys(("queue", "storage"), WORDS | {"aws_errors"}),
    "audit_log": WORDS | {"audit", "dynamo"},
    "catalog": WORDS | {"dynamo"},
    "token_store": WORDS | {"access", "dynamo"},
    "secret_store": WORDS,
    **dict.fromkeys(CHANGES, WORDS | {"roles"}),
    # The tables that metrics are read from are migrated too.
    "migrations": WORDS | {"metrics", "roles"},
    # As wiring, for the functions that administer the database.
    "administration": WORDS | CHANGES | {"postgres", "secret_store", "settings"},
    "migrator": WORDS | CHANGES | {"administration"},
    "access": WORDS,
    "idempotency": WORDS,
    "wiring": WORDS | FLOWS | ADAPTERS | {"access", "settings"},
    "console": set(),
    "api": WORDS | FLOWS | {"access", "audit", "console", "idempotency", "ledger", "telemetry", "wiring", "work"},
    "work": WORDS | FLOWS | {"audit", "ledger", "telemetry", "wiring"},
    "worker": WORDS | FLOWS | {"wiring", "work"},
    "app": {"administration", "api", "migrator", "rotation", "telemetry", "wiring", "work", "worker"},
}
# Packages of the outside that are an adapter's business.
OUTSIDE = {
    "boto3": {"administration", "wiring"},
    "aws_lambda_powertools": {"telemetry"},
    "botocore": {"administration", "aws_errors", "dynamo", "postgres", "queue", "secret_store", "storage", "wiring"},
    "pynamodb": {"audit_log", "catalog", "dynamo", "token_store"},
    "pg8000": {"postgres"},
    "awswrangler": {"postgres"},
    "chalice": {"api", "app"},
    "os": {"administration", "app", "storage", "telemetry", "wiring"},
}

# Packages whose ``__init__`` shows what others take from them.
FRONTS = ["chalicelib.dictionary.datatypes", "chalicelib.ports", "chalicelib.postgres", "chalicelib.storage"]


def modules() -> Iterator[tuple[str, Path]]:
    """Every module that ships, with the part of chalicelib that it belongs to."""
    yield "app", ROOT / "app.py"
    for path in sorted((ROOT / "chalicelib").rglob("*.py")):
        part = path.relative_to(ROOT / "chalicelib").parts[0].removesuffix(".py")
        if part != "__init__":
            yield part, path


def imports(path: Path) -> Iterator[str]:
    """What a module imports, anywhere in it, by its full name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = list(modules())


@pytest.mark.parametrize(("part", "path"), MODULES, ids=[str(path.relative_to(ROOT)) for _, path in MODULES])
def test_a_module_imports_what_its_place_allows(part: str, path: Path) -> None:
    assert part in MAY_IMPORT, f"say in this test what {part} may import"
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "chalicelib":
            imported = rest.split(".")[0]
            assert imported == part or imported in MAY_IMPORT[part], f"{path.name} imports {name}"
        else:
            assert top not in {"infra", "tests", "sample_data", "bench", "app", "decant"}, f"{path.name} imports {name}"
            assert part in OUTSIDE.get(top, {part}), f"{path.name} imports {name}"


@pytest.mark.parametrize("front", FRONTS)
def test_what_a_package_shows_is_imported_from_its_front(front: str) -> None:
    elsewhere = [path for _, path in MODULES if not path.is_relative_to(ROOT / Path(*front.split(".")))]
    past = [(path.name, name) for path in elsewhere for name in imports(path) if re.match(rf"{front}\.\w+\.", name)]
    assert past == []


def test_the_rule_knows_no_part_that_is_gone() -> None:
    assert set(MAY_IMPORT) - {part for part, _ in MODULES} == set()


def test_adapters_are_reached_through_wiring_alone() -> None:
    reaching = {part for part, allowed in MAY_IMPORT.items() if allowed & ADAPTERS}
    assert reaching == {"wiring", "administration"}


def test_the_architecture_names_every_part() -> None:
    drawn = ast.get_docstring(ast.parse((ROOT / "chalicelib" / "__init__.py").read_text())) or ""
    small = {"identifiers", "idempotency", "migrator", "points", "publishing", "settings", "time_left"}
    assert {part for part, _ in MODULES if part not in drawn} == small


def test_what_packages_tell_of_themselves_names_modules_that_are_there() -> None:
    root = ROOT / "chalicelib"
    gone = [
        (path.parent.name, name)
        for path in sorted(root.rglob("__init__.py"))
        for name in re.findall(r"``([a-z_*]+)/?``", ast.get_docstring(ast.parse(path.read_text())) or "")
        if not any([*place.glob(name), *place.glob(f"{name}.py")] for place in (path.parent, root))
    ]
    assert gone == []


# What the command line takes from the application: the offline check, and the form of backups in folders.
COMMAND_LINE_TAKES = {"backup", "dictionary", "errors", "identifiers", "load", "ports", "settings", "storage", "wiring"}
# How it knows the application otherwise: by the API, as any other client.
OPERATES = {"audit", "deployment", "local", "migrate", "package", "tokens"}


@pytest.mark.parametrize("path", sorted((ROOT / "decant").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_command_line_is_a_client_of_the_api(path: Path) -> None:
    for name in imports(path):
        top, _, rest = name.partition(".")
        assert top not in {"app", "tests", "bench", "chalice"}, f"{path.name} imports {name}"
        allowed = {"chalicelib": COMMAND_LINE_TAKES, "infra": OPERATES}
        assert rest.split(".")[0] in allowed.get(top, {rest.split(".")[0]}), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "infra").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_deploys_and_operates_does_not_know_the_command_line(path: Path) -> None:
    assert not re.search(r"^\s*(from|import) decant\b", path.read_text(), re.MULTILINE)


def test_a_transaction_is_told_to_roll_back_to_a_savepoint_and_not_by_sql() -> None:
    told = re.compile(r"rollback\s+to", re.IGNORECASE)
    assert [path.name for part, path in MODULES if part != "postgres" and told.search(path.read_text())] == []


def test_nothing_is_read_or_written_in_batches_that_dynamodb_may_leave_in_part() -> None:
    """It answers those with "unprocessed items", which nobody here would take up. A transaction is done whole.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
    """
    batched = re.compile(r"batch_?(write|get)|(write|get)_items\(", re.IGNORECASE)
    found = [path for part in ("chalicelib", "infra", "decant") for path in (ROOT / part).rglob("*.py")
             if batched.search(path.read_text())]  # fmt: skip
    assert found == []
