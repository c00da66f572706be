"""TCP ports of 127.0.0.1: the only address that anything here listens on."""

import socket

import psutil

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Give a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def taken(port: int, variable: str) -> str:
    """Say that a port is taken, by whom as far as the system tells, and which variable chooses another one."""
    return f"port {port} of {LOOPBACK} is taken{_holder(port)}: stop that, or choose another port with {variable}=…"


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass  # other users' processes can't be seen, and macOS shows none without root
    return ""
