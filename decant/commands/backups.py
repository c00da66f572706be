"""Backups: made, listed, verified, copied into folders, and restored."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from decant import show
from decant.client import Client, Run, done
from decant.command import command
from decant.commands.stack import Yes, confirm
from decant.exits import Exit
from decant.failures import CommandError, usage
from decant.session import Session

PANEL = "Backups"
_Restore = Callable[..., Run]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for action in (backup, backups, verify, restore):
        command(app, PANEL)(action)


def backup(
    session: Session,
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="The table; without it, all of them.")] = None,
    all_tables: Annotated[bool, typer.Option("--all", help="All tables, in one consistent snapshot.")] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Copy the backup into a folder too, checked.", file_okay=False),
    ] = None,
) -> None:
    """Back up a table, or all of them in one consistent snapshot."""
    if table and all_tables:
        raise usage("Both a table and --all are given.", "Say one of them.")
    session.step(f"Backing up {table or 'all tables'}")
    run = done(session.client.order(f"/tables/{table}/backups" if table else "/backups"))
    if to:
        from decant.copies import copy_to

        for each in run["result"]["backups"]:
            manifest = copy_to(session.client, each, to)
            session.step(f"Copied {manifest.table}: {show.counted(manifest.rows)}, {show.size(manifest.bytes)}")
    made = [_one(session.client, each) for each in run["result"]["backups"]]
    snapshot = run["result"]["snapshot"]

    def show_all(console: Console) -> None:
        show.backups(console, made)
        show.say(console, f"Snapshot {snapshot} is in {to}" if to else f"Snapshot {snapshot}")

    session.tell({"snapshot": snapshot, "backups": made, "directory": str(to) if to else None}, show_all)


def backups(
    session: Session,
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="Those of one table.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
) -> None:
    """List backups, the newest first."""
    found = list(session.client.pages("/backups", "backups", limit, table=table))
    session.tell({"backups": found}, lambda console: show.backups(console, found))


def verify(
    session: Session,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[BACKUP]…", help="Backups by id; else the newest of each table.")
    ] = None,
) -> Exit:
    """Read backups back: hash, rows, schema, checksums. Ends with 1 when one is damaged."""
    if not names:
        tables = [table["name"] for table in session.client.ask("/tables")["tables"]]
        newest = [next(session.client.pages("/backups", "backups", 1, table=table), None) for table in tables]
        names = [each["id"] for each in newest if each]
        if not names:
            raise CommandError("There are no backups yet.", hint="Make one of all tables: decant backup")
    runs: dict[str, Run] = {}
    for each in names:
        session.step(f"Reading {each}")
        runs[each] = session.client.order(f"/backups/{each}/verify")

    def show_all(console: Console) -> None:
        table = show.grid("backup", "table", "rows", "verdict", numbers=("rows",), whole=("backup",))
        for name, run in runs.items():
            good = run["state"] == "succeeded"
            verdict = "good" if good and run["result"]["restorable"] else _wrong(run)
            table.add_row(name, run["table"], f"{run['progress']:,}", verdict)
        show.put(console, table)

    session.tell({"verified": runs}, show_all)
    good = all(run["state"] == "succeeded" and run["result"]["restorable"] for run in runs.values())
    return Exit.DONE if good else Exit.REJECTED


def restore(
    session: Session,
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="The table.")] = None,
    all_tables: Annotated[bool, typer.Option("--all", help="All tables of one snapshot.")] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="The newest backup of then: 2026-11-22T02:30:00Z.")
    ] = None,
    backup: Annotated[
        str | None, typer.Option("--backup", metavar="ID", help="This backup; with --all, this snapshot.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="The newest backup in a folder (local stack).", file_okay=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would change, and change nothing.")] = False,
    yes: Yes = False,
) -> Exit | None:
    """Make a table equal to a backup: the newest, or the one that is named.

    It is verified first and compared; what would change is shown, and the table's name has to be typed, unless --yes.
    """
    if bool(table) == all_tables:
        raise usage("What is to be restored?", "Name a table, or say --all.")
    if sum(each is not None for each in (as_of, backup, source)) > 1:
        raise usage("A restore takes one backup.", "Say one of --as-of, --backup and --from.")
    work = _from_folder(session, table, source) if source else _by_api(session.client, table, backup, as_of)
    planned = None
    if dry_run or not yes:
        session.step("Comparing")
        planned = work(dry_run=True)
        if dry_run:
            session.tell(planned, lambda console: show.differences(console, planned, would=True))
            return None
        if not session.as_json:
            show.differences(session.err, planned, would=True)
        confirm(session, table or "all", "Rows that came since the backup go.", yes)
    session.step("Restoring")
    finished = work(dry_run=False, shown=planned)
    session.tell(finished, lambda console: show.differences(console, finished))
    return None


def _by_api(client: Client, table: str | None, backup: str | None, as_of: str | None) -> _Restore:
    """Orders of one backup: what was ``shown`` is what is restored, though a newer one may have come meanwhile."""
    named = "backup" if table else "snapshot"
    path = f"/tables/{table}/restores" if table else "/restores"

    def work(*, dry_run: bool, shown: Run | None = None) -> Run:
        chosen = {named: backup, "as_of": as_of} if shown is None else {named: _shown(client, table, shown)}
        given = {name: value for name, value in chosen.items() if value is not None}
        return done(client.order(path, {**given, "dry_run": dry_run}))

    return work


def _shown(client: Client, table: str | None, planned: Run) -> str:
    """The backup that a dry run compared; of all tables, their snapshot."""
    compared = str(planned["result"]["tables"][0]["backup"])
    return compared if table else str(client.ask(f"/backups/{compared}")["snapshot"])


def _from_folder(session: Session, table: str | None, folder: Path) -> _Restore:
    from decant.copies import newest, restore_from

    record, chosen = session.record, newest(folder, table)

    def work(*, dry_run: bool, shown: Run | None = None) -> Run:  # noqa: ARG001 - it is the same folder's same backup
        return {"result": {"dry_run": dry_run, "tables": restore_from(record, chosen, folder, dry_run=dry_run)}}

    return work


def _one(client: Client, backup_id: str) -> dict[str, Any]:
    found = client.ask(f"/backups/{backup_id}")
    return {name: value for name, value in found.items() if name != "manifest"}


def _wrong(run: Run) -> str:
    error = run["error"] or {}
    return str(error.get("detail") or (run["result"] or {}).get("refusal") or run["state"])
