"""docs/reference/ is what the code says, and nothing is left out of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chalicelib.api.description.catalogue import by_status, file_errors, problems, rejections
from chalicelib.dictionary.package import CONSTRAINTS, FIELD_KEYS, SCHEMA_KEYS
from chalicelib.errors import DecantError, FileCode, FileError
from chalicelib.load.rows import ReasonCode
from infra.application.gateway import ANSWERS
from infra.reference.dictionary import FIELDS, RULES, SCHEMA
from infra.reference.documents import FOLDER, documents
from infra.reference.settings import CHECKOUT, FUNCTION, environment

ROOT = Path(__file__).parents[2]
OF_LIBRARIES = {"ARROW_DEFAULT_MEMORY_POOL"}
# For tests and continuous integration, not for whoever uses Decant.
OF_TESTS = re.compile(r"DECANT_(TEST_\w*|MASTER_PASSWORD|DATABASE_PASSWORD)?$")


@pytest.mark.parametrize("name", documents())
def test_the_reference_is_fresh(name: str) -> None:
    assert (FOLDER / name).read_text() == documents()[name], "make reference writes it anew"


def test_every_rule_of_the_dictionary_is_told() -> None:
    assert (set(FIELDS), set(RULES), set(SCHEMA)) == (FIELD_KEYS, CONSTRAINTS, SCHEMA_KEYS)


def test_every_variable_that_the_code_reads_is_told() -> None:
    files = [*(ROOT / "chalicelib").rglob("*.py"), *(ROOT / "infra" / "local").rglob("*.py"), ROOT / "app.py"]
    read = {name for file in files for name in re.findall(r"\bDECANT_\w*", file.read_text())}
    told = {*CHECKOUT, *FUNCTION, *(name for name, *_ in environment())}
    assert {name for name in read if not OF_TESTS.match(name)} == told & read
    assert told <= read | {"DECANT_AUTHORIZER"} | OF_LIBRARIES


def kinds(kind: type[DecantError]) -> set[type[DecantError]]:
    below = {each for each in kind.__subclasses__() if each.__module__ == DecantError.__module__}
    return {kind}.union(*(kinds(each) for each in below))


def test_every_error_is_in_the_catalogue_once() -> None:
    codes = [each.code for each in [*problems(), *file_errors(), *rejections()]]
    assert len(set(codes)) == len(codes)
    in_code = {kind.code for kind in kinds(DecantError) - {FileError}} | {answer.code for answer in ANSWERS.values()}
    assert {each.code for each in problems()} == in_code
    assert {each.code for each in file_errors()} == set(FileCode)
    assert {each.code for each in rejections()} == set(ReasonCode)


def test_the_catalogue_has_the_statuses_of_the_gateway_s_own_answers() -> None:
    known = {(each.code, each.status) for each in problems()}
    assert {(answer.code, answer.status) for answer in ANSWERS.values()} <= known


@pytest.mark.parametrize("entry", [*problems(), *file_errors(), *rejections()], ids=lambda entry: entry.code)
def test_an_error_has_a_cause_and_a_cure(entry: object) -> None:
    for text in (getattr(entry, name) for name in ("title", "cause", "cure", "example")):
        assert len(text) > 5
        assert text == text.strip()


def test_every_status_has_one_plainest_problem() -> None:
    for status in {each.status for each in problems()}:
        assert by_status(int(str(status))).status == status
