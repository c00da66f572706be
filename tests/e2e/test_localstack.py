"""LocalStack without Docker, by itself: functions are processes that fail as on Lambda, and that end with it."""

import io
import json
import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from infra.local.localstack import LocalStack
from infra.local.ports import LOOPBACK, free_port

VENV = Path(__file__).parents[2] / ".local" / LocalStack.environment_name
ROLE = "arn:aws:iam::000000000000:role/function"
HANDLERS = """
import os, subprocess, sys, time

def echo(event, context):
    print("in the log", event)
    return {"event": event, "name": context.function_name, "stage": os.environ["STAGE"], "pid": os.getpid()}

def greet(event, context):
    import greeting
    return [greeting.TEXT, sys.path[0]]

def fail(event, context):
    raise ValueError("a reason")

def vanish(event, context):
    if event.get("vanish"):
        os._exit(3)
    return os.getpid()

def linger(event, context):
    child = subprocess.Popen(["sleep", "600"])
    print("processes", os.getpid(), child.pid, flush=True)
    time.sleep(event["seconds"])
    return os.getpid()

def swallow(event, context):
    held = b'x' * 400 * 2**20
    time.sleep(5 if held else 0)

def speak(event, context):
    return "x" * event["characters"]
"""


@pytest.fixture(scope="module")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("localstack"), free_port(), VENV) as emulator:
        yield emulator


def zipped(name: str, content: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return memory.getvalue()


def make(emulator: LocalStack, handler: str, **settings: Any) -> str:
    functions = emulator.target.client("lambda")
    name = f"{handler}-{uuid4().hex}"
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=ROLE,
        Handler=f"handlers.{handler}",
        Code={"ZipFile": zipped("handlers.py", HANDLERS)},
        Environment={"Variables": {"STAGE": "test"}},
        **{"Timeout": 20, **settings},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return name


def invoke(emulator: LocalStack, function: str, event: Any) -> tuple[str | None, Any]:
    """Call a function; give how it failed, if it did, and its answer or error."""
    answer = emulator.target.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.load(answer["Payload"])


def test_a_function_answers_with_its_variables_and_its_log_is_kept(localstack: LocalStack) -> None:
    function = make(localstack, "echo")
    failed, answer = invoke(localstack, function, {"a": "ñ"})
    assert failed is None
    assert (answer["event"], answer["name"], answer["stage"]) == ({"a": "ñ"}, function, "test")
    assert invoke(localstack, function, {})[1]["pid"] == answer["pid"]
    deadline = time.monotonic() + 20
    while "in the log {'a': 'ñ'}" not in log_of(localstack, function):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def log_of(emulator: LocalStack, function: str) -> list[str]:
    logs = emulator.target.client("logs")
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"].strip() for event in events]


def test_layers_are_on_the_path_behind_the_code(localstack: LocalStack) -> None:
    content = zipped("python/greeting.py", "TEXT = 'from the layer'")
    layer = localstack.target.client("lambda").publish_layer_version(LayerName="greeting", Content={"ZipFile": content})
    function = make(localstack, "greet", Layers=[layer["LayerVersionArn"]])
    failed, (text, first) = invoke(localstack, function, {})
    assert (failed, text) == (None, "from the layer")
    assert first.endswith("/code")


def test_an_exception_is_the_functions_error(localstack: LocalStack) -> None:
    failed, error = invoke(localstack, make(localstack, "fail"), {})
    assert failed == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "a reason")


def test_a_handler_that_is_not_there_is_told(localstack: LocalStack) -> None:
    function = make(localstack, "missing")
    failed, error = invoke(localstack, function, {})
    assert failed == "Unhandled"
    assert error["errorType"] == "Runtime.HandlerNotFound"
    assert f"{function} did not start" in localstack.log.read_text()


