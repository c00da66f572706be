"""The command line without a stack: its commands, its exit codes, what it says when something is wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.package import load_dictionary, parse_dictionary
from chalicelib.settings import PACKAGED_DICTIONARY
from decant import show
from decant.checking import check_files
from decant.commands import app
from decant.exits import MEANINGS, Exit
from decant.failures import CommandError
from decant.made_up import MadeUp, text_of
from decant.reference import commands, markdown
from sample_data.workbook import workbook_bytes
from tests.other_dictionary import OTHER
from tests.packages import package

ROOT = Path(__file__).parents[2]
COMMANDS = dict(commands())
MANY_KINDS: list[dict[str, Any]] = [
    {"name": "few", "type": "integer", "constraints": {"required": True, "minimum": 3, "maximum": 5}},
    {"name": "price", "type": "number", "precision": 9, "scale": 2, "constraints": {"required": True, "minimum": 1}},
    {"name": "kind", "type": "string", "constraints": {"required": True, "enum": ["a", "b"]}},
    {"name": "name", "type": "string", "constraints": {"required": True, "minLength": 20, "maxLength": 24}},
    {"name": "code", "type": "string", "constraints": {"pattern": "[a-z]"}},
    {"name": "good", "type": "boolean", "constraints": {"required": True}},
    {"name": "day", "type": "date", "constraints": {"required": True, "maximum": "2020-01-01"}},
    {"name": "moment", "type": "datetime", "constraints": {"required": True}},
]


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run a command where no stack is, and nothing of the environment says where one would be."""
    environment = {"DECANT_FOLDER": str(tmp_path / "none"), "DECANT_URL": "", "DECANT_TOKEN": "", "COLUMNS": "80"}

    def command(*arguments: str, **more: str) -> Any:
        return CliRunner(env={**environment, **more}).invoke(app, arguments, catch_exceptions=False)

    return command


def test_the_reference_is_fresh() -> None:
    written = (ROOT / "docs" / "reference" / "cli.md").read_text()
    assert written == markdown(), "write it again: python -m decant.reference docs/reference/cli.md"


@pytest.mark.parametrize(
    "words", [("decant.reference", "cli.md"), ("infra.reference", ".")], ids=lambda words: words[0]
)
def test_the_reference_is_written_alike_whatever_the_locale(tmp_path: Path, words: tuple[str, str]) -> None:
    plain = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    module, name = words
    subprocess.run([sys.executable, "-m", module, tmp_path / name], cwd=ROOT, env=plain, check=True)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written
    assert written == {name: (ROOT / "docs" / "reference" / name).read_bytes() for name in written}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_tells_what_it_does_and_what_each_of_its_options_means(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert command.help[0].isupper()
    for each in command.params:
        assert each.help or each.param_type_name == "argument", each.name
    options = {option for each in command.params for option in each.opts}
    assert "--json" in options


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_terminal(run: Any, name: str) -> None:
    told = run(*name.split()[1:], "--help")
    assert told.exit_code == Exit.DONE
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_every_exit_code_has_its_meaning_in_the_help(run: Any) -> None:
    told = " ".join(run("--help").stdout.split())
    assert all(f"{code.value} {meaning}" in told for code, meaning in MEANINGS.items())
    assert set(MEANINGS) == set(Exit)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["runs"], Exit.UNREACHABLE),
        (["dead-letters"], Exit.UNREACHABLE),
        (["runs", "--url", "http://127.0.0.1:9/api"], Exit.UNREACHABLE),
        (["status", "--url", "http://127.0.0.1:9/api"], Exit.UNREACHABLE),
        (["runs", "--url", "http://example.org/api"], Exit.USAGE),
        (["runs", "--url", "ftp://example.org/api"], Exit.USAGE),
        (["runs", "--limit", "none"], Exit.USAGE),
        (["nonsense"], Exit.USAGE),
        (["load", "nowhere.csv"], Exit.USAGE),
        (["check", "nowhere.csv"], Exit.USAGE),
        (["restore"], Exit.USAGE),
        (["restore", "jobs", "--all"], Exit.USAGE),
        (["restore", "jobs", "--backup", "a", "--as-of", "b"], Exit.USAGE),
        (["metrics", "--csv"], Exit.USAGE),
        (["rows", "jobs", "id"], Exit.USAGE),
        (["reset"], Exit.USAGE),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(int(value)),
)
def test_a_command_that_can_not_be_says_why_and_how_it_ended(run: Any, arguments: list[str], code: Exit) -> None:
    ended = run(*arguments)
    assert ended.exit_code == code
    assert ended.stdout == "" or arguments[0] == "status"
    assert ended.stderr or arguments[0] == "status"


