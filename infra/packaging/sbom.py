"""The software bill of materials of a package, as CycloneDX JSON, made from the lock alone."""

import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from infra.packaging.errors import PackagingError


def write_sbom(root: Path, lock: Path, file: Path) -> None:
    """Write what the lock names, with its hashes, and Chalice, whose runtime `chalice package` adds by itself.

    The same lock gives the same bytes. Raises PackagingError.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text(f"{lock.read_text()}\nchalice=={version('chalice')}\n")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible"),
                *("--pyproject", str(root / "pyproject.toml"), "--mc-type", "application"),
                *("--output-format", "JSON", "--output-file", str(file), str(listed)),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise PackagingError(f"The bill of materials can't be written:\n{done.stderr.strip()}")