def test_a_process_that_ends_is_an_error_and_the_next_call_has_another(localstack: LocalStack) -> None:
    function = make(localstack, "vanish")
    _, first = invoke(localstack, function, {})
    failed, error = invoke(localstack, function, {"vanish": True})
    assert failed == "Unhandled"
    assert error["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in error["errorMessage"]
    failed, second = invoke(localstack, function, {})
    assert (failed, second != first) == (None, True)


def test_one_that_takes_too_long_is_ended_with_all_it_started(localstack: LocalStack) -> None:
    function = make(localstack, "linger", Timeout=2)
    begun = time.monotonic()
    failed, error = invoke(localstack, function, {"seconds": 60})
    assert time.monotonic() - begun < 15
    assert failed == "Unhandled"
    assert error["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 2.00 seconds" in error["errorMessage"]
    assert not [each for each in processes(localstack) if "sleep" in each.name()]


def test_one_that_takes_too_much_memory_is_ended(localstack: LocalStack) -> None:
    function = make(localstack, "swallow", MemorySize=256)
    failed, error = invoke(localstack, function, {})
    assert failed == "Unhandled"
    assert error["errorType"] == "Runtime.OutOfMemory"


def test_a_big_answer_comes_through_and_one_over_lambdas_limit_does_not(localstack: LocalStack) -> None:
    function = make(localstack, "speak", MemorySize=512)
    failed, answer = invoke(localstack, function, {"characters": 5_000_000})
    assert (failed, len(answer)) == (None, 5_000_000)
    failed, error = invoke(localstack, function, {"characters": 7_000_000})
    assert failed == "Unhandled"
    assert error["errorType"] == "Function.ResponseSizeTooLarge"


def test_calls_at_once_have_a_process_each(localstack: LocalStack) -> None:
    function = make(localstack, "linger")
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: invoke(localstack, function, {"seconds": 3}), range(3)))
    assert [failed for failed, _ in answers] == [None] * 3
    assert len({pid for _, pid in answers}) == 3


def test_dynamodb_loses_no_update_of_many_at_once(localstack: LocalStack) -> None:
    table = {
        "TableName": "counters",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    dynamodb = localstack.target.client("dynamodb")
    dynamodb.create_table(**table)
    key = {"TableName": "counters", "Key": {"id": {"S": "a"}}}

    def add(_: int) -> None:
        values = {":one": {"N": "1"}}
        dynamodb.update_item(**key, UpdateExpression="ADD hits :one", ExpressionAttributeValues=values)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(200)))
    assert dynamodb.get_item(**key)["Item"]["hits"] == {"N": "200"}


def test_it_listens_on_loopback_alone(localstack: LocalStack) -> None:
    listening = {
        connection.laddr.ip
        for each in [psutil.Process(localstack.pid), *processes(localstack)]
        for connection in each.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {LOOPBACK}


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_no_function_outlives_it(tmp_path: Path, end: str, gone: Callable[[psutil.Process], bool]) -> None:
    emulator = LocalStack(tmp_path / "emulator", free_port(), VENV)
    with emulator:
        function = make(emulator, "linger", Timeout=300)
        emulator.target.client("lambda").invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps({"seconds": 200})
        )
        deadline = time.monotonic() + 30
        busy: list[psutil.Process] = []
        while "sleep" not in [each.name() for each in busy]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            busy = processes(emulator)
        if end == "kill":
            assert emulator.pid is not None
            os.kill(emulator.pid, signal.SIGKILL)
            assert all(gone(each) for each in busy)
    assert all(gone(each) for each in busy)
    assert not (tmp_path / "emulator" / "tmp").exists()
    if end == "stop":  # it keeps nothing, and so begins with nothing
        with emulator:
            assert emulator.target.client("lambda").list_functions()["Functions"] == []


def processes(emulator: LocalStack) -> list[psutil.Process]:
    """The processes of the emulator's functions, and what they started."""
    found: list[psutil.Process] = psutil.Process(emulator.pid).children(recursive=True)
    return found
