"""A function as a process: started, given one invocation at a time, ended when it takes too long or too much memory."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import psutil

from .runtime_api import Invocation, Outcome, RuntimeApi

MODULE = "decant_localstack.bootstrap"
# How often a running function's memory is looked at.
LOOK_SECONDS = 0.25
ANSWER_LIMIT = 6 * 2**20 + 100


@dataclass(frozen=True)
class Function:
    """What runs: `python` is the interpreter, `code` the folder of the package, `layers` those of the layers."""

    python: Path
    handler: str
    code: Path
    memory_bytes: int
    layers: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


class Sandbox:
    """One process of a function, with a temporary folder of its own. All that it prints goes into the file `log`."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._folder = Path(tempfile.mkdtemp(prefix="function-"))
        self.log = self._folder / "log"
        self._api = RuntimeApi()
        (self._folder / "tmp").mkdir()
        with self.log.open("ab") as log:
            # In a session of its own, so that what it starts ends with it. The pipe to its standard input is never
            # written to: it closes when this process ends.
            self._process = subprocess.Popen(
                [str(function.python), "-m", MODULE, function.handler, *map(str, function.layers)],
                cwd=function.code,
                env=self._variables(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._watch = Thread(target=self._tell_end, name="function-end", daemon=True)
        self._watch.start()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def wait_until_started(self) -> Outcome | None:
        """Wait until the function asks for work; give the error when it could not begin."""
        return self._api.started.result()

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run the function once; a failure of any kind is an outcome, as Lambda tells it."""
        outcome = self._api.hand_out(invocation)
        if not self.alive:
            self._api.end(self._ended())
        deadline = time.monotonic() + invocation.seconds
        while not _wait(outcome, min(LOOK_SECONDS, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                self._api.end(_timed_out(invocation))
                self.stop()
            elif self._memory() > self._function.memory_bytes:
                self._api.end(_error("Runtime.OutOfMemory", "Error: Runtime exited with error: signal: killed"))
                self.stop()
        given = outcome.result()
        if not given.is_error and len(given.payload) > ANSWER_LIMIT:
            size = f"Response payload size ({len(given.payload)} bytes) exceeded maximum allowed payload size"
            return _error("Function.ResponseSizeTooLarge", f"{size} (6291556 bytes).")
        return given

    def stop(self) -> None:
        """End the process and all that it started; nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._watch.join()

    def close(self) -> None:
        """End the process and delete what it left."""
        self.stop()
        self._api.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _variables(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            **self._function.variables,
            "HOME": str(self._folder / "tmp"),
            "TMPDIR": str(self._folder / "tmp"),
            "LAMBDA_TASK_ROOT": str(self._function.code),
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
        }

    def _tell_end(self) -> None:
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._api.end(self._ended())

    def _ended(self) -> Outcome:
        status = self._process.returncode
        how = f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        return _error("Runtime.ExitError", f"Error: Runtime exited with error: {how}")

    def _memory(self) -> int:
        try:
            size: int = psutil.Process(self._process.pid).memory_info().rss
        except psutil.NoSuchProcess:
            return 0
        return size


def _wait(outcome: Future[Outcome], seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        outcome.result(max(seconds, 0))
    return outcome.done()


def _timed_out(invocation: Invocation) -> Outcome:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return _error("Sandbox.Timedout", f"{moment} {invocation.id} Task timed out after {invocation.seconds:.2f} seconds")


def _error(kind: str, message: str) -> Outcome:
    return Outcome(json.dumps({"errorType": kind, "errorMessage": message}).encode(), is_error=True)
