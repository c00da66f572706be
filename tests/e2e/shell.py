"""Commands as a document prints them, run in a shell as a reader would."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def shell(folder: Path, commands: str) -> str:
    """Give what commands print on the stack in a folder; one that fails is a failure."""
    done = subprocess.run(
        ["bash", "-c", f"set -eu\n{commands}"],
        cwd=ROOT,
        env={**os.environ, "DECANT_FOLDER": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
