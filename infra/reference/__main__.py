"""Write docs/reference/ anew: ``make reference``."""

import importlib.util
import subprocess
import sys

from infra.reference.documents import FOLDER, documents

# The command line's own reference, which its own module writes.
_COMMANDS = "decant.reference"


def main() -> None:
    """Write every document."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in documents().items():
        (FOLDER / name).write_text(content)
        print(f"docs/reference/{name}")
    if importlib.util.find_spec("decant") and importlib.util.find_spec(_COMMANDS):
        subprocess.run([sys.executable, "-m", _COMMANDS], check=True)


if __name__ == "__main__":
    main()
