"""Lines and metrics: what they name, and that no value of a row, no secret and no token is in one."""

from __future__ import annotations

import copy
import datetime as dt
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pg8000
import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import DecantError, IntegrityViolation, Unavailable
from chalicelib.ports import Counts, Run, RunKind, RunState
from chalicelib.telemetry.context import about, anew, subject
from chalicelib.telemetry.faults import told
from chalicelib.telemetry.invocation import FunctionFailed, observed
from chalicelib.telemetry.lines import JsonLines, configure
from chalicelib.telemetry.metrics import measure, run_ended

CELL = "Añez, 51000 EUR"
NOW = dt.datetime(2026, 11, 22, 2, 20, 45, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What Lambda and the template set; and logging is afterwards as it was before."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "decant-test-worker")
    monkeypatch.setenv("DECANT_STAGE", "test")
    root, ours = logging.getLogger(), logging.getLogger("chalicelib")
    handlers, levels = root.handlers, (root.level, ours.level)
    with anew():  # whatever tests before this one were about
        yield
    logging.captureWarnings(False)
    root.handlers = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@dataclass
class Written:
    """What is written from the beginning on, in a Lambda environment of its own."""

    captured: pytest.CaptureFixture[str]

    def begin(self) -> None:
        """Log as Lambda does when a function begins. pytest's own handlers come and go with a test's body."""
        logging.getLogger().handlers = [logging.StreamHandler(sys.stdout)]  # the runtime's own
        configure()

    def text(self) -> str:
        return self.captured.readouterr().out

    def lines(self) -> list[dict[str, Any]]:
        """The lines, each of which must be JSON."""
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Written:
    return Written(capsys)


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """The error as it is once it was raised."""
    with pytest.raises(type(error)) as found:
        raise error from cause
    return found.value


POSTGRES = pg8000.DatabaseError({
    "S": "ERROR", "C": "23505", "M": f"duplicate key value: {CELL}", "D": f"Key (name)=({CELL}) already exists.",
    "n": "departments_pkey", "t": "departments", "s": "public",
})  # fmt: skip
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": f"no {CELL}"}}, "PutItem")


class TestFaults:
    @pytest.mark.parametrize(
        ("error", "names"),
        [
            (POSTGRES, {"sqlstate": "23505", "constraint": "departments_pkey", "table": "departments",
                        "schema": "public"}),
            (DENIED, {"code": "AccessDenied", "operation": "PutItem"}),
            (IntegrityViolation(CELL, constraint=CELL, sqlstate="23505"), {"code": "integrity-violation"}),
            (Unavailable("The queue is down."), {"code": "unavailable", "detail": "The queue is down."}),
            (ValueError(f"invalid literal: {CELL!r}"), {}),
            (KeyError(CELL), {}),
            (OSError(28, "No space left", CELL), {"errno": 28}),
            (UnicodeEncodeError("ascii", CELL, 1, 2, "no"), {}),
        ],
    )  # fmt: skip
    def test_an_exception_is_told_by_kind_names_and_place_without_a_value(
        self, error: Exception, names: dict[str, Any]
    ) -> None:
        [fault] = told(raised(error))
        assert "Añez" not in json.dumps(fault, ensure_ascii=False)
        assert {name: fault[name] for name in fault.keys() - {"type", "frames"}} == names
        assert fault["type"].endswith(type(error).__name__)
        assert fault["frames"][-1].endswith(" raised")
        assert "test_telemetry.py:" in fault["frames"][-1]

    def test_what_led_to_it_is_told_too(self) -> None:
        error = raised(DecantError(CELL), raised(POSTGRES, raised(ValueError(CELL))))
        assert [fault["type"].rpartition(".")[2] for fault in told(error)] == [
            "DecantError", "DatabaseError", "ValueError",
        ]  # fmt: skip
        assert CELL not in json.dumps(told(error), ensure_ascii=False)

    def test_a_cause_that_was_hidden_on_purpose_stays_hidden(self) -> None:
        error = raised(DecantError("no"))
        error.__context__, error.__suppress_context__ = ValueError(CELL), True
        assert len(told(error)) == 1


class TestLines:
    def test_a_line_of_any_module_is_json_and_names_what_it_is_about(self, written: Written) -> None:
        written.begin()
        with anew(request_id="r-1", principal_id=None):
            about(run_id="run-1")
            logging.getLogger("chalicelib.load.loader").info("%d rows of %s", 3, "jobs")
        [line] = written.lines()
        assert line.pop("timestamp").endswith("+00:00")
        assert line.pop("location").startswith("test_a_line_of_any_module")
        assert line == {
            "level": "INFO", "message": "3 rows of jobs", "logger": "chalicelib.load.loader", "stage": "test",
            "function": "decant-test-worker", "request_id": "r-1", "run_id": "run-1",
        }  # fmt: skip

    def test_the_level_is_for_our_own_lines(self, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DECANT_LOG_LEVEL", "DEBUG")
        written.begin()
        logging.getLogger("chalicelib.x").debug("ours")
        logging.getLogger("botocore.endpoint").debug("the secret is %s", CELL)
        logging.getLogger("botocore.endpoint").warning("theirs")
        assert [line["message"] for line in written.lines()] == ["ours", "theirs"]

    def test_an_exception_in_a_line_holds_no_value(self, written: Written) -> None:
        written.begin()
        error = raised(POSTGRES)
        logging.getLogger("chalicelib.x").error("it failed", exc_info=error, stack_info=True)
        text = written.text()
        [line] = [json.loads(each) for each in text.splitlines()]
        assert "Añez" not in text
        assert line["exception"][0]["sqlstate"] == "23505"
        assert line["exception"][0]["frames"]

    def test_other_handlers_find_the_record_as_it_was(self) -> None:
        record = logging.LogRecord("n", logging.ERROR, "p", 1, "m", (), (ValueError, ValueError(CELL), None))
        before = copy.copy(record.__dict__)
        JsonLines(function="f", stage="s").format(record)
        assert record.__dict__ == before

    def test_lines_can_not_be_forged_by_what_callers_send(self, written: Written) -> None:
        written.begin()
        logging.getLogger("chalicelib.x").warning("GET %r", '/x\n{"level": "INFO"}')
        assert len(written.lines()) == 1

    def test_outside_lambda_logging_is_left_alone(self, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME")
        written.begin()
        logging.getLogger("chalicelib.x").warning("plain")
        assert written.text() == "plain\n"

    def test_it_is_configured_once(self, written: Written) -> None:
        written.begin()
        configure()
        logging.getLogger("chalicelib.x").info("once")
        assert len(written.lines()) == 1


class TestInvocations:
    def test_a_request_goes_by_the_gateway_s_id_and_an_event_by_lambda_s(self) -> None:
        context = SimpleNamespace(aws_request_id="lambda-1")
        request = SimpleNamespace(context={"requestId": "gateway-1"}, lambda_context=context)
        for event, expected in ((request, "gateway-1"), (SimpleNamespace(context=context), "lambda-1")):
            assert observed(event, lambda _: dict(subject())) == {"request_id": expected}
        assert subject() == {}

    def test_nothing_of_one_invocation_is_in_the_next(self) -> None:
        event = SimpleNamespace(context=SimpleNamespace(aws_request_id="1"))
        observed(event, lambda _: about(run_id="first"))
        assert observed(event, lambda _: subject().get("run_id")) is None

    def test_what_leaves_a_failed_function_tells_the_runtime_no_value(self, written: Written) -> None:
        def fail(_: object) -> None:
            raise raised(POSTGRES)

        written.begin()
        with pytest.raises(FunctionFailed, match="at the request 1") as found:
            observed(SimpleNamespace(context=SimpleNamespace(aws_request_id="1")), fail)
        assert found.value.__suppress_context__
        text = written.text()
        assert "Añez" not in text
        [line] = [json.loads(each) for each in text.splitlines()]
        assert (line["level"], line["request_id"]) == ("ERROR", "1")


RUN = Run(
    "run-1", RunKind.LOAD, "jobs", RunState.SUCCEEDED, "digest", counts=Counts(10, 6, 1, 1, 2),
    started=NOW, ended=NOW + dt.timedelta(seconds=2.5),
)  # fmt: skip


class TestMetrics:
    def documents(self, written: Written) -> list[dict[str, Any]]:
        found = []
        for line in written.lines():
            [directive] = line.pop("_aws")["CloudWatchMetrics"]
            assert directive["Namespace"] == "Decant"
            for metric in directive["Metrics"]:
                [line[metric["Name"]]] = line[metric["Name"]]
            found.append({**line, "dimensions": [set(each) for each in directive["Dimensions"]]})
        return found

    def test_a_run_is_measured_by_table_and_kind_and_for_the_stage(self, written: Written) -> None:
        run_ended(RUN)
        [found] = self.documents(written)
        assert found["dimensions"] == [{"stage"}, {"stage", "table", "kind"}]
        assert (found["stage"], found["table"], found["kind"]) == ("test", "jobs", "load")
        expected = {"Runs": 1, "RunsFailed": 0, "Seconds": 2.5, "RowsRead": 10, "RowsInserted": 6, "RowsUpdated": 1,
                    "RowsRejected": 2}  # fmt: skip
        assert {name: found[name] for name in expected} == expected

    def test_a_batch_over_several_tables_is_measured_for_each_and_counted_once(self, written: Written) -> None:
        batch = replace(RUN, kind=RunKind.BATCH, table=None)
        run_ended(batch, {"jobs": Counts(4, 4), "departments": Counts(6, 2, 1, 1, 2)})
        found = {each["table"]: each for each in self.documents(written)}
        assert {table: each.get("RowsRead") for table, each in found.items()} == {
            "jobs": 4, "departments": 6, "several": None,
        }  # fmt: skip
        assert [table for table, each in found.items() if "Runs" in each] == ["several"]

    @pytest.mark.parametrize(
        ("run", "measured"),
        [
            (replace(RUN, kind=RunKind.BACKUP, table=None, counts=Counts(), progress=7, result={"backups": ["a", "b"]}),
             {"BackupsTaken": 2, "RowsSaved": 7, "RunsFailed": 0}),
            (replace(RUN, kind=RunKind.RESTORE), {"RowsRestored": 10, "RunsFailed": 0}),
            (replace(RUN, kind=RunKind.RESTORE, result={"dry_run": True}), {"RunsFailed": 0}),
            (replace(RUN, state=RunState.FAILED, error={"code": "wrong-columns", "detail": CELL}), {"RunsFailed": 1}),
            (replace(RUN, state=RunState.REFUSED), {"RunsFailed": 0}),
        ],
        ids=["backup", "restore", "dry run", "failed", "refused"],
    )  # fmt: skip
    def test_other_runs_are_measured_as_what_they_are(
        self, written: Written, run: Run, measured: dict[str, float]
    ) -> None:
        run_ended(run)
        [found] = self.documents(written)
        assert {name: found[name] for name in measured} == measured
        assert ("RowsRead" in found) == (run.kind is RunKind.LOAD)
        assert CELL not in str(found)

    def test_anything_else_is_measured_by_name(self, written: Written) -> None:
        with anew(request_id="r-1", run_id="run-1"):
            measure("BackupAgeSeconds", 60, "Seconds", table="jobs")
            measure("DrillFailed", 1, "Count")
        aged, failed = self.documents(written)
        assert (aged["BackupAgeSeconds"], aged["table"], aged["dimensions"]) == (
            60,
            "jobs",
            [{"stage"}, {"stage", "table"}],
        )
        assert (failed["DrillFailed"], failed["dimensions"]) == (1, [{"stage"}])
        assert {each: failed[each] for each in ("function", "request_id", "run_id")} == {
            "function": "decant-test-worker", "request_id": "r-1", "run_id": "run-1",
        }  # fmt: skip

    def test_the_end_of_a_run_is_a_line_too(self, written: Written) -> None:
        written.begin()
        run_ended(replace(RUN, error={"code": "wrong-columns", "detail": CELL}, state=RunState.FAILED))
        line = next(each for each in written.lines() if "message" in each)
        assert (line["message"], line["run_id"], line["code"]) == ("load of jobs failed", "run-1", "wrong-columns")
        assert (line["read"], line["rejected"]) == (10, 2)
        assert CELL not in str(line)
