"""What a cold start pays for: `import app` leaves out what is not needed by every function."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SLOW = {"awswrangler", "boto3", "pandas", "pg8000", "pynamodb"}


def test_importing_the_app_imports_nothing_slow_that_only_some_requests_need() -> None:
    program = f"import app, sys; print(*sorted({SLOW} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == []
