"""Virtual environments of their own for programs that pin what the project has in another version."""

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path


class InstallationError(Exception):
    """The environment can't be made; the message holds what pip said."""


def environment_python(folder: Path, requirements: Path, *projects: Path) -> Path:
    """Give the interpreter of the environment in `folder`; safe to call at once.

    It is made once, with all of `requirements` and nothing else but projects of ours, whose code stays where it is, and
    made again when they ask for something else.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    wanted = hashlib.sha256(platform.python_version().encode() + bytes(folder))
    for file in (requirements, *(project / "pyproject.toml" for project in projects)):
        wanted.update(bytes(file) + file.read_bytes())
    stamp = folder / "installed"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted.hexdigest():
            shutil.rmtree(folder, ignore_errors=True)
            _run(sys.executable, "-m", "venv", str(folder))
            install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
            # Not compiled, for that takes as long as all the rest, and most of it is never imported.
            install += ["--no-deps", "--no-compile"]
            _run(*install, "--require-hashes", "-r", str(requirements))
            for project in projects:
                _run(*install, "--no-build-isolation", "-e", str(project))
            stamp.write_text(wanted.hexdigest())
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InstallationError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
