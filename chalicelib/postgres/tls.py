"""What certificate a server must show."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

_ROOTS = Path(__file__).parent.with_name("rds-roots.pem")


@cache
def tls_context(tls: str) -> ssl.SSLContext | None:
    """What a certificate must be for ``verify-full``: of the server's name, and of a root of RDS or of the system's.

    RDS has roots of its own; RDS Proxy's certificates are of public ones. None for ``off``.
    """
    if tls == "off":
        return None
    context = ssl.create_default_context(cafile=str(_ROOTS))  # checks the name
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
