"""Runs a command beside a LocalStack that lives as long: python -m infra.local.with_localstack COMMAND ARGUMENT…

The command finds it by AWS_ENDPOINT_URL, as it finds one in Docker.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.local.localstack import LocalStack
from infra.local.ports import free_port

TOOLS = Path(__file__).parents[2] / ".local"


def main(*command: str) -> int:
    """Run the command; give its status."""
    with tempfile.TemporaryDirectory() as folder:
        emulator = LocalStack(Path(folder) / "localstack", free_port(), TOOLS / LocalStack.environment_name)
        with emulator:
            given = {**os.environ, "AWS_ENDPOINT_URL": emulator.endpoint_url}
            return subprocess.run(command, env=given, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
