"""One script, one style sheet and the words of each language, of ``chalicelib/console/source``, made by esbuild.

What is made is committed, so that neither `make up` nor a deployment needs node. Its first line says of which sources
it was made, by which a test finds what was not made anew; esbuild makes the same bytes of them everywhere.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

_HERE = Path(__file__).parent
_CONSOLE = _HERE.parents[1] / "chalicelib" / "console"
SOURCE = _CONSOLE / "source"
STATIC = _CONSOLE / "static"
_ENTRIES = {
    "console.js": "main.js",
    "text.en.js": "text.en.js",
    "text.es.js": "text.es.js",
    "style.css": "style.css",
}
# The names by which modules import what is vendored.
_PACKAGES = {"preact": "vendor/preact.js", "preact/hooks": "vendor/preact-hooks.js", "htm": "vendor/htm.js"}
_OPTIONS = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--charset=utf8", "--log-level=warning")
_CONTAINS = "With preact (preact.LICENSE) and htm (htm.LICENSE)."


def banner() -> str:
    """The first line of what is made of the sources as they are."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(SOURCE).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    version = json.loads((_HERE / "package.json").read_text())["devDependencies"]["esbuild"]
    return f"/* Made by `make console` with esbuild {version} of sources {digest.hexdigest()}. {_CONTAINS} */"


def make() -> list[Path]:
    """Make the files in `STATIC`, which it gives. Needs node and npm; raises CalledProcessError."""
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=_HERE, check=True)
    subprocess.run(
        [
            str(_HERE / "node_modules" / ".bin" / "esbuild"),
            *(f"{Path(made).stem}=./{source}" for made, source in _ENTRIES.items()),
            *_OPTIONS,
            *(f"--alias:{name}=./{path}" for name, path in _PACKAGES.items()),
            *(f"--banner:{kind}={banner()}" for kind in ("js", "css")),
            f"--outdir={STATIC}",
        ],
        cwd=SOURCE,
        check=True,
    )
    return [STATIC / name for name in _ENTRIES]
