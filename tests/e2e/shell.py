"""Commands as a document prints them, run in a shell as a reader would."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def shell(folder: Path, commands: str) -> str:
    """Give what commands print on the stack in a folder; one that fails is a failure."""
    # `make test` hands its own flags and depth down, with which make says more than a person at a terminal sees.
    # The tests' own runner sets the width of a terminal that is none, and tables would break their lines for it.
    others = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "COLUMNS")
    environment = {name: value for name, value in os.environ.items() if name not in others}
    done = subprocess.run(
        ["bash", "-c", f"set -eu\n{commands}"],
        cwd=ROOT,
        env={**environment, "DECANT_FOLDER": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
