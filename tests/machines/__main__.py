"""`python -m tests.machines [--examples 50] [--seed 1] [--seconds 600]`: try everything on the stack of `make up`.

Rows, backups and restores are made there by the hundred: it is no stack to keep data in. What was found is printed,
with what to send to see it again; the report is in the stack's folder, below `machines`.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys

from infra.local.folder import stack_folder
from infra.local.record import Record
from tests.machines.trying import try_everything


def main() -> int:
    """Try, and tell what was found; 1 when something was."""
    parser = argparse.ArgumentParser(prog="python -m tests.machines")
    parser.add_argument("--examples", type=int, default=50, help="for each operation in each phase")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("rest", nargs="*", help="further options of schemathesis, behind --")
    given = parser.parse_args()
    record, folder = Record.read(stack_folder()), stack_folder() / "machines"
    folder.mkdir(exist_ok=True)
    print(f"Seed {given.seed}: the same seed tries the same.", flush=True)
    tried = try_everything(
        record.api_url, record.token, folder, seed=given.seed, examples=given.examples, options=given.rest
    )
    print(tried.printed)
    print(json.dumps({name: tried.report.get(name) for name in ("operations", "phases", "test_cases")}, indent=2))
    return tried.code


if __name__ == "__main__":
    sys.exit(main())
