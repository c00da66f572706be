"""A TLS front for a Postgres that speaks none: it answers SSLRequest as it is told, then passes bytes on."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SSL_REQUEST = struct.pack("!II", 8, 80877103)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of a test, and its certificate's file."""

    file: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def made_in(cls, folder: Path, name: str) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, key, None, dt.timedelta(days=1))
        file = folder / f"{name}.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(file, key, certificate)

    def issue(self, folder: Path, name: str, life: dt.timedelta = dt.timedelta(days=1)) -> Path:
        """A file with a certificate for a host and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, key, self, life)
        file = folder / f"server-{name}-{life.days}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return file


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: Authority | None, life: dt.timedelta
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    ends = now + life
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, ends) - dt.timedelta(days=2))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is None:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = made.add_extension(usage, critical=True)
    else:
        address = x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
        made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        made = made.add_extension(authority, critical=False)
    return made.sign(issuer.key if issuer else key, hashes.SHA256())


@contextmanager
def tls_front(port: int, server: Path | None) -> Iterator[int]:
    """Listen on a port, which is given, before a Postgres on ``port``; ``server`` None: a server without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=_serve, args=(listener, port, server))
        thread.start()
        yield listener.getsockname()[1]
        with suppress(OSError):  # wakes the thread when nobody came
            socket.create_connection(listener.getsockname(), 1).close()
        thread.join(10)


def _serve(listener: socket.socket, port: int, server: Path | None) -> None:
    with suppress(OSError):  # a client that hangs up, as one does that does not trust us
        plain, _ = listener.accept()
        with plain:
            plain.settimeout(10)
            if plain.recv(8) != _SSL_REQUEST:
                return
            if server is None:
                plain.sendall(b"N")
                assert plain.recv(1) == b"", "something was sent without TLS"
                return
            plain.sendall(b"S")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server)
            with (
                context.wrap_socket(plain, server_side=True) as front,
                socket.create_connection(("127.0.0.1", port), 10) as back,
            ):
                _pass_on(front, back)


def _pass_on(front: ssl.SSLSocket, back: socket.socket) -> None:
    def answers() -> None:
        with suppress(OSError):
            while data := back.recv(65536):
                front.sendall(data)

    thread = threading.Thread(target=answers)
    thread.start()
    with suppress(OSError):
        while data := front.recv(65536):
            back.sendall(data)
    with suppress(OSError):
        back.shutdown(socket.SHUT_RDWR)
    thread.join(10)
