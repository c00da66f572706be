"""What the process of a function runs: AWS's runtime client, with the layers mounted and an end that is LocalStack's.

python -m decant_localstack.bootstrap HANDLER LAYER…        (in the folder of the function's code)
"""

import os
import signal
import site
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Thread


def main(handler: str, *layers: str) -> None:
    """Serve the handler until this process is ended."""
    Thread(target=_end_with_owner, daemon=True).start()
    sys.path[1:1] = mounted(Path(layer) for layer in layers)
    from awslambdaric.__main__ import main as serve

    serve(["awslambdaric", handler])


def mounted(layers: Iterable[Path]) -> list[str]:
    """Give what the layers put on the path, in their order: `python/`, and site folders with their .pth files."""
    before = list(sys.path)
    for layer in layers:
        for folder in (*sorted(layer.glob("python/lib/python3*/site-packages")), layer / "python"):
            if folder.is_dir():
                site.addsitedir(str(folder))
    added = [entry for entry in sys.path if entry not in before]
    sys.path[:] = before
    return added


def _end_with_owner() -> None:
    """End at once, with all that the function started, when standard input closes: LocalStack has died, however."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
