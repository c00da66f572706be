"""What people do with `decant` on a running stack, in this process; and what a day of a team comes to."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from decant.commands import app
from decant.exits import Exit
from infra.local.emulator import Emulator
from infra.local.ministack import MiniStack
from infra.local.record import Record
from infra.local.stack import Stack
from tests.conftest import connect_url

Decant = Callable[..., Any]
FIRST = 8_800_000


@pytest.fixture(scope="module")
def decant(local_stack: Stack) -> Decant:
    """Run a command with --json; give the document that it prints. ``code`` is how it has to end."""
    environment = {"DECANT_FOLDER": str(local_stack.folder), "DECANT_URL": "", "DECANT_TOKEN": ""}

    def command(*arguments: object, code: Exit = Exit.DONE, **more: str) -> Any:
        words = [*map(str, arguments), "--json"]
        ended = CliRunner(env={**environment, **more}).invoke(app, words, catch_exceptions=False)
        assert ended.exit_code == code, ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    return command


@pytest.fixture(scope="module", autouse=True)
def one_emulator(emulator: type[Emulator]) -> None:
    """The API that is called is tested on each of them; what calls it is the same."""
    if emulator is not MiniStack:
        pytest.skip("the command line is tested on one emulator")


@pytest.fixture(scope="module", autouse=True)
def tidy(stack: Record) -> Iterator[None]:
    """Take away what these tests leave in the tables that all tests share."""
    yield
    connection = connect_url(stack.database_url)
    for table in ("hired_employees", "departments", "jobs"):
        connection.execute_simple(f"DELETE FROM {table} WHERE id BETWEEN {FIRST} AND {FIRST + 1000}")
    connection.close()


@pytest.fixture(scope="module")
def loaded(decant: Decant, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two files, the child named first, with bad rows; their runs by table."""
    folder = tmp_path_factory.mktemp("monday")
    child, parent, jobs = (folder / f"{name}-monday.csv" for name in ("hired_employees", "departments", "jobs"))
    parent.write_text(f"{FIRST},Harbour\n{FIRST + 1},\n")
    jobs.write_text(f"{FIRST},Pilot\n")
    child.write_text("".join(f"{FIRST + n},Ann,2021-05-01T00:00:00Z,{FIRST + n},{FIRST}\n" for n in range(2)))
    found = decant("load", child, parent, jobs, code=Exit.REJECTED)["runs"]
    return {run["table"]: run for run in found}


def test_files_are_loaded_parents_first_and_bad_rows_tell_by_the_exit_code(loaded: dict[str, Any]) -> None:
    counts = {table: (run["state"], run["read"], run["inserted"], run["rejected"]) for table, run in loaded.items()}
    assert counts == {
        "departments": ("succeeded", 2, 1, 1),
        "jobs": ("succeeded", 1, 1, 0),
        "hired_employees": ("succeeded", 2, 1, 1),
    }


def test_a_file_that_is_refused_is_no_reason_to_leave_the_others(decant: Decant, tmp_path: Path) -> None:
    (tmp_path / "jobs-more.csv").write_text(f"{FIRST + 9},Boatswain\n")
    (tmp_path / "nobody.csv").write_text("1\n")
    found = decant("load", tmp_path, code=Exit.REFUSED)
    assert [run["inserted"] for run in found["runs"]] == [1]
    assert [(each["file"], each["error"]["code"]) for each in found["refused"]] == [("nobody.csv", "unknown-table")]


def test_runs_are_listed_and_told(decant: Decant, loaded: dict[str, Any]) -> None:
    run = loaded["departments"]
    assert run["id"] in {each["id"] for each in decant("runs", "--table", "departments", "--limit", 1000)["runs"]}
    told = decant("run", run["id"], code=Exit.REJECTED)
    assert told.pop("reasons") == [
        {"table": "departments", "column": "department", "code": "constraint-error", "rows": 1}
    ]
    assert told == run
    assert decant("run", loaded["jobs"]["id"], "--wait")["id"] == loaded["jobs"]["id"]
    newest = next(run for run in decant("runs")["runs"] if run["kind"] in ("load", "batch", "replay"))
    assert decant("rejections", "last")["run"] == newest["id"]
    assert decant("run", "nonsense", code=Exit.REFUSED)["error"]["code"] == "not-found"


def test_what_was_loaded_before_is_told_and_can_be_replayed(
    decant: Decant, loaded: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "jobs-again.csv").write_text(f"{FIRST},Pilot\n")
    [again] = decant("load", tmp_path / "jobs-again.csv")["runs"]
    assert (again["state"], loaded["jobs"]["id"] in again["error"]["detail"]) == ("duplicate", True)
    replayed = decant("replay", again["id"])
    assert (replayed["kind"], replayed["unchanged"], replayed["inserted"]) == ("replay", 1, 0)


