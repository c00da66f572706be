"""`python -m tests.machines [--examples 50] [--seed 1] [--minutes 10]`: try everything on the stack of `make up`.

Rows, backups and restores are made there by the hundred: it is no stack to keep data in. What was found is printed,
with what to send to see it again; the report is in the stack's folder, below `machines`. Without minutes it ends when
each operation had its examples; with them each has its share of the time, and more examples where time is
left; it fails where an operation or a phase had none.
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
    parser.add_argument("--minutes", type=float, help="go on for so long, and no longer")
    parser.add_argument("rest", nargs="*", help="further options of schemathesis, behind --")
    given = parser.parse_args()
    record, folder = Record.read(stack_folder()), stack_folder() / "machines"
    folder.mkdir(exist_ok=True)
    print(f"Seed {given.seed}: the same seed tries the same.", flush=True)
    bound = ["--max-time", str(max(round(60 * given.minutes), 1))] if given.minutes else []
    tried = try_everything(
        record.api_url, record.token, folder, seed=given.seed, examples=given.examples, options=[*bound, *given.rest]
    )
    print(tried.printed)
    print(json.dumps({name: tried.report.get(name) for name in ("operations", "phases", "test_cases")}, indent=2))
    untried = tried.untried()
    for each in untried:
        print(f"Not tried to its end: {each}.", file=sys.stderr)
    return tried.code or int(bool(untried))


if __name__ == "__main__":
    sys.exit(main())
