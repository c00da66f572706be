"""What commands ask of the API and what they make of its answers, against a small server."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from decant.commands import app
from decant.exits import Exit
from tests.unit.conftest import Server

COUNTS = {"read": 2, "inserted": 1, "updated": 0, "unchanged": 0, "rejected": 1}


@pytest.fixture
def decant(server: Server) -> Any:
    """Run a command against the server, on a terminal, at which a person types ``typed``."""
    environment = {"DECANT_URL": f"{server.url}/api", "DECANT_TOKEN": "t", "FORCE_COLOR": "1", "COLUMNS": "200"}

    def command(*arguments: object, typed: str | None = None, **more: str) -> Any:
        words = [str(each) for each in arguments]
        return CliRunner(env={**environment, **more}).invoke(app, words, input=typed, catch_exceptions=False)

    return command


def sent(server: Server, asked: str) -> list[Any]:
    """The bodies of all requests of this kind."""
    return [json.loads(body) for each, _, body in server.asked if each == asked]


def restored(backup: str, dry_run: bool) -> dict[str, Any]:
    counts = {"rows": 2, "inserted": 1, "updated": 0, "deleted": 0, "unchanged": 1}
    result = {"dry_run": dry_run, "tables": [{"table": "jobs", "backup": backup, **counts}]}
    return {"id": "r1", "kind": "restore", "state": "succeeded", "result": result}


def run_of(run_id: str = "r1", **more: Any) -> dict[str, Any]:
    usual = {"id": run_id, "kind": "load", "table": "jobs", "state": "succeeded", "source": None, "error": None}
    return {**usual, "note": None, "result": None, **COUNTS, **more}


class TestRestore:
    """A backup that comes between the comparison and the yes is not the one that is restored."""

    def test_of_a_table_takes_the_backup_that_was_shown(self, server: Server, decant: Any) -> None:
        asked = "POST /api/tables/jobs/restores"
        server.answer(asked, body=restored("shown", True))
        server.answer(asked, body=restored("shown", False))
        ended = decant("restore", "jobs", "--as-of", "2026-11-22T02:30:00Z", typed="jobs\n")
        assert ended.exit_code == Exit.DONE
        assert sent(server, asked) == [
            {"as_of": "2026-11-22T02:30:00Z", "dry_run": True}, {"backup": "shown", "dry_run": False}
        ]  # fmt: skip

    def test_of_all_tables_takes_the_snapshot_that_was_shown(self, server: Server, decant: Any) -> None:
        server.answer("GET /api/backups/shown", body={"id": "shown", "snapshot": "noon"})
        server.answer("POST /api/restores", body=restored("shown", True))
        server.answer("POST /api/restores", body=restored("shown", False))
        assert decant("restore", "--all", typed="all\n").exit_code == Exit.DONE
        assert sent(server, "POST /api/restores") == [{"dry_run": True}, {"snapshot": "noon", "dry_run": False}]


class TestFiles:
    """A file that can't be read or written is a command written wrong; 1 would say that rows were rejected."""

    def test_that_can_not_be_written(self, server: Server, decant: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        server.answer("GET /api/metrics/m?format=csv", body=b"a")
        server.answer("GET /api/runs/r1", body=run_of())
        told = {"url": f"{server.url}/bucket/x", "filename": "jobs.xlsx", "note": None}
        server.answer("GET /api/runs/r1/rejections?format=xlsx&redirect=false", body=told)
        server.answer("GET /bucket/x", body=b"PK")
        for folder in ("none", "file"):
            for words in (["metrics", "m", "--csv", "-o"], ["rejections", "r1", "--xlsx"]):
                ended = decant(*words, tmp_path / folder / "x.xlsx")
                assert ended.exit_code == Exit.USAGE
                assert str(tmp_path / folder) in ended.stderr

    def test_that_can_not_be_read(self, decant: Any, tmp_path: Path) -> None:
        (tmp_path / "stack.json").mkdir()
        ended = decant("tables", DECANT_FOLDER=str(tmp_path))
        assert (ended.exit_code, "stack.json: Is a directory" in ended.stderr) == (Exit.USAGE, True)
