"""LocalStack's executor of Lambda functions as processes; LAMBDA_RUNTIME_EXECUTOR=process chooses it."""

import os
import sys
import time
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from .runtime_api import LOOPBACK, Invocation
from .sandbox import Function, Sandbox


class ProcessExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc] # LocalStack tells no types
    """What LocalStack finds."""

    name = "process"

    def load(self, *_: object, **__: object) -> type[RuntimeExecutor]:
        """Give the executor."""
        return ProcessExecutor


class ProcessExecutor(RuntimeExecutor):  # type: ignore[misc] # LocalStack tells no types
    """One execution environment: LocalStack gives it one invocation at a time, and makes another for one at once."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._variables: dict[str, str] = {}
        self._sandbox: Sandbox | None = None
        self._read = 0

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code and the layers."""
        for archive in (function_version.config.code, *(layer.code for layer in function_version.config.layers)):
            archive.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Leave the code to LocalStack, which deletes it with the function."""

    def start(self, env_vars: dict[str, object]) -> None:
        """Start the function's process. Raises StatusErrorException with the error of one that could not begin."""
        self._variables = {name: str(value) for name, value in env_vars.items()}
        self._start()

    def stop(self) -> None:
        """End the function's process."""
        if self._sandbox is not None:
            self._sandbox.close()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Run the function once, in a new process when the last one has ended."""
        if self._sandbox is None or not self._sandbox.alive:
            self.stop()
            self._start()
        assert self._sandbox is not None  # noqa: S101 - for the type checker
        begun = time.monotonic()
        invocation = Invocation(
            id=payload["invoke-id"],
            function_arn=payload["invoked-function-arn"],
            trace=payload["trace-id"],
            event=payload["payload"].encode(),
            seconds=float(self.function_version.config.timeout),
        )
        outcome = self._sandbox.invoke(invocation)
        lines = [
            f"START RequestId: {invocation.id} Version: {self.function_version.id.qualifier}",
            *self._printed().splitlines(),
            f"END RequestId: {invocation.id}",
            f"REPORT RequestId: {invocation.id}\tDuration: {(time.monotonic() - begun) * 1000:.2f} ms",
        ]
        return InvocationResult(
            invocation.id, outcome.payload, is_error=outcome.is_error, logs="".join(f"{line}\n" for line in lines)
        )

    def get_logs(self) -> str:
        """Give what the process has printed."""
        return self._sandbox.log.read_text(errors="replace") if self._sandbox is not None else ""

    def get_address(self) -> str:
        """Give the address of the process."""
        return LOOPBACK

    def get_endpoint_from_executor(self) -> str:
        """Give LocalStack's address, as the process sees it."""
        return LOOPBACK

    def get_runtime_endpoint(self) -> str:
        """Give LocalStack's URL, as the process sees it."""
        return f"http://{LOOPBACK}:{config.GATEWAY_LISTEN[0].port}"

    def _start(self) -> None:
        of = self.function_version.config
        self._read = 0
        self._sandbox = Sandbox(
            Function(
                python=Path(os.environ.get("LAMBDA_PROCESS_PYTHON") or sys.executable),
                handler=of.handler,
                code=of.code.get_unzipped_code_location(),
                memory_bytes=of.memory_size * 2**20,
                layers=tuple(layer.code.get_unzipped_code_location() for layer in of.layers),
                variables=self._variables,
            )
        )
        failure = self._sandbox.wait_until_started()
        if failure is not None:
            name = self.function_version.id.function_name
            print(f"{name} did not start. It printed:\n{self._printed()}", flush=True)
            raise StatusErrorException(f"{name} did not start", payload=failure.payload)

    def _printed(self) -> str:
        """Give what the process has printed since the last time."""
        if self._sandbox is None:
            return ""
        with self._sandbox.log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
            self._read = log.tell()
        return new.decode(errors="replace")
