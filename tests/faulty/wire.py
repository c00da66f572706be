"""The wire between a client and a real Postgres, which fails by plan.

It knows as much of the protocol as it takes to tell one turn of the client from the next
(https://www.postgresql.org/docs/current/protocol-message-formats.html), so that what the driver and the adapter meet is
what a server, a failover or the network would have done to them at that very place.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_LENGTH = struct.Struct("!i")
# What the server asks a client that logs in: a password in clear, as MD5, by SASL, and the next step of SASL.
_ASKS = (3, 5, 10, 11)
# Whether the server speaks TLS, which most clients ask first.
_TLS = struct.pack("!ii", 8, 80877103)
# A client that waits for so long would wait for ever; it is cut off, so that its test fails and does not hang.
_SILENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Turn:
    """What a client sends before it waits for an answer; a block of a COPY is one, too.

    ``number`` counts from 1, over all connections. ``kinds`` are the types of its messages, empty for a login.
    """

    number: int
    kinds: bytes
    content: bytes

    @property
    def commits(self) -> bool:
        """Whether it asks for a commit."""
        return b"COMMIT\0" in self.content


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks before the server learns of the turn; with ``heard`` when it has done what was asked.

    With a ``state`` the server says why, as one does that is shut down.
    """

    heard: bool = False
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """The server meets an error instead of doing what was asked, for real: its transaction has failed."""

    state: str


@dataclass(frozen=True, slots=True)
class Silent:
    """The server says nothing any more, until the client hangs up; ``Wire.outlasted`` tells of one that does not."""


Fault = Cut | Raised | Silent
Plan = Callable[[Turn], Fault | None]


def nothing(_turn: Turn) -> None:
    """The plan of a wire that works."""


def at(number: int, fault: Fault) -> Plan:
    """One fault, at the turn of that number."""
    return lambda turn: fault if turn.number == number else None


def refusing(times: int, state: str) -> Plan:
    """So many logins are refused, once they have shown their password."""
    left = [state] * times
    return lambda turn: Cut(state=left.pop()) if turn.kinds == b"p" and left else None


class Wire:
    """Listens at ``port`` of this machine, and connects to a Postgres. To be used as a context."""

    def __init__(self, host: str, port: int) -> None:
        self.turns: list[Turn] = []
        self.faults = 0
        self.outlasted = 0
        self._plan: Plan = nothing
        self._server = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._counting = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """Where clients connect to."""
        return int(self._listening.getsockname()[1])

    def fail(self, plan: Plan) -> None:
        """Fail by this plan from now on. ``turns``, ``faults`` and ``outlasted`` tell what happened since."""
        self.turns, self.faults, self.outlasted, self._plan = [], 0, 0, plan

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in self._open:
            _close(each)
        for thread in self._threads:
            thread.join(timeout=10)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # the listening socket was closed
                return
            try:
                server = socket.create_connection(self._server)
            except OSError:  # as the client learns, too
                _close(client)
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open += [client, server]
            self._start(self._serve, client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        try:
            _Connection(self, client, server).serve()
        except (OSError, EOFError):
            pass  # one of the two is gone, and the other learns of it
        finally:
            _close(client)
            _close(server)

    def planned(self, kinds: bytes, content: bytes) -> Fault | None:
        """What the plan says of a turn that comes now."""
        with self._counting:
            turn = Turn(len(self.turns) + 1, kinds, content)
            self.turns.append(turn)
            fault = self._plan(turn)
            self.faults += fault is not None
            return fault


class _Connection:
    def __init__(self, wire: Wire, client: socket.socket, server: socket.socket) -> None:
        self._wire = wire
        self._client = client
        self._server = server
        self._copying = False

    def serve(self) -> None:
        while (login := _login(self._client)) == _TLS:
            self._client.sendall(b"N")
        self._take(b"", login)
        while True:
            kinds, content = b"", b""
            while True:
                kind, message = _message(self._client)
                kinds, content = kinds + kind, content + message
                if kind in b"pQS" or (kind == b"d" and self._copying):
                    break
                if kind == b"X":
                    self._server.sendall(content)
                    return
            self._take(kinds, content)

    def _take(self, kinds: bytes, content: bytes) -> None:
        match self._wire.planned(kinds, content):
            case None:
                self._server.sendall(content)
                if kinds != b"d":
                    self._client.sendall(self._answer())
            case Raised(state) if kinds not in (b"", b"p"):
                self._raise(state, kinds)
            case Raised(state):  # who can't log in is sent away
                self._client.sendall(_error("FATAL", state))
                raise EOFError
            case Silent():
                self._client.settimeout(_SILENCE_SECONDS)
                try:
                    while self._client.recv(1024):
                        pass
                except TimeoutError:
                    self._wire.outlasted += 1
                raise EOFError
            case Cut(heard, state):
                if heard:
                    self._server.sendall(content)
                    if kinds != b"d":
                        self._answer()
                if state:
                    self._client.sendall(_error("FATAL", state))
                raise EOFError

    def _answer(self) -> bytes:
        """What the server says until it waits for the client."""
        answer = b""
        while True:
            try:
                kind, message = _message(self._server)
            except EOFError:  # its last words
                self._client.sendall(answer)
                raise
            answer += message
            self._copying = kind == b"G"
            asks = kind == b"R" and _LENGTH.unpack_from(message, 5)[0] in _ASKS
            if kind in b"ZG" or asks:
                return answer

    def _raise(self, state: str, kinds: bytes) -> None:
        if self._copying:
            self._server.sendall(_framed(b"f", b"planned\0"))
            while not kinds.endswith(b"S"):
                kinds, _ = _message(self._client)
            self._server.sendall(_framed(b"S", b""))
            self._client.sendall(self._answer().replace(b"C57014\0", b"C" + state.encode() + b"\0"))
            return
        statement = f"DO $$ BEGIN RAISE EXCEPTION 'planned' USING ERRCODE = '{state}'; END $$"
        self._server.sendall(_framed(b"Q", statement.encode() + b"\0"))
        self._client.sendall(self._answer())


def _login(client: socket.socket) -> bytes:
    """What a client begins with, which has no type."""
    head = _exactly(client, 4)
    (length,) = _LENGTH.unpack(head)
    return head + _exactly(client, length - 4)


def _message(sender: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(sender, 5)
    (length,) = _LENGTH.unpack_from(head, 1)
    return head[:1], head + _exactly(sender, length - 4)


def _exactly(sender: socket.socket, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        block = sender.recv(size - len(content))
        if not block:
            raise EOFError
        content += block
    return bytes(content)


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + _LENGTH.pack(4 + len(body)) + body


def _error(severity: str, state: str) -> bytes:
    fields: Iterable[str] = (f"S{severity}", f"V{severity}", f"C{state}", "Mplanned")
    return _framed(b"E", b"".join(field.encode() + b"\0" for field in fields) + b"\0")


def _close(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
