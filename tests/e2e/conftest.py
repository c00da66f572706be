"""A complete stack of its own for the end-to-end tests, brought up by the code of `make up` on free ports.

`stack` is the record that `make up` writes (`infra.local.record.Record`): URLs, names, credentials, `client(service)`.
`call` speaks HTTP with the deployed API. All tests share one stack, so each uses keys and ids of its own.

`-m deployed --emulator=localstack` chooses the tests that ask for it, and LocalStack for them. What that does not
refuse, AWS and MiniStack do; a test of such a refusal is marked `enforced("roles")` or `enforced("authorizers")`, and
skipped where nothing enforces them.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from infra.local.emulator import Emulator
from infra.local.emulators import EMULATORS
from infra.local.record import Record
from infra.local.stack import Stack
from tests.stacks import own_stack

# The origin whose pages may call the API.
PAGE = "https://console.example"
# Work of a worker that was killed comes back soon.
PARAMETERS = {
    "WorkerTimeout": "60",
    "VisibilitySeconds": "65",
    "ParentWaitSeconds": "10",
    "CorsOrigins": PAGE,
    "SplitAboveMegabytes": "8",
    "SplitPartMegabytes": "8",
}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, errors included."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Call = Callable[..., Answer]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for the deployed system, which are run on each emulator."""
    for item in items:
        if "local_stack" in getattr(item, "fixturenames", ()):
            item.add_marker("deployed")


@pytest.fixture(scope="session")
def emulator(request: pytest.FixtureRequest) -> type[Emulator]:
    """The kind of emulator that the stacks of this test run run on."""
    return EMULATORS[request.config.getoption("emulator")]


@pytest.fixture(autouse=True)
def enforced(request: pytest.FixtureRequest, emulator: type[Emulator]) -> None:
    """Skip a test of what this emulator lets pass."""
    for marker in request.node.iter_markers("enforced"):
        lacking = sorted(set(marker.args) - emulator.enforces)
        if lacking:
            pytest.skip(f"{emulator.name} does not enforce {' and '.join(lacking)}")


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory, emulator: type[Emulator]) -> Iterator[Stack]:
    """The running stack itself, for tests of its processes."""
    stack = own_stack(tmp_path_factory.mktemp("stack"), parameters=PARAMETERS, emulator=emulator)
    with stack:
        yield stack
    stack.forget()


@pytest.fixture(scope="session")
def stack(local_stack: Stack) -> Record:
    """What a script needs to use the stack."""
    return Record.read(local_stack.folder)


@pytest.fixture(scope="session")
def call(stack: Record) -> Call:
    """Call the deployed API with the stack's token: call("POST", "/batch", {...}, **{"Idempotency-Key": "k"})."""
    return _caller(stack, stack.authorization())


@pytest.fixture(scope="session")
def stranger(stack: Record) -> Call:
    """Call the deployed API without a token."""
    return _caller(stack, {})


def _caller(stack: Record, own: Mapping[str, str]) -> Call:
    def request(method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {**own, **({"Content-Type": "application/json"} if content is not None else {}), **headers}
        question = urllib.request.Request(stack.api_url + path, data=content, headers=given, method=method)
        try:
            with urllib.request.urlopen(question, timeout=60) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    return request


@pytest.fixture(scope="session")
def gone() -> Callable[[psutil.Process], bool]:
    """Wait for a process to end, a while; tell whether it has."""

    def wait(process: psutil.Process) -> bool:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
            time.sleep(0.05)
        return False

    return wait


@pytest.fixture
def impatient_queue(stack: Record) -> Iterator[None]:
    """Have the queue give out again soon what a worker did not come to an end with."""
    sqs = stack.client("sqs")
    usual = sqs.get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes={"VisibilityTimeout": "15"})
    yield
    sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes=usual)
