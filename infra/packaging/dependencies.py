"""The dependencies that ship: the wheels of the lock for a runtime, in one folder, checked to be complete."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.packaging.errors import PackagingError
from infra.packaging.runtime import Runtime
from infra.packaging.supplied import SUPPLIED

# Written by whoever installs, not part of the wheel, or of no use in Lambda.
_OF_THE_INSTALLER = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


def install(lock: Path, runtime: Runtime, folder: Path) -> None:
    """Install what the lock names into `folder`, for `runtime`, and nothing that differs from machine to machine.

    Raises PackagingError when a package has no wheel for the runtime or another hash than the lock's, and when
    something that a package requires is neither in the folder nor supplied by AWS.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"),
            *("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"),
            *runtime.pip_options,
            *("--target", str(folder), "--requirement", str(lock)),
        ],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PackagingError(f"{lock.name} can't be installed for {runtime.name}:\n{done.stderr.strip()}")
    folder.mkdir(exist_ok=True)  # pip makes none for an empty lock
    _tidy(folder)
    missing = unmet(list(distributions(path=[str(folder)])), runtime)
    if missing:
        raise PackagingError(
            f"{lock.name} is incomplete for {runtime.name}: {'; '.join(missing)}. `make lock` writes it anew."
        )


def unmet(installed: list[Distribution], runtime: Runtime) -> list[str]:
    """Give what the installed distributions require and nobody supplies, each with who asks for it."""
    versions = {canonicalize_name(each.name): each.version for each in installed}
    missing = []
    for each in installed:
        for requirement in map(Requirement, each.requires or ()):
            name = canonicalize_name(requirement.name)
            wanted = requirement.marker is None or requirement.marker.evaluate(
                {**runtime.marker_environment, "extra": ""}
            )
            met = name in versions and requirement.specifier.contains(versions[name], prereleases=True)
            if wanted and not met and name not in SUPPLIED:
                missing.append(f"{each.name} requires {requirement}")
    return sorted(missing)


def _tidy(folder: Path) -> None:
    """Take away what holds the path of an interpreter, or the traces of this installation."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for information in folder.glob("*.dist-info"):
        for name in _OF_THE_INSTALLER:
            (information / name).unlink(missing_ok=True)
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
