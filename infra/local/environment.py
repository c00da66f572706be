"""The emulator's own virtual environment, made once and made again when its requirements change."""

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("emulator-requirements.txt")


class InstallationError(Exception):
    """The environment can't be made; the message holds what pip said."""


def emulator_python(folder: Path) -> Path:
    """Give the interpreter of the emulator's environment in `folder`, making it when needed; safe to call at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + platform.python_version().encode() + bytes(folder)).hexdigest()
    stamp = folder / "installed"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            _run(sys.executable, "-m", "venv", str(folder))
            _run(
                *(str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"),
                *("--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)),
            )
            stamp.write_text(wanted)
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InstallationError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
