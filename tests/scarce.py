"""A worker whose memory is too little, for real: `python -m tests.scarce FOLDER BYTES`.

The account of the database and an event come as JSON on standard input. The worker has loaded a good file before, and
has so many bytes of addresses for the event. What became of it is printed as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from chalicelib.dictionary.package import load_dictionary
from chalicelib.postgres import PostgresDatabase
from chalicelib.settings import PACKAGED_DICTIONARY
from sample_data.workbook import workbook_bytes
from tests.conftest import Account, TestDatabase
from tests.contract.test_loads import Intake
from tests.costly import addresses


def main() -> None:
    """Take the event below the limit, which is lifted to tell of it."""
    told = json.load(sys.stdin)
    account = Account(**told["account"])
    database = PostgresDatabase(account.connect)
    postgres = TestDatabase(load_dictionary(PACKAGED_DICTIONARY), account, account, account, database)
    intake = Intake(postgres, Path(sys.argv[1]))
    intake.drop("jobs.xlsx", workbook_bytes({"jobs": [[1, "Clerk"]]}))
    intake.catalog.kept_runs.clear()
    resource.setrlimit(resource.RLIMIT_AS, (addresses() + int(sys.argv[2]), -1))
    raised = None
    try:
        intake.deliver(told["event"])
    except MemoryError as error:
        raised = type(error).__name__
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    run = intake.the_run()
    print(json.dumps({"raised": raised, "state": run.state, "error": run.error, "sent": intake.queue.sent}))
    database.close()


if __name__ == "__main__":
    main()