def test_an_error_is_json_for_programs_and_words_for_people(run: Any) -> None:
    ended = run("runs", "--json")
    error = json.loads(ended.stdout)["error"]
    assert error["code"] == "no-stack"
    assert "decant up" in error["hint"]
    assert ended.stderr == f"decant: {error['detail']}\n→ {error['hint']}\n"


class TestCheck:
    def test_a_good_file(self, run: Any) -> None:
        ended = run("check", "--json", str(ROOT / "sample_data" / "departments.csv"))
        assert ended.exit_code == Exit.DONE
        [report] = json.loads(ended.stdout)["files"]
        assert (report["table"], report["read"], report["accepted"], report["rejected"]) == ("departments", 12, 12, 0)
        assert report["unchecked"] == ["keys that departments has already"]

    def test_a_bad_one_in_words_and_as_json(self, run: Any, tmp_path: Path) -> None:
        file = tmp_path / "jobs-new.csv"
        file.write_text("1,Clerk\n,Nobody\n")
        words, document = run("check", str(file)), run("check", "--json", str(file))
        assert words.exit_code == document.exit_code == Exit.REJECTED
        assert "id is required, and blank here" in words.stdout
        assert "keys that jobs has already" in words.stderr
        [report] = json.loads(document.stdout)["files"]
        assert [(row["row"], row["reasons"][0]["code"]) for row in report["rejections"]] == [(2, "constraint-error")]

    def test_parents_beside_it_serve_and_others_are_named(self, run: Any, tmp_path: Path) -> None:
        child, departments = tmp_path / "hired_employees.csv", tmp_path / "departments.csv"
        departments.write_text("1,Sales\n2,\n")
        child.write_text("".join(f"{n},A,2021-01-01T00:00:00Z,{n},77\n" for n in (1, 2, 3)))
        reports = json.loads(run("check", "--json", str(child), str(departments)).stdout)["files"]
        assert [report["table"] for report in reports] == ["departments", "hired_employees"]
        # The department of the second is there, and no good row.
        assert [row["row"] for row in reports[1]["rejections"]] == [2, 3]
        assert reports[1]["unchecked"] == ["keys that hired_employees has already", "references to jobs"]
        empty = json.loads(run("check", "--json", "--empty", str(child), str(departments)).stdout)["files"]
        assert [row["row"] for row in empty[1]["rejections"]] == [1, 2, 3]
        assert empty[1]["unchecked"] == []

    def test_a_parent_that_can_not_be_read_is_no_reason_against_its_children(self, run: Any, tmp_path: Path) -> None:
        (tmp_path / "departments.csv").write_text("")
        (tmp_path / "hired_employees.csv").write_text("1,A,2021-01-01T00:00:00Z,1,1\n")
        ended = run("check", "--json", str(tmp_path))
        reports = json.loads(ended.stdout)["files"]
        assert ended.exit_code == Exit.REJECTED
        assert [report["error"] and report["error"]["code"] for report in reports] == ["empty-file", None]
        assert reports[1]["rejected"] == 0

    def test_too_many_bad_rows(self, run: Any, tmp_path: Path) -> None:
        file = tmp_path / "jobs.csv"
        file.write_text("1,Clerk\n,Nobody\n")
        reports = [
            json.loads(run("check", "--json", "--max-rejected", share, str(file)).stdout)["files"][0]
            for share in ("0.5", "0.4")
        ]
        assert [report["error"] and report["error"]["code"] for report in reports] == [None, "too-many-rejections"]

    def test_another_dictionary_and_a_table_that_the_name_does_not_tell(self, run: Any, tmp_path: Path) -> None:
        dictionary, file = tmp_path / "library.json", tmp_path / "june.xlsx"
        dictionary.write_text(json.dumps(OTHER))
        file.write_bytes(workbook_bytes({"Sheet1": [["AA01", "north", None, True], ["BB01", "west", None, True]]}))
        command = ["check", "--json", "--dictionary", str(dictionary), str(file)]
        assert json.loads(run(*command).stdout)["files"][0]["error"]["code"] == "unknown-table"
        [report] = json.loads(run(*command, "--table", "branches").stdout)["files"]
        assert [row["reasons"][0]["column"] for row in report["rejections"]] == ["region"]


