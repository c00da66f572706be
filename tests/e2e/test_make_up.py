"""What `make up` promises: the samples loaded, nothing twice, the same stack after a stop and a kill."""

import io
import json
import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from decant import samples, welcome
from decant.exits import Exit
from decant.failures import CommandError
from infra.local.ports import free_port, is_taken
from infra.local.record import Ports, Record
from infra.local.stack import Stack
from infra.migrate import MigrationError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def detached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Give the same stack to several commands, each of which knows only its folder; of another checkout when named."""
    folder = tmp_path_factory.mktemp("up") / "local"
    ports = Ports(free_port(), free_port())

    def stack(root: Path = ROOT) -> Stack:
        return Stack(root, folder, ports, tools=ROOT / ".local", settings={"fsync": "off"})

    yield stack
    stack().forget()


def load(record: Record) -> tuple[list[samples.Dropped], dict[str, Any]]:
    dropped = samples.drop(record, ROOT / "sample_data")
    return dropped, samples.follow(record, dropped, lambda _: None)


def test_up_again_and_after_a_stop_and_after_a_kill(detached: Callable[[], Stack]) -> None:
    steps: list[str] = []
    first = detached().up(steps.append)
    assert steps == ["Environment of the emulator", "Postgres", "AWS emulator", "Application", "Database"]
    dropped, runs = load(first)
    assert [run["state"] for run in runs.values()] == ["succeeded"] * 3
    for run in runs.values():
        assert run["read"] == run["inserted"] + run["rejected"]
    assert samples.client_of(first).ask("/metrics/departments-above-mean")["rows"]

    running = detached()
    pids = (running.postgres.pid, running.emulator.pid)
    again = running.up(steps.append)
    assert replace(again, token=first.token) == first
    assert (running.postgres.pid, running.emulator.pid) == pids
    assert load(again) == (dropped, runs)

    assert detached().down()
    assert (detached().postgres.pid, detached().emulator.pid) == (None, None)
    third = detached().up(steps.append)
    assert replace(third, token=first.token) == first
    assert load(third) == (dropped, runs)


def test_a_killed_emulator_loses_nothing_that_was_loaded(detached: Callable[[], Stack]) -> None:
    before = detached().up(lambda _: None)
    load(before)
    counts = rows(before)
    pid = detached().emulator.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while is_taken(detached().ports.emulator):  # its threads end one by one
        time.sleep(0.05)
    after = detached().up(lambda _: None)
    assert replace(after, token=before.token) == before
    _, runs = load(after)
    assert {run["state"] for run in runs.values()} <= {"succeeded", "duplicate"}
    assert rows(after) == counts


def test_the_results_are_printed_with_commands_that_name_the_run(detached: Callable[[], Stack]) -> None:
    record = detached().up(lambda _: None)
    _, runs = load(record)
    printed = io.StringIO()
    console = Console(width=200, file=printed)
    welcome.show(console, record, runs)
    text = printed.getvalue()
    assert "hired_employees.xlsx" in text
    assert "hires-by-quarter, 2021" in text
    assert f"{record.api_url}/runs/{runs['hired_employees.xlsx']['id']}/rejections" in text


@pytest.mark.enforced("authorizers")
def test_the_token_of_the_run_before_is_worthless(detached: Callable[[], Stack]) -> None:
    before, after = (detached().up(lambda _: None) for _ in range(2))
    assert samples.client_of(after).ask("/tables")["tables"]
    with pytest.raises(CommandError) as refused:
        samples.client_of(before).ask("/tables")
    assert refused.value.exit is Exit.NOT_ALLOWED


@pytest.mark.enforced("authorizers")
def test_no_page_may_call_when_none_is_named(detached: Callable[[], Stack]) -> None:
    record = detached().up(lambda _: None)
    asked = {"Origin": "https://console.example", "Access-Control-Request-Method": "GET"}
    for path in ("/tables", "/nowhere"):
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(urllib.request.Request(record.api_url + path, headers=asked, method="OPTIONS"))
        assert not [name for name in refused.value.headers if name.startswith("Access-Control")]
        refused.value.close()


def test_up_after_an_emulator_lost_all_it_had_deploys_anew_over_the_same_rows(detached: Callable[[], Stack]) -> None:
    """As LocalStack does at each stop, which keeps nothing; that it starts again is in test_localstack."""
    before = detached().up(lambda _: None)
    load(before)
    counts = rows(before)
    detached().down()
    shutil.rmtree(detached().emulator.folder)
    after = detached().up(lambda _: None)
    assert after.token != before.token
    assert rows(after) == counts
    _, runs = load(after)
    assert {run["state"] for run in runs.values()} == {"duplicate"}
    assert rows(after) == counts


def checkout(folder: Path, change: Callable[[list[dict[str, Any]]], object]) -> Path:
    """A copy of what ships, with other columns of the departments."""
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "deployments"))
    for name in ("app.py", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    file = folder / "chalicelib" / "dictionary" / "datapackage.json"
    package = json.loads(file.read_text())
    change(package["resources"][0]["schema"]["fields"])
    file.write_text(json.dumps(package))
    return folder


def test_a_dictionary_that_can_not_be_is_refused_before_it_is_deployed(
    detached: Callable[..., Stack], tmp_path: Path
) -> None:
    before = detached().up(lambda _: None)
    other = checkout(tmp_path, lambda fields: fields[1].update(type="date"))
    with pytest.raises(MigrationError, match=r"departments\.department: it was text and is date"):
        detached(other).up(lambda _: None)
    assert columns(before) == ["id", "department"]


def test_a_dictionary_that_widens_is_migrated(detached: Callable[..., Stack], tmp_path: Path) -> None:
    before = detached().up(lambda _: None)
    load(before)
    counts = rows(before)
    other = checkout(tmp_path, lambda fields: fields.append({"name": "floor", "type": "integer"}))
    told: list[str] = []
    after = detached(other).up(told.append)
    assert '    ADD COLUMN IF NOT EXISTS "floor" integer;' in [line[4:] for line in told]
    assert columns(after) == ["id", "department", "floor"]
    assert rows(after) == counts
    with pytest.raises(MigrationError, match=r"departments\.floor: the dictionary has it no more"):
        detached().up(lambda _: None)


def columns(record: Record) -> list[str]:
    [table] = [each for each in samples.client_of(record).ask("/tables")["tables"] if each["name"] == "departments"]
    return [column["name"] for column in table["columns"]]


def rows(record: Record) -> dict[str, int]:
    tables = samples.client_of(record).ask("/tables")["tables"]
    return {table["name"]: table["rows"] for table in tables}
