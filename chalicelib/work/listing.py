"""The work that fills a lost catalogue again, from what can't be lost: the bucket and the ledger."""

from __future__ import annotations

import datetime as dt

from chalicelib.backup.catalogue import rebuild_catalog
from chalicelib.ledger import recorded_since
from chalicelib.ports import RUNS_ARE_SHOWN, Run
from chalicelib.wiring import Services
from chalicelib.work.reporting import succeed


def list_again(services: Services, run: Run, started: dt.datetime) -> None:
    """List the backups of the bucket again, and the runs of the ledger that the catalogue does not show."""
    backups = rebuild_catalog(services.backups, services.catalog)
    runs = rebuild_runs(services, started)
    succeed(services, run, result={"backups_listed": backups, "runs_listed": runs})


def rebuild_runs(services: Services, moment: dt.datetime) -> int:
    """Show the ledger's runs of the last year that the catalogue lacks, or thinks unended; return how many."""
    healed = 0
    after = ""
    while True:
        with services.database.transaction() as transaction:
            entries = recorded_since(transaction, moment - RUNS_ARE_SHOWN, after=after)
        if not entries:
            return healed
        for entry in entries:
            shown = services.catalog.run(entry.id)
            if shown is None or not shown.state.final:
                services.catalog.put_run(entry.to_run())
                healed += 1
        after = entries[-1].id