class TestMadeUpRows:
    def test_good_ones_are_good_whatever_the_columns(self, tmp_path: Path) -> None:
        dictionary = parse_dictionary(package(MANY_KINDS))
        made = MadeUp(dictionary, 700)
        [table] = dictionary.tables
        _write(tmp_path / "things.csv", dictionary, "things", [*made.good(table, 12), *made.good(table, 3)])
        [report] = check_files(dictionary, [tmp_path / "things.csv"], empty=True)
        assert (report.read, report.rejected) == (15, [])

    def test_each_bad_one_has_its_fault_and_no_other(self, tmp_path: Path) -> None:
        dictionary = load_dictionary(PACKAGED_DICTIONARY)
        made = MadeUp(dictionary, 5_000)
        bad = {}
        for table in dictionary.tables:
            rows = [*made.good(table, 4)]
            bad[table.name] = made.bad(table)
            _write(
                tmp_path / f"{table.name}.csv", dictionary, table.name, [*rows, *(each.row for each in bad[table.name])]
            )
        for report in check_files(dictionary, tmp_path.iterdir(), empty=True):
            found = [(row.row, [(each.column, each.code) for each in row.reasons]) for row in report.rejected]
            due = [(number, [(each.column, each.code)]) for number, each in enumerate(bad[str(report.table)], start=5)]
            assert found == due
        assert {each.code for rows in bad.values() for each in rows} == {
            "constraint-error", "foreign-key", "primary-key", "type-error"
        }  # fmt: skip

    def test_what_nobody_can_make_up_is_told(self) -> None:
        dictionary = parse_dictionary(OTHER)
        with pytest.raises(CommandError, match=r"branches\.code"):
            MadeUp(dictionary, 1).good(dictionary.table("branches"), 1)


def _write(file: Path, dictionary: Dictionary, table: str, rows: list[Any]) -> None:
    names = dictionary.table(table).column_names
    file.write_text("".join(",".join(text_of(row[name]) for name in names) + "\n" for row in rows))


def test_what_cells_hold_tells_the_terminal_nothing(run: Any, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("\x1b[31mred,[bold]Clerk[/bold]\n")
    told = run("check", str(tmp_path / "jobs.csv"), TERM="xterm-256color", FORCE_COLOR="1").stdout
    assert r"\x1b[31mred" in told
    assert "\x1b[31mred" not in told


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}], ids=str)
def test_nothing_is_coloured_where_nobody_wants_it(run: Any, variables: dict[str, str]) -> None:
    told = run("check", str(ROOT / "sample_data" / "dirty" / "jobs-integers.csv"), **variables)
    assert not re.search("\x1b", told.stdout + told.stderr)


def test_a_narrow_terminal_gets_lines(run: Any) -> None:
    told = run("check", str(ROOT / "sample_data" / "dirty" / "jobs-quoted.csv"), COLUMNS="40")
    assert "what is wrong: " in told.stdout


def test_sizes_are_told_as_people_read_them() -> None:
    assert [show.size(each) for each in (537, 30_500, 52 * 1024 * 1024)] == ["537 B", "30 KB", "52 MB"]
