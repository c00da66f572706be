"""The dirty set of sample_data: each file's rejections, and each unreadable file's reason, are the expected ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import load_dictionary
from chalicelib.ports import RunState
from chalicelib.settings import PACKAGED_DICTIONARY
from decant.checking import check_files
from tests.conftest import sample_data
from tests.contract.test_loads import Intake

DIRTY = sample_data() / "dirty"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.endswith(".expected.json"))


def checked_alone(path: Path) -> dict[str, Any]:
    """What `decant check` tells of a file, with the sample files of its parents beside it."""
    dictionary = load_dictionary(PACKAGED_DICTIONARY)
    [table] = [each for each in dictionary.tables if path.name.startswith(each.name)]
    parents = [sample_data() / f"{name}.csv" for name in table.parents]
    return check_files(dictionary, [*parents, path])[-1].told()


@pytest.fixture
def intake(make_database: Any, dictionary: Dictionary, tmp_path: Path) -> Iterator[Intake]:
    with make_database(dictionary) as postgres:
        yield Intake(postgres, tmp_path, parent_wait=0)


@pytest.mark.parametrize("path", _files(DIRTY), ids=lambda path: path.name)
def test_every_reason_of_every_bad_row_is_found_and_no_other(intake: Intake, path: Path) -> None:
    expected = json.loads(path.with_name(f"{path.name}.expected.json").read_text())
    for parent in intake.postgres.dictionary.table(expected["table"]).parents:
        intake.drop(f"{parent}.csv", (sample_data() / f"{parent}.csv").read_bytes())
    run = intake.drop(path.name, path.read_bytes())
    assert run.state is RunState.SUCCEEDED
    found = intake.postgres.query(
        "SELECT row, line, reasons FROM decant.rejections WHERE run = :run ORDER BY row", run=run.id
    )
    reasons = [
        {"row": row, "line": line, "column": reason["column"], "code": reason["code"]}
        for row, line, reasons in found
        for reason in reasons
    ]
    assert reasons == expected["rejections"]
    assert (run.counts.read, run.counts.inserted) == (expected["rows"], expected["accepted"])
    checked = checked_alone(path)
    assert [(row["row"], row["line"], row["reasons"]) for row in checked["rejections"]] == [tuple(row) for row in found]
    assert (checked["read"], checked["accepted"], checked["error"]) == (expected["rows"], expected["accepted"], None)


@pytest.mark.parametrize("path", _files(DIRTY / "unreadable"), ids=lambda path: path.name)
def test_an_unreadable_file_fails_with_its_reason_and_what_to_do(intake: Intake, path: Path) -> None:
    run = intake.drop(path.name, path.read_bytes())
    assert run.state is RunState.FAILED
    assert run.error is not None
    assert run.error["code"] == json.loads(path.with_name(f"{path.name}.expected.json").read_text())["code"]
    assert run.error["hint"]
    assert checked_alone(path)["error"] == run.error
    assert intake.postgres.query("SELECT count(*) FROM decant.rejections") == [(0,)]
