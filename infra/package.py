"""Packages the application with `chalice package`: the Lambda zip, and one CloudFormation template for every target."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml  # type: ignore[import-untyped]

from infra.application import FOLDER, application_template, fragments
from infra.application.gateway import complete
from infra.packaging import archive, dependencies, snapstart
from infra.packaging.errors import PackagingError
from infra.packaging.runtime import Runtime

__all__ = ["Package", "PackagingError", "Runtime", "fingerprint", "package"]

SHIPPED = ("app.py", "chalicelib", ".chalice")
LOCK = "requirements.lock"
KEPT = 4
KEPT_SECONDS = 3600  # and whoever asked for one within this time may still use it
_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"  # the package has no __main__
_INCOMPLETE = "Could not install dependencies"
_SOURCE_OF_THE_CONSOLE = Path("chalicelib/console/source")
_NEVER_SHIPPED = ("__pycache__", "*.pyc", "deployments", "deployed", "venv")
# The code that decides what a package is.
_MAKERS = [Path(__file__), *sorted(Path(__file__).with_name("packaging").glob("*.py")), *sorted(FOLDER.glob("*.py"))]


@dataclass(frozen=True)
class Package:
    """A Lambda zip with its template, in which `CodeUri` still names a local file; `digest` is of what made both."""

    digest: str
    archive: Path
    template: dict[str, Any]


def package(
    root: Path,
    stage: str,
    cache: Path,
    made_for: Runtime | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Package:
    """Package the sources under `root`, or give the package of the same sources from `cache`.

    `made_for` is the interpreter at hand unless an AWS runtime is given. `environment` holds the variables that
    `app.py` may look at while Chalice reads it; the functions get them too. Raises PackagingError: there is no
    incomplete package.
    """
    made_for = made_for or Runtime.here()
    digest = fingerprint(root, stage, made_for, environment)

    def make(folder: Path) -> None:
        sources = _copy(root, folder / "sources")
        _run_chalice(sources, stage, environment, folder / "chalice")
        with zipfile.ZipFile(folder / "chalice" / "deployment.zip") as chalices:
            chalices.extractall(folder / "code")
        libraries = _libraries(root / LOCK, made_for, cache)
        (folder / "made").mkdir()
        archive.write_archive(folder / "made" / "deployment.zip", [folder / "code", libraries])
        template = _finished(_read(folder / "chalice" / "sam.yaml"), made_for, environment)
        (folder / "made" / "template.yaml").write_text(yaml.dump(template, Dumper=yaml.CSafeDumper, sort_keys=False))

    done = _kept(cache / "archives", digest, make)
    template: dict[str, Any] = _read(done / "template.yaml")
    return Package(digest, done / "deployment.zip", template)


def fingerprint(
    root: Path,
    stage: str,
    made_for: Runtime,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Digest of all that decides what the package is: sources, lock, template, stage, target, variables, Chalice."""
    digest = hashlib.sha256()
    about = [stage, *made_for.identity, version("chalice"), sorted(environment.items())]
    digest.update(json.dumps(about).encode())
    for path in [*_files(root), root / LOCK, *fragments(), *_MAKERS]:
        place = path.relative_to(FOLDER.parent if FOLDER.parent in path.parents else root)
        digest.update(f"\0{place}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _libraries(lock: Path, made_for: Runtime, cache: Path) -> Path:
    """Give the folder of what the lock names, installed once for each target."""
    about = json.dumps([*made_for.identity, lock.read_text(), Path(dependencies.__file__).read_text()])
    digest = hashlib.sha256(about.encode()).hexdigest()[:32]
    return _kept(cache / "libraries", digest, lambda folder: dependencies.install(lock, made_for, folder / "made"))


def _kept(cache: Path, digest: str, make: Callable[[Path], None]) -> Path:
    """Give the folder of a digest in `cache`. `make` leaves it as `made` in the folder that it is given."""
    done = cache / digest
    if not done.is_dir():
        work = cache / f"{digest}.{os.getpid()}.part"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        try:
            make(work)
            if not done.is_dir():
                (work / "made").rename(done)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    done.touch()
    finished = [each for each in cache.iterdir() if not each.name.endswith(".part")]
    for old in sorted(finished, key=_last_used, reverse=True)[KEPT:]:
        if _last_used(old) < time.time() - KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    return done


def _files(root: Path) -> Iterator[Path]:
    """Yield the files that ship, in one order everywhere."""
    for name in SHIPPED:
        path = root / name
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            parts = [Path(part) for part in file.relative_to(root).parts]
            left_out = any(part.match(pattern) for part in parts for pattern in _NEVER_SHIPPED)
            if file.is_file() and not left_out and not file.is_relative_to(root / _SOURCE_OF_THE_CONSOLE):
                yield file


def _copy(root: Path, target: Path) -> Path:
    """Copy what ships, and nothing that a working tree gathers beside it."""
    for file in _files(root):
        copied = target / file.relative_to(root)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copied)
    return target


def _run_chalice(sources: Path, stage: str, environment: Mapping[str, str], out: Path) -> None:
    """Have Chalice write template and zip. It finds no requirements: it would install them for its own interpreter."""
    template = sources / "application.yaml"
    template.write_text(json.dumps(application_template()))  # JSON is YAML, and the name tells Chalice to read it so
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DECANT_"))}
    done = subprocess.run(
        [
            *(sys.executable, "-c", _CHALICE, "--project-dir", str(sources)),
            *("package", "--stage", stage, "--pkg-format", "cloudformation"),
            *("--template-format", "yaml", "--merge-template", str(template), str(out)),
        ],
        env={**inherited, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0 or _INCOMPLETE in done.stdout:
        raise PackagingError(f"chalice package failed:\n{done.stdout.strip()}")


def _read(file: Path) -> Any:
    """A template. PyYAML's own reader takes seconds for one of these, at each deployment; that of libyaml does not."""
    return yaml.load(file.read_text(), Loader=yaml.CSafeLoader)


def _finished(template: dict[str, Any], made_for: Runtime, environment: Mapping[str, str]) -> dict[str, Any]:
    """Chalice's template, completed, for the target's runtime instead of the one that Chalice itself runs on."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["Runtime"] = made_for.name
            resource["Properties"]["Architectures"] = [made_for.architecture]
    template["Globals"]["Function"]["Environment"]["Variables"] |= environment
    emulated = made_for.at_hand or made_for.emulated
    template = complete(template, as_resources=emulated)
    return template if emulated else snapstart.with_snapstart(template)


def _last_used(path: Path) -> float:
    return path.stat().st_mtime
