"""Write docs/reference/ anew, but for the command line's, which it writes itself: ``make reference``.

``python -m infra.reference FOLDER`` writes into another folder.
"""

import sys
from pathlib import Path

from infra.reference.documents import FOLDER, documents


def main() -> None:
    """Write every document."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in documents().items():
        (folder / name).write_text(content, encoding="utf-8")
        print(folder / name)


if __name__ == "__main__":
    main()
