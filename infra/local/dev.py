"""`chalice local` against the running stack, for people who edit the application."""

import os
import sys
from pathlib import Path

from infra.local.ports import LOOPBACK, is_taken, taken
from infra.local.record import Record, StackError
from infra.local.stack import STAGE

PORT = 8000


def serve(record: Record, root: Path) -> int:
    """Become `chalice local`, with the variables of the deployed API function; raises StackError when it can't."""
    port = int(os.environ.get("DECANT_DEV_PORT") or PORT)
    if is_taken(port):
        raise StackError(taken(port, "DECANT_DEV_PORT"))
    if not is_taken(int(record.endpoint_url.rpartition(":")[2])):
        raise StackError("The stack does not run: start it with `make up`.")
    environment = {**os.environ, **record.variables()}
    chalice = str(Path(sys.executable).with_name("chalice"))
    os.chdir(root)
    os.execve(chalice, [chalice, "local", "--host", LOOPBACK, "--port", str(port), "--stage", STAGE], environment)  # noqa: S606
