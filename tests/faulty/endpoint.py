"""An HTTP endpoint of AWS on this machine, which fails by plan. Behind it is moto, in this process.

So botocore's own retries, time-outs and checks of bodies are what is met, with the settings that the service runs by.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.models import botocore_stubber

REGION = "eu-central-1"
_SERVICES = {"DynamoDB": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: of which ``service``, and what for, such as ``PutItem``; of S3 it is the method of HTTP."""

    service: str
    operation: str
    path: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The endpoint answers by itself, and does nothing."""

    status: int
    code: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection is reset: before anything is done, when all is done (``heard``), or in the middle of the body."""

    heard: bool = False
    sent: int | None = None


@dataclass(frozen=True, slots=True)
class Short:
    """The body ends early, as if that were all of it."""

    sent: int


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing comes until the client hangs up: nothing is done, or all is (``heard``)."""

    heard: bool = False


Fault = Answered | Broken | Short | Silent
Plan = Callable[[Asked], Fault | None]


def nothing(_asked: Asked) -> None:
    """The plan of an endpoint that works."""


@dataclass
class Times:
    """So many faults at requests for the ``operation``, or for anything of the ``service``; -1: without end."""

    fault: Fault
    service: str
    operation: str = ""
    times: int = 1
    met: int = 0

    def __call__(self, asked: Asked) -> Fault | None:
        if asked.service != self.service or not asked.operation.startswith(self.operation) or self.met == self.times:
            return None
        self.met += 1
        return self.fault


@dataclass
class Endpoint:
    """Listens at ``url``. To be used as a context."""

    plan: Plan = nothing
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, plan: Plan) -> None:
        """Fail by this plan from now on; ``asked`` tells what was asked since."""
        self.plan = plan
        self.asked.clear()

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._server.errors:
            raise self._server.errors[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = endpoint
        self.working = threading.Lock()  # moto is not made for several at once
        self.errors: list[BaseException] = []

    def handle_error(self, *_: object) -> None:
        """Keep what a handler or a plan raised. A client that has gone is no news."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = self._asked()
        self.server.endpoint.asked.append(asked)
        match self.server.endpoint.plan(asked):
            case None:
                self._send(*self._worked(asked, body))
            case Answered(status, code):
                self._send(status, *_error(asked.service, code))
            case Broken(heard, sent):
                answer = self._worked(asked, body) if heard or sent is not None else None
                if answer is not None and sent is not None:
                    self._send(*answer, sent=sent)
                self._reset()
            case Short(sent):
                self._send(*self._worked(asked, body), sent=sent)
                self.close_connection = True
            case Silent(heard):
                if heard:
                    self._worked(asked, body)
                self.rfile.read(1)
                self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def _asked(self) -> Asked:
        target = self.headers.get("X-Amz-Target", "")
        for prefix, service in _SERVICES.items():
            if target.startswith(prefix):
                return Asked(service, target.rpartition(".")[2], self.path)
        return Asked("s3", self.command, self.path)

    def _worked(self, asked: Asked, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        headers = HTTPHeaders()
        for name, value in self.headers.items():
            if name.lower() != "host":
                headers[name] = value
        url = f"https://{asked.service}.{REGION}.amazonaws.com{self.path}"
        request = AWSPreparedRequest(self.command, url, headers, body, False)
        with self.server.working:
            answer = botocore_stubber.process_request(request)
        assert answer is not None, url
        status, told, content = answer
        return int(status), {str(k): str(v) for k, v in told.items()}, _bytes(content)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, sent: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        length = next((v for k, v in headers.items() if k.lower() == "content-length"), str(len(body)))
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if sent is None else body[:sent])
        self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            time.sleep(0.02)  # for what was sent to arrive first
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _error(service: str, code: str) -> tuple[Mapping[str, str], bytes]:
    if service == "s3":
        content = f"<Error><Code>{code}</Code><Message>planned</Message></Error>".encode()
        return {"Content-Type": "application/xml"}, content
    content = json.dumps({"__type": f"com.amazonaws#{code}", "message": "planned"}).encode()
    return {"Content-Type": "application/x-amz-json-1.0"}, content


def _bytes(content: Any) -> bytes:
    return content.encode() if isinstance(content, str) else bytes(content or b"")
