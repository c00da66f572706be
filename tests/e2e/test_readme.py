"""The README's tour and the tutorial, run as printed against a stack, and the commands that they name."""

import re
from pathlib import Path

import pytest

from decant.samples import drop, follow
from infra.local.emulator import Emulator
from tests.e2e.shell import ROOT, shell
from tests.stacks import own_stack

README = (ROOT / "README.md").read_text()
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
TOUR = README[README.index("## A tour") : README.index("## Bring your own tables")]


@pytest.mark.deployed
def test_the_tour_and_the_tutorial_work_as_printed(tmp_path: Path, emulator: type[Emulator]) -> None:
    """On a stack of its own, for it leaves rows behind."""
    stack = own_stack(tmp_path, emulator=emulator)
    with stack as record:
        follow(record, drop(record, ROOT / "sample_data"), lambda _: None)
        take_the_tour(stack.folder)
        take_the_tutorial(stack.folder)
    stack.forget()


def take_the_tour(folder: Path) -> None:
    """Run all of the tour's commands in one shell, as a reader would; one that fails is a failure."""
    curl = 'curl() { command curl --fail-with-body "$@"; echo; }'
    printed = shell(folder, "\n".join([curl, *re.findall(r"```bash\n(.*?)```", TOUR, re.DOTALL)]))
    for said in (
        '"mean":136.75',
        "department,job,Q1,Q2,Q3,Q4",
        "department is required, and blank here",
        '"inserted":1,"updated":0,"unchanged":0,"rejected":0',
        "takes a whole number",
        '"updated":1',
    ):
        assert said in printed


def take_the_tutorial(folder: Path) -> None:
    """Run all of the tutorial's commands in one shell."""
    printed = shell(folder, "\n".join(re.findall(r"```bash\n(.*?)```", TUTORIAL, re.DOTALL)))
    for said in (
        "8 rows for hired_employees, 2 bad",
        "It ended with 1: some rows were rejected.",
        "job_id refers to id 999, which jobs",
        "8 rows read: 3 inserted, 0 updated, 5 unchanged, 0 rejected.",
        "Camille Roux",
        "departments-above-mean, 2021",
    ):
        assert said in printed


def test_every_make_command_that_it_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make (?:-s )?([a-z-]+)", README)) <= targets
    assert set(re.findall(r"(?:^|`)make (?:-s )?([a-z-]+)", TUTORIAL, re.MULTILINE)) <= targets
