"""Where the local stack is kept: below .local/ of the checkout, or where DECANT_FOLDER says."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def stack_folder() -> Path:
    """Give the folder of the local stack, there or not."""
    return Path(os.environ.get("DECANT_FOLDER") or ROOT / ".local")
