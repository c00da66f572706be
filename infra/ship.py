"""Writes what is deployed to AWS into a folder: `python -m infra.ship OUT`, by way of `make package`."""

import argparse
import hashlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from infra.package import LOCK, PackagingError, package
from infra.packaging.archive import unpacked_size
from infra.packaging.runtime import Runtime
from infra.packaging.sbom import write_sbom
from infra.packaging.supplied import LAYER_BYTES, UNPACKED_BYTES, ZIP_BYTES
from infra.telling import complain

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".local" / "packages"
SBOM = "sbom.json"
_MIB = 2**20


def ship(root: Path, cache: Path, out: Path, stage: str, made_for: Runtime) -> list[Path]:
    """Write `deployment.zip`, `template.yaml`, `sbom.json` into `out`; give them. Raises PackagingError, also of size.

    The template's `CodeUri` is the zip beside it, as `aws cloudformation package` and `sam deploy` take it.
    """
    made = package(root, stage, cache, made_for)
    check_sizes(made.archive)
    out.mkdir(parents=True, exist_ok=True)
    files = [out / name for name in ("deployment.zip", "template.yaml", SBOM)]
    shutil.copyfile(made.archive, files[0])
    files[1].write_text(yaml.safe_dump(made.template, sort_keys=False))
    write_sbom(root, root / LOCK, files[2])
    return files


def check_sizes(archive: Path) -> None:
    """Raise PackagingError for a zip that Lambda would refuse, alone or beside the AWSSDKPandas layer."""
    zipped, unpacked = archive.stat().st_size, unpacked_size(archive)
    if zipped >= ZIP_BYTES:
        raise PackagingError(f"The zip has {zipped / _MIB:.1f} MiB; Lambda takes less than {ZIP_BYTES / _MIB:.0f}.")
    if unpacked + LAYER_BYTES >= UNPACKED_BYTES:
        raise PackagingError(
            f"The zip unpacks to {unpacked / _MIB:.1f} MiB, and the AWSSDKPandas layer takes up to "
            f"{LAYER_BYTES / _MIB:.0f}; Lambda takes {UNPACKED_BYTES / _MIB:.0f} together."
        )


def report(files: list[Path]) -> Iterator[str]:
    """Yield a line for each file, and one for the room that is left."""
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        yield f"{digest}  {file}  {file.stat().st_size / _MIB:.2f} MiB"
    unpacked = unpacked_size(files[0])
    room = UNPACKED_BYTES - LAYER_BYTES - unpacked
    yield f"unpacked {unpacked / _MIB:.1f} MiB; beside the biggest layer {room / _MIB:.1f} MiB are left"


def main() -> int:
    """Write the files and tell their digests; give the exit status."""
    parser = argparse.ArgumentParser(prog="make package", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--stage", default="production")
    parser.add_argument("--python", default="3.13")
    parser.add_argument("--architecture", default="x86_64")
    parser.add_argument("--sbom-only", action="store_true", help="write no package, only what is in it")
    given = parser.parse_args()
    try:
        if given.sbom_only:
            given.out.mkdir(parents=True, exist_ok=True)
            write_sbom(ROOT, ROOT / LOCK, given.out / SBOM)
            return 0
        files = ship(ROOT, CACHE, given.out, given.stage, Runtime.aws(given.python, given.architecture))
    except PackagingError as error:
        complain("package", error)
        return 1
    print("\n".join(report(files)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
