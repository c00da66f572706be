"""What commands ask of the API and what they make of its answers, against a small server."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from decant.commands import app
from decant.commands import files as watching
from decant.exits import Exit
from tests.unit.conftest import Server

UPLOAD: dict[str, Any] = {"fields": {}, "max_bytes": 20}
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

    def test_tells_what_was_done_to_columns(self, server: Server, decant: Any) -> None:
        run = restored("shown", True)
        run["result"]["tables"][0]["notes"] = ["The column paid is newer than the backup: it is blank in every row."]
        server.answer("POST /api/tables/jobs/restores", body=run)
        ended = decant("restore", "jobs", "--dry-run")
        assert "jobs: The column paid is newer than the backup: it is blank in every row." in ended.output


class TestYes:
    """What can't be taken back takes a word of a person's; without it nothing is done."""

    @pytest.fixture(autouse=True)
    def compared(self, server: Server) -> None:
        server.answer("POST /api/tables/jobs/restores", body=restored("shown", True))

    @pytest.mark.parametrize("typed", ["no\n", "\n", ""], ids=["another word", "an empty line", "end of input"])
    def test_that_is_not_said(self, server: Server, decant: Any, typed: str) -> None:
        ended = decant("restore", "jobs", typed=typed)
        assert (ended.exit_code, "Nothing was done." in ended.stderr) == (Exit.REFUSED, True)
        assert len(server.asked) == 1

    def test_that_is_interrupted(self, server: Server, decant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_arguments: Any) -> str:
            raise KeyboardInterrupt

        monkeypatch.setattr("builtins.input", interrupted)
        assert decant("restore", "jobs").exit_code == Exit.INTERRUPTED
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, Exit.REFUSED), (401, Exit.NOT_ALLOWED), (403, Exit.NOT_ALLOWED), (404, Exit.REFUSED),
     (500, Exit.UNREACHABLE), (503, Exit.UNREACHABLE)],
)  # fmt: skip
def test_get_and_post_end_as_every_command_does(server: Server, decant: Any, status: int, code: Exit) -> None:
    for method in ("GET", "POST"):
        server.problem(f"{method} /api/x", status, "so")
        ended = decant(method.lower(), "/x", "--json")
        assert (ended.exit_code, json.loads(ended.stdout)["detail"]) == (code, "So it is.")


def test_a_batch_of_which_nothing_went_in_is_one_whose_rows_were_rejected(server: Server, decant: Any) -> None:
    server.answer("POST /api/x", 422, {"inserted": 0}, **{"Content-Type": "application/json"})
    assert decant("post", "/x", "[{}]").exit_code == Exit.REJECTED


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


class TestLoad:
    """One file's fault is not another's, and what was sent is told however the command ends."""

    @pytest.fixture(autouse=True)
    def api(self, server: Server) -> None:
        server.answer("GET /api/tables", body={"tables": [{"name": "jobs"}]})
        form = {**UPLOAD, "url": f"{server.url}/bucket"}
        server.answer("POST /api/uploads", body={**form, "run": "r1"})
        server.answer("POST /api/uploads", body={**form, "run": "r2"})
        server.answer("GET /api/runs/r1", body=run_of("r1", rejected=0))
        server.answer("GET /api/runs/r2", body=run_of("r2", rejected=0))

    @pytest.fixture
    def files(self, tmp_path: Path) -> list[Path]:
        files = [tmp_path / name for name in ("jobs-a.csv", "jobs-b.csv")]
        for file in files:
            file.write_text("1,Clerk\n")
        return files

    def test_of_one_too_big_file_loads_the_others(self, server: Server, decant: Any, files: list[Path]) -> None:
        server.answer("POST /bucket", 204, b"")
        files[0].write_text("1,Clerk of the works\n")
        ended = decant("load", *files, "--json")
        document = json.loads(ended.stdout)
        assert ended.exit_code == Exit.REFUSED
        assert [run["id"] for run in document["runs"]] == ["r2"]
        [refused] = document["refused"]
        assert (refused["file"], refused["error"]["code"]) == ("jobs-a.csv", "file-too-large")

    def test_of_one_unreadable_file_loads_the_others(
        self, server: Server, decant: Any, files: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = Path.open

        def open_file(path: Path, *how: Any, **more: Any) -> Any:
            if path == files[1]:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return opened(path, *how, **more)

        monkeypatch.setattr(Path, "open", open_file)
        server.answer("POST /bucket", 204, b"")
        ended = decant("load", *files, "--json")
        document = json.loads(ended.stdout)
        assert ended.exit_code == Exit.USAGE
        assert [run["id"] for run in document["runs"]] == ["r1"]
        assert document["refused"][0]["error"]["detail"] == f"{files[1]}: Permission denied."

    def test_that_breaks_off_tells_the_runs_of_what_was_sent(
        self, server: Server, decant: Any, files: list[Path]
    ) -> None:
        server.answer("POST /bucket", 204, b"")
        server.answers["POST /api/uploads"].pop()
        server.problem("POST /api/uploads", 503, "unavailable")
        ended = decant("load", *files, "--json")
        assert ended.exit_code == Exit.UNREACHABLE
        assert json.loads(ended.stdout)["error"]["before"] == [{"file": "jobs-a.csv", "run": "r1"}]
        assert "file: jobs-a.csv; run: r1" in ended.stderr

    def test_of_a_folder_goes_on_watching_whatever_goes_wrong(
        self, server: Server, decant: Any, files: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        state, looks = watching._state, iter([FileNotFoundError(errno.ENOENT, "No such file", "gone.csv")])
        pauses = iter(range(4))

        def look(path: Path) -> Any:
            for error in looks:
                raise error
            return state(path)

        def pause(_seconds: float) -> None:
            if next(pauses, None) is None:
                raise KeyboardInterrupt

        monkeypatch.setattr(watching, "_state", look)
        monkeypatch.setattr("time.sleep", pause)
        ready = server.answers.pop("GET /api/tables")
        server.problem("GET /api/tables", 403, "forbidden")
        server.answers["GET /api/tables"].extend(ready)
        server.answer("POST /bucket", 204, b"")
        files[0].write_text("1,Clerk of the works\n")
        ended = decant("load", "--watch", files[0].parent)
        assert ended.exit_code == Exit.REFUSED
        assert [told in ended.stderr for told in ("gone.csv: No such file", "So it is.")] == [True, True]
        assert "jobs-a.csv was not sent" in ended.stdout
        assert "jobs-b.csv" in ended.stdout


def rejected(*rows: tuple[str, int]) -> dict[str, Any]:
    """A page of rejected rows, tables and numbers, that wait to be corrected."""
    return {"rejections": [{"table": table, "row": row, "corrected_by": None} for table, row in rows], "next": None}


class TestRejectionsAsAFile:
    @pytest.fixture
    def came(self, server: Server) -> Any:
        """Say under which name the API gives the file."""
        server.answer("GET /api/runs/r1", body=run_of())
        server.answer("GET /bucket/x", body=b"new")

        def say(filename: str) -> None:
            told = {"url": f"{server.url}/bucket/x", "filename": filename, "note": None}
            for form in ("xlsx", "csv"):
                server.answer(f"GET /api/runs/r1/rejections?format={form}&redirect=false", body=told)

        return say

    @pytest.mark.parametrize("form", ["xlsx", "csv"])
    def test_has_the_name_that_was_given(self, decant: Any, came: Any, tmp_path: Path, form: str) -> None:
        came(f"jobs-rejected.{form}")
        other = tmp_path / f"my.{form}"
        other.write_text("mine")
        told = json.loads(decant("rejections", "r1", f"--{form}", tmp_path / "my.report", "--json").stdout)
        assert told["file"] == str(tmp_path / "my.report")
        assert ((tmp_path / "my.report").read_text(), other.read_text()) == ("new", "mine")

    def test_of_another_kind_is_named_so_and_takes_no_file_s_place(
        self, decant: Any, came: Any, tmp_path: Path
    ) -> None:
        came("jobs-rejected.csv")
        for code in (Exit.DONE, Exit.USAGE):
            ended = decant("rejections", "r1", "--xlsx", tmp_path / "june.xlsx")
            assert ended.exit_code == code
            file = tmp_path / "june.xlsx.csv"
            assert (file.read_text(), str(file) in ended.stdout + ended.stderr) == ("new", True)
            file.write_text("new")
        assert [each.name for each in tmp_path.iterdir()] == ["june.xlsx.csv"]


class TestFix:
    WAITING = "GET /api/runs/r1/rejections?limit=1000"

    @pytest.fixture
    def corrected(self, tmp_path: Path) -> Path:
        file = tmp_path / "corrected.xlsx"
        file.write_bytes(b"PK")
        return file

    def test_last_is_the_newest_run_that_loads_rows(self, server: Server, decant: Any) -> None:
        listed = [run_of("r3", kind="backup", table=None), run_of("r2", kind="restore"), run_of("r1", kind="batch")]
        server.answer("GET /api/runs?limit=20", body={"runs": listed, "next": None})
        server.answer("GET /api/runs/r1/reasons", body={"reasons": []})
        assert json.loads(decant("run", "last", "--json").stdout)["id"] == "r1"

    @pytest.mark.parametrize(
        ("run", "told"),
        [
            (run_of(kind="backup", table=None), "is a backup"),
            (run_of(kind="load", state="running"), "is running"),
            (run_of(kind="load", table=None), "No row of the run r1 waits"),
        ],
    )
    def test_what_can_not_be_corrected_is_refused_in_words(
        self, server: Server, decant: Any, corrected: Path, run: dict[str, Any], told: str
    ) -> None:
        server.answer("GET /api/runs/r1", body=run)
        server.answer(self.WAITING, body=rejected())
        ended = decant("fix", "r1", corrected)
        assert (ended.exit_code, told in ended.stderr) == (Exit.REFUSED, True)

    def test_a_file_of_several_tables_tells_the_run_of_each(self, server: Server, decant: Any, corrected: Path) -> None:
        self.several(server)
        server.answer("GET /api/runs/r2", body=run_of("r2", state="failed", error={"detail": "No such sheet."}))
        server.answer("GET /api/runs/r3", body=run_of("r3", table="plants"))
        ended = decant("fix", "r1", corrected, "--json")
        document = json.loads(ended.stdout)
        assert ended.exit_code == Exit.REJECTED
        assert [(run["id"], run["state"]) for run in document["runs"]] == [("r2", "failed"), ("r3", "succeeded")]
        assert (document["id"], document["read"], document["inserted"]) == ("r2", 4, 2)
        server.answers["POST /api/uploads"].clear()
        self.several(server)
        words = decant("fix", "r1", corrected).stdout
        assert all(told in words for told in ("4 rows read", "Run r2", "No such sheet.", "Run r3", "rejections r3"))

    def test_a_run_that_failed_is_not_taken_for_a_file_without_numbers(
        self, server: Server, decant: Any, corrected: Path
    ) -> None:
        self.several(server)
        failed = run_of("r2", state="failed", error={"detail": "No such sheet."}, rejected=0)
        server.answer("GET /api/runs/r2", body=failed)
        words = decant("fix", "r1", corrected, "--table", "jobs").stdout
        assert ("No such sheet." in words, "has no numbers" in words) == (True, False)

    def test_a_later_table_that_breaks_off_leaves_the_run_of_the_first_told(
        self, server: Server, decant: Any, corrected: Path
    ) -> None:
        self.several(server)
        server.answers["POST /api/uploads"].pop()
        server.problem("POST /api/uploads", 409, "conflict")
        ended = decant("fix", "r1", corrected, "--json")
        assert ended.exit_code == Exit.REFUSED
        [before] = json.loads(ended.stdout)["error"]["before"]
        assert (before["file"], before["run"]) == ("corrected.xlsx (jobs)", "r2")

    def test_many_rows_go_in_parts_and_each_is_told_though_a_later_one_fails(
        self, server: Server, decant: Any, tmp_path: Path
    ) -> None:
        file, asked = tmp_path / "corrected.json", "POST /api/runs/r1/replay"
        file.write_text(json.dumps([{"row": str(number)} for number in range(1500)]))
        server.answer("GET /api/runs/r1", body=run_of())
        server.answer(self.WAITING, body=rejected(("jobs", 1)))
        server.answer(asked, 207, {"run": "r2", **COUNTS, "rejections": []})
        server.answer(asked, 201, {"run": "r3", **COUNTS, "rejected": 0, "rejections": []})
        document = json.loads(decant("fix", "r1", file, "--json").stdout)
        assert [run["id"] for run in document["runs"]] == ["r2", "r3"]
        assert (document["read"], document["rejected"]) == (4, 1)
        assert [len(each) for each in sent(server, asked)] == [1000, 500]
        server.answers[asked].clear()
        server.answer(asked, 207, {"run": "r4", **COUNTS, "rejections": []})
        server.problem(asked, 422, "unprocessable")
        error = json.loads(decant("fix", "r1", file, "--json").stdout)["error"]
        assert error["before"] == [{"run": "r4", **COUNTS}]

    def test_the_table_of_json_is_told_where_the_run_has_several_and_refused_elsewhere(
        self, server: Server, decant: Any, tmp_path: Path
    ) -> None:
        file, asked = tmp_path / "corrected.json", "POST /api/runs/r1/replay"
        file.write_text(json.dumps([{"row": "1"}]))
        server.answer("GET /api/runs/r1", body=run_of(table=None))
        server.answer(self.WAITING, body=rejected(("jobs", 1), ("plants", 1)))
        server.answer(asked, 201, {"run": "r2", **COUNTS, "rejected": 0, "rejections": []})
        assert decant("fix", "r1", file).exit_code == Exit.USAGE
        assert decant("fix", "r1", file, "--table", "jobs").exit_code == Exit.DONE
        assert sent(server, asked) == [{"jobs": [{"row": "1"}]}]
        file.write_text(json.dumps({"jobs": [{"row": "1"}]}))
        assert decant("fix", "r1", file, "--table", "jobs").exit_code == Exit.USAGE
        server.answers["GET /api/runs/r1"].clear()
        server.answer("GET /api/runs/r1", body=run_of(table="plants"))
        ended = decant("fix", "r1", file, "--table", "jobs")
        assert (ended.exit_code, "is of the table plants" in ended.stderr) == (Exit.USAGE, True)

    def several(self, server: Server) -> None:
        """A run of two tables, and what takes a file for each of them."""
        server.answer("GET /api/runs/r1", body=run_of(table=None))
        server.answer(self.WAITING, body=rejected(("jobs", 1), ("plants", 1)))
        for run in ("r2", "r3"):
            server.answer("POST /api/uploads", body={**UPLOAD, "url": f"{server.url}/bucket", "run": run})
        server.answer("POST /bucket", 204, b"")


class TestDeadLetters:
    """What failed for good is told with its reason, and all of it is brought back, however much it is."""

    def test_each_message_is_told_with_its_runs_or_why_it_can_not_be_read(self, server: Server, decant: Any) -> None:
        error = {"code": "unavailable", "detail": "The database can't be reached.", "hint": None}
        run = run_of("r9", state="failed", error=error, ended="2026-11-22T15:55:42.681450Z", source={"key": "a.csv"})
        letter = {"id": "m1", "sent": "2026-11-22T15:55:41Z", "deliveries": 5, "problem": None, "body": "{}"}
        poison = {**letter, "id": "m2", "problem": "It is no JSON.", "body": "nonsense", "runs": []}
        server.answer("GET /api/dead-letters", body={"messages": [{**letter, "runs": [run]}, poison], "more": False})
        told = decant("dead-letters").stdout
        for each in ("load r9 of a.csv: failed since 2026-11-22T15:55:42: The database can't be reached.", "m1",
                     "It is no JSON.", "nonsense", "2 messages are in the dead-letter queue."):  # fmt: skip
            assert each in told

    def test_all_pages_are_brought_back_and_no_page_is_asked_for_in_vain(self, server: Server, decant: Any) -> None:
        asked = "POST /api/dead-letters/redrive"
        for moved, more in ((100, True), (7, True), (0, True)):
            server.answer(asked, body={"redriven": moved, "more": more})
        assert "107 messages are in the work queue again." in decant("redrive", "--run", "r9").stdout
        assert sent(server, asked) == [{"run": "r9"}] * 3

    def test_work_that_is_not_found_among_so_much_is_told_as_such(self, server: Server, decant: Any) -> None:
        server.answer("POST /api/dead-letters/redrive", body={"redriven": 0, "more": True})
        ended = decant("redrive", "--run", "r9")
        assert ended.exit_code == Exit.REJECTED
        assert "r9 was not found" in ended.stderr
        assert "Try again" in ended.stderr
