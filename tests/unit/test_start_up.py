"""What a cold start pays for: `import app` leaves out what is not needed by every function."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SLOW = {"awswrangler", "boto3", "pandas", "pg8000", "pynamodb"}


def imported(**environment: str) -> set[str]:
    """Those of the slow ones that a process has imported after it imported the app."""
    program = f"import app, sys; print(*sorted({SLOW} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


def test_importing_the_app_imports_nothing_slow_that_only_some_requests_need() -> None:
    assert imported() == set()


def test_a_snapshot_is_taken_with_all_that_the_first_request_needs() -> None:
    deployed = dict.fromkeys(
        ["INTAKE_BUCKET", "BACKUP_BUCKET", "QUEUE_URL", "CATALOG_TABLE", "AUDIT_TABLE", "DATABASE_SECRET"], "x"
    )
    told = {f"DECANT_{name}": value for name, value in deployed.items()} | {"AWS_DEFAULT_REGION": "eu-central-1"}
    assert imported(AWS_LAMBDA_INITIALIZATION_TYPE="snap-start", **told) == SLOW


def test_a_snapshot_can_be_taken_of_what_is_not_configured_yet() -> None:
    assert "awswrangler" in imported(AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
