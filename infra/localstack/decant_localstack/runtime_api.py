"""AWS's Lambda Runtime API, for one process: it asks for the next invocation, and posts what came of it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import time
from concurrent.futures import Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Lock, Thread

LOOPBACK = "127.0.0.1"
PATH = "/2018-06-01/runtime"
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Invocation:
    """One call of a function: the event as JSON, and the seconds that it may take."""

    id: str
    function_arn: str
    trace: str
    event: bytes
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What a call gave, as JSON: the answer, or the error."""

    payload: bytes
    is_error: bool = False


class RuntimeApi:
    """The API on a free port of 127.0.0.1.

    `started` is set when the process first asks for work (to None), or could not begin (to the reason).
    """

    def __init__(self) -> None:
        self.started: Future[Outcome | None] = Future()
        self._invocations: SimpleQueue[Invocation | None] = SimpleQueue()
        self._current: tuple[str, Future[Outcome]] | None = None
        self._lock = Lock()
        self._server = _Server(self)
        # Whoever closes it waits for the next look at whether it is closed.
        Thread(target=self._server.serve_forever, args=(_LOOK_SECONDS,), name="runtime-api", daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port, as AWS_LAMBDA_RUNTIME_API has them."""
        return f"{LOOPBACK}:{self._server.server_port}"

    def hand_out(self, invocation: Invocation) -> Future[Outcome]:
        """Give an invocation to the process, which has none at this moment; the outcome comes later."""
        outcome: Future[Outcome] = Future()
        with self._lock:
            self._current = (invocation.id, outcome)
        self._invocations.put(invocation)
        return outcome

    def end(self, outcome: Outcome) -> None:
        """Say that the process has ended: that is the outcome of what it was at."""
        with self._lock:
            current, self._current = self._current, None
        for waiting in (self.started, current[1] if current else None):
            if waiting is not None and not waiting.done():
                waiting.set_result(outcome)

    def close(self) -> None:
        """Stop to serve; whoever still asks is told to go."""
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> Invocation | None:
        """Wait for an invocation; None when there will be none."""
        with self._lock:
            if not self.started.done():
                self.started.set_result(None)
        return self._invocations.get()

    def settle(self, invocation: str, outcome: Outcome) -> bool:
        """Take what came of an invocation; tell whether the process was at it."""
        with self._lock:
            current = self._current
            if current is None or current[0] != invocation:
                return False
            self._current = None
        current[1].set_result(outcome)
        return True

    def fail(self, outcome: Outcome) -> None:
        """Take the reason why the process could not begin."""
        with self._lock:
            if not self.started.done():
                self.started.set_result(outcome)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__((LOOPBACK, 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def do_GET(self) -> None:
        invocation = self.server.api.next() if self.path == f"{PATH}/invocation/next" else None
        if invocation is None:
            self._answer(404)
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + invocation.seconds) * 1000)),
            "Content-Type": "application/json",
        }
        self._answer(200, invocation.event, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path.removeprefix(PATH).split("/")[1:]:
            case ["init", "error"]:
                self.server.api.fail(Outcome(body, is_error=True))
                self._answer(202)
            case ["invocation", invocation, ("response" | "error") as kind]:
                known = self.server.api.settle(invocation, Outcome(body, is_error=kind == "error"))
                self._answer(202 if known else 400)
            case _:
                self._answer(404)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def handle(self) -> None:
        """Serve a connection; the process may be killed while it waits."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep silent."""