def test_rejections_are_corrected_by_json_and_by_a_file(decant: Decant, loaded: dict[str, Any], tmp_path: Path) -> None:
    run = loaded["departments"]["id"]
    [bad] = decant("rejections", run)["rejections"]
    assert (bad["row"], bad["reasons"][0]["code"]) == (2, "constraint-error")
    written = Path(decant("rejections", run, "--xlsx", tmp_path / "bad.xlsx")["file"])
    assert written.read_bytes().startswith(b"PK")
    corrections = tmp_path / "corrected.json"
    corrections.write_text(json.dumps([{"row": 2, "department": ""}]))
    assert decant("fix", run, corrections, code=Exit.REJECTED)["still_rejected"] == 1
    decant("rejections", run, "--csv", tmp_path / "bad.csv")
    with (tmp_path / "bad.csv").open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    with (tmp_path / "bad.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow({**row, "department": "Quay"})
    fixed = decant("fix", run, tmp_path / "bad.csv")
    assert (fixed["inserted"], fixed["rejected"], fixed["still_rejected"]) == (1, 0, 0)
    whole = tmp_path / "hired_employees.csv"
    whole.write_text("".join(f"{FIRST + n},Ann,2021-05-01T00:00:00Z,{FIRST + n},{FIRST}\n" for n in range(2)) + "\n")
    fixed = decant("fix", loaded["hired_employees"]["id"], whole)
    assert (fixed["inserted"], fixed["unchanged"], fixed["rejected"]) == (1, 1, 0)


@pytest.mark.usefixtures("loaded")
def test_tables_rows_and_metrics_are_read(decant: Decant) -> None:
    assert {table["name"] for table in decant("tables")["tables"]} == {"departments", "jobs", "hired_employees"}
    assert decant("tables", "jobs")["primary_key"] == ["id"]
    assert decant("rows", "jobs", f"id={FIRST}")["rows"] == [{"id": FIRST, "job": "Pilot"}]
    assert {each["metric"] for each in decant("metrics", "--year", 2021)["metrics"]} == {
        "hires-by-quarter", "departments-above-mean"
    }  # fmt: skip
    assert decant("metrics", "nowhere", code=Exit.REFUSED)["error"]["code"] == "not-found"


@pytest.mark.usefixtures("loaded")
def test_a_backup_goes_into_a_folder_and_a_restore_is_tried_first(decant: Decant, tmp_path: Path) -> None:
    made = decant("backup", "jobs", "--to", tmp_path)
    [backup] = made["backups"]
    assert {path.name for path in (tmp_path / "backups" / "jobs" / backup["id"]).iterdir()} == {
        "data.avro", "manifest.json"
    }  # fmt: skip
    assert backup["id"] in {each["id"] for each in decant("backups", "jobs", "--limit", 1000)["backups"]}
    assert decant("verify", backup["id"])["verified"][backup["id"]]["state"] == "succeeded"
    planned = decant("restore", "jobs", "--dry-run", "--backup", backup["id"])["result"]
    assert [(each["inserted"], each["updated"], each["deleted"]) for each in planned["tables"]] == [(0, 0, 0)]
    assert decant("restore", "jobs", code=Exit.USAGE)["error"]["code"] == "usage"
    told = decant("restore", "jobs", "--as-of", "2001-01-01T00:00:00Z", "--yes", code=Exit.REFUSED)["error"]
    assert told["code"] == "not-found"


@pytest.mark.enforced("authorizers")
def test_tokens_open_what_their_scopes_say_until_they_are_revoked(decant: Decant, stack: Record) -> None:
    made = decant("token", "make", "cli test", "--scopes", "read", "--expires", "1h")
    assert made["id"] in {each["id"] for each in decant("token", "list")["tokens"]}
    assert decant("tables", DECANT_TOKEN=made["token"])
    # A token by its own option goes before that of the environment.
    assert decant("tables", "--token", stack.token, DECANT_TOKEN="nonsense")
    assert decant("backup", DECANT_TOKEN=made["token"], code=Exit.NOT_ALLOWED)["error"]["code"] == "forbidden"
    decant("token", "revoke", made["id"])
    told = decant("tables", DECANT_TOKEN=made["token"], code=Exit.NOT_ALLOWED)["error"]
    assert "revoked" in told["detail"]
    assert decant("token", "make", "x", "--scopes", "everything", code=Exit.REFUSED)["error"]["detail"]


def test_a_day_goes_as_it_should_and_leaves_nothing_behind(decant: Decant) -> None:
    before = {table["name"]: table["rows"] for table in decant("tables")["tables"]}
    played = decant("simulate", "--rows", 3)
    assert played["good"], [check for check in played["checks"] if not check["good"]]
    assert len(played["checks"]) > 20
    assert {table["name"]: table["rows"] for table in decant("tables")["tables"]} == before


def test_the_stack_tells_how_it_is(decant: Decant, stack: Record) -> None:
    told = decant("status")
    assert told["api"] == stack.api_url
    assert set(told["health"].values()) == {"ok"}
    assert decant("url") == {"url": stack.api_url}
    assert any(lines for title, lines in decant("logs").items() if title.startswith("Function"))
    assert decant("dead-letters")["messages"] == []
    assert decant("get", "/runs?limit=1")["runs"]
    assert decant("get", "/nowhere", code=Exit.REFUSED)["status"] == 404
