"""Packages the application with `chalice package`: the Lambda zip, and one CloudFormation template for every target."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from infra.application import FOLDER, application_template, fragments

SHIPPED = ("app.py", "chalicelib", "requirements.txt", ".chalice")
KEPT = 3
_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"  # the package has no __main__
_INCOMPLETE = "Could not install dependencies"
_NEVER_SHIPPED = ("__pycache__", "*.pyc", "deployments", "deployed", "venv")


class PackagingError(Exception):
    """Chalice made no package, or an incomplete one; the message holds what it said."""


@dataclass(frozen=True)
class Package:
    """A Lambda zip with its template, in which `CodeUri` still names the local file; `digest` is of the sources."""

    digest: str
    archive: Path
    template: dict[str, Any]


def package(root: Path, stage: str, cache: Path) -> Package:
    """Package the sources under `root`, or give the package of the same sources from `cache`.

    Raises PackagingError when a dependency can't be installed for Lambda, which Chalice itself only warns about.
    """
    digest = fingerprint(root, stage)
    done = cache / digest
    if not done.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        work = cache / f"{digest}.{os.getpid()}.part"
        shutil.rmtree(work, ignore_errors=True)
        try:
            _run_chalice(_copy(root, work / "sources"), stage, work / "package")
            if not done.is_dir():
                (work / "package").rename(done)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    done.touch()
    for old in sorted((p for p in cache.iterdir() if not p.name.endswith(".part")), key=_age)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    template: dict[str, Any] = yaml.safe_load((done / "sam.yaml").read_text())
    return Package(digest, done / "deployment.zip", template)


def fingerprint(root: Path, stage: str) -> str:
    """Digest of all that decides what the package is: sources, template, stage, interpreter, Chalice."""
    digest = hashlib.sha256()
    about = [stage, platform.python_version(), platform.machine(), sys.platform, version("chalice")]
    digest.update(json.dumps(about).encode())
    for path in [*_files(root), *fragments()]:
        digest.update(f"\0{path.relative_to(FOLDER if path.parent == FOLDER else root)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _files(root: Path) -> Iterator[Path]:
    """Yield the files that ship, in one order everywhere."""
    for name in SHIPPED:
        path = root / name
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            parts = [Path(part) for part in file.relative_to(root).parts]
            if file.is_file() and not any(part.match(pattern) for part in parts for pattern in _NEVER_SHIPPED):
                yield file


def _copy(root: Path, target: Path) -> Path:
    """Copy what ships, and nothing that a working tree gathers beside it."""
    for file in _files(root):
        copy = target / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return target


def _run_chalice(sources: Path, stage: str, out: Path) -> None:
    template = sources / "application.yaml"
    template.write_text(json.dumps(application_template()))  # JSON is YAML, and the name tells Chalice to read it so
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [
            *(sys.executable, "-c", _CHALICE, "--project-dir", str(sources)),
            *("package", "--stage", stage, "--pkg-format", "cloudformation"),
            *("--template-format", "yaml", "--merge-template", str(template), str(out)),
        ],
        env={**environment, "AWS_DEFAULT_REGION": "us-east-1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0 or _INCOMPLETE in done.stdout:
        raise PackagingError(f"chalice package failed:\n{done.stdout.strip()}")


def _age(path: Path) -> float:
    return -path.stat().st_mtime
