"""What commands ask of the API and what they make of its answers, against a small server."""

import json
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

    def command(*arguments: object, typed: str | None = None) -> Any:
        words = [str(each) for each in arguments]
        return CliRunner(env=environment).invoke(app, words, input=typed, catch_exceptions=False)

    return command


def sent(server: Server, asked: str) -> list[Any]:
    """The bodies of all requests of this kind."""
    return [json.loads(body) for each, _, body in server.asked if each == asked]


def restored(backup: str, dry_run: bool) -> dict[str, Any]:
    counts = {"rows": 2, "inserted": 1, "updated": 0, "deleted": 0, "unchanged": 1}
    result = {"dry_run": dry_run, "tables": [{"table": "jobs", "backup": backup, **counts}]}
    return {"id": "r1", "kind": "restore", "state": "succeeded", "result": result}


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
